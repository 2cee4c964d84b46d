"""Two people talk; each line begins with its speaker."""
from .concepts import CONCEPTS, DIFFERENCES
from .core import cap, kind


def talk(*lines):
    return "\n".join(lines)


@kind(3)
def incident_talk(s):
    a, b = s.person, s.other
    question, answer = s.pick([("What do you see?", cap(s.seen())), ("What does the log say?", cap(s.seen())),
                               ("Since when?", f"It began at {s.time}, and {s.seen()}")])
    return talk(f"{a}: The {s.service} {s.noun} {s.pick(['has a problem', 'looks bad', 'sent an alert'])}.", f"{b}: {question}", f"{a}: {answer}.",
                f"{b}: Then you should {s.fix()}.",
                f"{a}: {s.pick(['Done. The errors are gone.', f'I did. Thank you, {b}.', 'That helped.', f'Good idea, {b}.'])}")


@kind(2)
def who_is_on_call(s):
    a, b = s.person, s.other
    return talk(f"{a}: Who is on call for {s.service}?", f"{b}: {s.third} is.",
                f"{a}: Please tell {s.third} that the {s.noun} {s.it()}.",
                f"{b}: I told {s.third}. {s.third} will {s.fix()}.")


@kind(2)
def asking_terms(s):
    name, meaning, _, example, like, _ = s.pick(CONCEPTS)
    return talk(f"{s.person}: What is {name}?", f"{s.other}: {cap(meaning)}.",
                f"{s.person}: {s.pick(['Do you have an example?', 'Such as?'])}", f"{s.other}: {cap(example)}.",
                f"{s.person}: {s.pick([f'So it is like {like}.', f'Thank you, {s.other}.'])}")


@kind(1)
def comparing(s):
    a, b, does_a, does_b = s.pick(DIFFERENCES)
    return talk(f"{s.person}: Is {a} the same as {b}?", f"{s.other}: No. {cap(a)} {does_a}. {cap(b)} {does_b}.",
                f"{s.person}: {s.pick(['I see.', 'Now I understand.', f'Thank you, {s.other}.'])}")


@kind(2)
def numbers_on_the_phone(s):
    """An id is read out and read back."""
    code = s.pick(["req-", "host-", "job-", "node-"]) + s.code()
    return talk(f"{s.person}: Please look at {code}.", f"{s.other}: Did you say {code}?", f"{s.person}: Yes, {code}.",
                f"{s.other}: I see {code} in the {s.service} log at {s.time}.")


@kind(1.5)
def is_it_fixed(s):
    return talk(f"{s.person}: Is the {s.service} {s.noun} back?", f"{s.other}: Yes, since {s.time}. It {s.it()}.",
                f"{s.person}: What did you do?", f"{s.other}: I {s.fixed()}.",
                f"{s.person}: {s.pick(['Well done', 'Great', 'Thank you'])}, {s.other}. We should {s.lesson()}.")


@kind(1.5)
def release_talk(s):
    version = f"{s.number(1, 9)}.{s.number(0, 9)}"
    return talk(f"{s.person}: May I release {s.service} {version}?", f"{s.other}: Did the tests pass?", f"{s.person}: Yes, all of them.",
                f"{s.other}: Then release {version}, but to one server first.", f"{s.person}: {version} has been on one server since {s.time}. No errors.")
