"""What every family of texts needs: the words, the Scene that picks them, the list of kinds.

A Scene decides which combination of entities a text is about. A hash of the combination says
whether it belongs to the training text or to the held-out text, so a held-out combination never
occurs in training, whatever the seed.
"""
import zlib

from .faults import FAULTS

NAMES = ("Omar Mina Ravi Lena Ana Noor Igor Yuki Tara Juan Emma Liam Zoe Hugo Paul Rosa Theo Uma Vera Wei "
         "Adam Bella Carl Dana Eva Finn Gita Hana Ivan Jana Kai Lars Maya Nora Rita Sam Tom Vik Yara Amir").split()
SERVICES = ("billing checkout search login payments orders catalog inventory shipping email chat profile "
            "reports archive photos video maps alerts metrics invoices accounts tickets pricing reviews "
            "booking messaging support calendar").split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
REGIONS = "north south east west".split()
STATUSES = {"200": "it was answered normally", "201": "something new was created",
            "400": "the request was malformed", "401": "the user was not logged in",
            "403": "the user had no permission", "404": "nothing was found at that path",
            "409": "two changes were in conflict", "429": "the client sent too many requests",
            "500": "the server had an internal error", "502": "the gateway got a bad answer",
            "503": "the service was not available", "504": "the gateway waited too long"}
USERS = ["users noticed it", "customers complained", "users wrote to support"]  # true of every fault
ID_LETTERS = "abcdefhkmnprtx"
HELD_OUT_SHARE = 16  # one combination in sixteen is held out

KINDS = []  # (name, weight, function)
# Kinds that teach but are left out after the first part of the training: a small model slips when it writes them
# itself (the second digit of a number, a name that comes twice, the same sentence again), so it must not end with them.
EARLY_ONLY = set("""
    records.job_record records.host_record records.message_trace records.say_again pronouns.both_ways pronouns.two_in_a_row pronouns.in_report
    incidents.wrong_guess incidents.cascade incidents.second_time incidents.handover lists.plan lists.status_page lists.weekly lists.wishes
    definitions.glossary definitions.lesson_talk chains.so_that compare.two_services compare.before_after dialogue.who_is_on_call
    numbers.queue_count numbers.split numbers.times logs.retries logs.checks sentences.cause_first sentences.every_time
    sentences.how_to_fix sentences.the_team stories.meeting""".split())


def kind(weight=1.0):
    """Register a function Scene -> text as a kind of text."""
    def register(function):
        KINDS.append((function.__module__.split(".")[-1] + "." + function.__name__, weight, function))
        return function
    return register


def held_out(*entities):
    """True when this combination of entities is kept out of the training text."""
    return zlib.crc32("|".join(entities).encode()) % HELD_OUT_SHARE == 0


class Scene:
    """Picks the entities of one text; the same seed and split give the same text."""

    def __init__(self, rng, split):
        self.rng = rng
        self.split = split
        self.time = self.a_time()
        self.day = self.pick(DAYS)
        # Each part of a text takes its names from its own part of the list. So nobody meets themselves, and a
        # model need not remember who was named: the name alone says where it may stand.
        while True:
            self.service, self.other_service, self.third_service = self.three(SERVICES)
            self.status = self.pick(list(STATUSES))
            self.person, self.other, self.third = self.pick(NAMES[:24]), self.pick(NAMES[24:34]), self.pick(NAMES[34:])
            self.fault = self.pick(FAULTS)
            self.noun = self.pick(self.fault.nouns)
            if self.allowed():
                break

    def allowed(self):
        """Held-out texts: the main combinations are held out. Training texts: none of the possible ones is."""
        if self.split == "heldout":
            return held_out(self.service, self.fault.key, self.noun, self.person) and held_out(self.service, self.status, self.person)
        return not any(held_out(service, self.fault.key, self.noun, person) or held_out(service, self.status, person)
                       for service in (self.service, self.other_service, self.third_service)
                       for person in (self.person, self.other, self.third))

    def fits(self, *entities):
        """True when the combination belongs to this scene's split."""
        return held_out(*entities) == (self.split == "heldout")

    def pick(self, options):
        return options[self.rng.randrange(len(options))]

    def three(self, words):
        """Three different words, each of another third of the list."""
        return [self.pick(third) for third in self.shuffled([words[n::3] for n in range(3)])]

    def chance(self, share):
        return self.rng.random() < share

    def number(self, low, high):
        return self.rng.randint(low, high)

    def shuffled(self, options):
        options = list(options)
        self.rng.shuffle(options)
        return options

    def a_time(self):
        return f"{self.rng.randrange(24):02d}:{self.rng.randrange(60):02d}"

    def later(self, low=1, high=9):
        """A time some minutes after self.time."""
        hour, minute = map(int, self.time.split(":"))
        total = (hour * 60 + minute + self.number(low, high)) % 1440
        return f"{total // 60:02d}:{total % 60:02d}"

    def minutes(self):
        """ "12 minutes": how long something took."""
        return f"{self.number(2, 30)} minutes"

    def some(self, options, low, high):
        """Some of the options, in their own order: so nothing comes twice."""
        chosen = self.rng.sample(range(len(options)), min(len(options), self.number(low, high)))
        return [options[n] for n in sorted(chosen)]

    def code(self):
        """A made-up id such as 7f3a: digit, letter, digit, letter, no sign twice."""
        digits = self.rng.sample("0123456789", 2)
        letters = self.rng.sample(ID_LETTERS, 2)
        return digits[0] + letters[0] + digits[1] + letters[1]

    # Phrases of the scene's fault, one choice at each call.
    def effect(self):
        return self.pick(self.fault.effect)

    def it(self):
        return self.pick(self.fault.it)

    def cause(self):
        return self.pick(self.fault.cause)

    def seen(self):
        return self.pick(self.fault.seen)

    def fixed(self):
        return self.pick(self.fault.fix)[0]

    def fix(self):
        return self.pick(self.fault.fix)[1]

    def lesson(self):
        return self.pick(self.fault.lesson)

    def users(self):
        return self.pick(USERS)


def aside(s):
    """A last sentence for texts that name nobody, so that hardly two of them are the same; or none."""
    return s.pick([f" {s.person} explained this to {s.other} on {s.day}.", f" {s.person} learned this in the {s.service} team.",
                   f" {s.person} wrote this down for the {s.service} team.", ""])


def cap(text):
    """The text with a capital first letter."""
    return text[0].upper() + text[1:]


def marked(noun):
    """The noun with the mark '@' before its last word: what "it" refers to."""
    first, space, last = noun.rpartition(" ")
    return first + space + "@" + last
