"""Sentences with two nouns and one "it": which of the two is meant?

In one family the verb decides ("A restarted B because it ..." speaks of B, "A flooded B because
it ..." of A), in the other what follows decides (a message can be malformed, a queue can be full).
Each text asks back, so the answer can be checked.
"""
from .core import kind, marked

# The verb decides: "it" is the object. (actors, verbs, objects, what was wrong with the object)
OBJECT = [
    ("scheduler|supervisor|controller|operator", "restarted|stopped|replaced|removed|killed|isolated",
     "server|worker|database|cache|proxy|gateway|replica",
     "had stopped answering|had crashed twice|used too much memory|was stuck|had run out of memory|"
     "failed its health checks|returned errors"),
    ("load balancer|proxy|gateway|client", "avoided|stopped calling|gave up on",
     "server|replica|cache|database|node",
     "was down|was too slow|had stopped answering|failed its health checks|returned errors|had crashed|"
     "had no free connections"),
]
# The verb decides: "it" is the subject. (actors, verbs, objects, what was wrong with the actor)
SUBJECT = [
    ("server|worker|proxy|gateway|client|scheduler", "flooded|overloaded|blocked|slowed down",
     "database|cache|queue|replica|server|gateway",
     "retried without a delay|sent everything twice|never stopped retrying|ignored the rate limit|"
     "was set up wrongly|opened too many connections|had a wrong setting"),
    ("server|worker|proxy|gateway|scheduler|replica", "called|asked|contacted",
     "database|cache|replica|server",
     "needed fresh data|needed a copy of the data|had lost its own copy|had no data of its own|was new in the cluster|"
     "had nothing in memory"),
]
# What follows decides: (subject, verbs, object, true of the subject, true of the object)
CLUES = [
    ("server|gateway|proxy", "rejected|refused|did not accept", "request", "was overloaded|was shutting down|ran out of memory|was in the middle of a restart",
     "was malformed|had no token|was too large|had a wrong signature|came from an unknown user"),
    ("worker|consumer", "dropped|did not handle", "message", "crashed|was killed|lost its power|ran out of memory",
     "was malformed|had no body|was empty|was in an unknown format|was too old"),
    ("queue", "did not take|rejected", "message", "was full|was paused|had reached its length limit", "was too large|was malformed|had no key"),
    ("proxy|server|client", "closed", "connection", "was shutting down|was short of memory|was being upgraded",
     "had been idle for an hour|had a protocol error|was no longer used"),
    ("database|replica", "refused|did not run", "query", "was shutting down|was still starting|was short of memory|was being upgraded",
     "had a syntax error|named a missing table|read too many rows"),
    ("cache", "lost|no longer had", "entry", "was full|was restarted|ran out of memory", "had expired|was never read|was one hour old"),
    ("scheduler", "did not start|skipped", "job", "was down|had crashed|had lost its leader lock", "was disabled|had no owner|had already finished"),
    ("pipeline", "stopped|did not build", "release", "ran out of disk space|had no free machine|lost its network link",
     "failed its tests|had a syntax error|had no version number"),
    ("firewall", "blocked|dropped", "packet", "was set up wrongly|had a wrong rule", "came from an unknown address|was too large|had no valid header"),
    ("backup", "missed|did not contain", "file", "started too early|ended too early|ran only once a week", "was locked|was hidden|was created later"),
]


def verb_pair(s):
    """(subject, verb, object, predicate, referent): decided by the verb."""
    if s.chance(0.5):
        rows, which = OBJECT, 2
    else:
        rows, which = SUBJECT, 0
    row = [part.split("|") for part in s.pick(rows)]
    while True:
        subject, verb, thing, predicate = (s.pick(part) for part in row)
        service = s.service + " " if s.chance(0.6) else ""
        if subject != thing and s.fits(subject, thing, predicate, service):
            return service + subject, verb, thing, predicate, which


def clue_pair(s):
    """The same, decided by what is said of "it"."""
    which = s.pick([0, 2])
    while True:
        row = [part.split("|") for part in s.pick(CLUES)]
        subject, verb, thing = (s.pick(part) for part in row[:3])
        predicate = s.pick(row[3] if which == 0 else row[4])
        service = s.service + " " if s.chance(0.6) else ""
        if s.fits(subject, thing, predicate, service):
            return service + subject, verb, thing, predicate, which


def sentence(s, pair, marks=True):
    """The sentence, the noun that "it" names (without the service) and the predicate."""
    subject, verb, thing, predicate, which = pair
    noun = subject if which == 0 else thing
    subject, thing = (marked(subject), thing) if which == 0 else (subject, marked(thing))
    text = f"The {subject} {verb} the {thing} because ^it {predicate}."
    noun = noun[len(s.service) + 1:] if noun.startswith(s.service + " ") else noun
    return text if marks else text.replace("@", "").replace("^", ""), noun, predicate


def asked(s, noun, predicate):
    """The question back, in one of its forms."""
    return s.pick([f"What {predicate}? The {noun}.", f"What {predicate}? The {noun}.",
                   f"Question: what {predicate}? Answer: the {noun}."])


@kind(4)
def by_verb(s):
    text, noun, predicate = sentence(s, verb_pair(s))
    return text + " " + asked(s, noun, predicate)


@kind(3)
def by_clue(s):
    text, noun, predicate = sentence(s, clue_pair(s))
    return text + " " + asked(s, noun, predicate)


@kind(3)
def two_in_a_row(s):
    """Two sentences, each with its question; the answer of one is no help for the other."""
    first, second = s.pick([verb_pair, clue_pair]), s.pick([verb_pair, clue_pair])
    parts = []
    for make in (first, second):
        text, noun, predicate = sentence(s, make(s), marks=not parts)
        if parts and predicate in parts[0]:
            continue
        parts.append(text + f" What {predicate}? The {noun}.")
    return " ".join(parts)


@kind(1.5)
def single(s):
    """One candidate: the plain case, with the question."""
    it = s.it()
    return (f"The {s.service} {marked(s.noun)} {s.effect()} because ^it {it}. " + asked(s, s.noun, it)
            + s.pick(["", f" {s.person} {s.fixed()}.", f" So {s.person} {s.fixed()}."]))


@kind(1.5)
def both_ways(s):
    """The same pair of nouns and the same verb, and either noun may be meant."""
    while True:
        row = [part.split("|") for part in s.pick(CLUES)]
        subject, verb, thing = (s.pick(part) for part in row[:3])
        one, two = s.pick(row[3]), s.pick(row[4])
        if s.fits(subject, thing, one) and (s.split == "heldout" or s.fits(subject, thing, two)):
            break
    options = [(one, subject), (two, thing)]
    (one, first), (two, second) = s.shuffled(options)
    return (f"On {s.day} the {subject} {verb} the {thing} because it {one}. What {one}? The {first}. "
            f"The next day the {subject} {verb} the {thing} because it {two}. What {two}? The {second}.")


@kind(1.5)
def in_report(s):
    """The pronoun inside a longer text, asked for at the end."""
    text, noun, predicate = sentence(s, s.pick([verb_pair, clue_pair])(s), marks=True)
    return (f"{s.person} wrote at {s.time}: {text} {s.other} asked: what {predicate}? {s.person} answered: the {noun}.")
