"""The probes' cases: a prompt with held-out entities, and the continuations that are right."""
import random

from texts import plain
from texts.core import Scene
from texts.logs import LEVEL
from texts.pronouns import clue_pair, sentence, verb_pair
from texts.records import request


def record_line(s):
    """A record or a log line of one request, with its questions and answers."""
    line, pairs = request(s)
    if s.chance(0.5):
        code, user, level = pairs[4][1], pairs[0][1], LEVEL.get(s.status, "ERROR")
        line = s.pick([f"{s.time} {level} {s.service}: user={user} status={s.status} id={code}",
                       f"{s.time} {level} {s.service}: request {code} from {user} got status {s.status}"])
    return line, pairs


def copy_case(n):
    """The n-th of the questions (user, status, service, time, id) about one line."""
    def case(s):
        line, pairs = record_line(s)
        question, answer = pairs[n]
        return f"{line}\n{question}", [f" {answer}."]
    return case


def with_service(s, make):
    """A pair of nouns that names its service: only then is the whole combination known to be held out."""
    pair = make(s)
    while not pair[0].startswith(s.service + " "):
        pair = make(s)
    return pair


def pronoun_case(make):
    """ "The billing worker flooded the database because it had a wrong setting. What had a wrong setting? The" """
    def case(s):
        text, noun, predicate = sentence(s, with_service(s, make))
        return plain(text) + f" What {predicate}? The", [f" {noun}."]
    return case


def fix_case(s):
    """A report up to its cause; any repair that fits the cause is right."""
    who = s.person
    prompt = s.pick([f"At {s.time} the {s.service} {s.noun} {s.effect()}. {who} was on call. The cause was {s.cause()}. {who}",
                     f"The {s.service} {s.noun} {s.effect()} at {s.time}. {who} was on call. {who} read the logs and saw that {s.seen()}. {who}",
                     f"The {s.service} {s.noun} {s.effect()} at {s.time} because it {s.it()}. {who}"])
    return prompt, [extra + past for past, _ in s.fault.fix for extra in (" ", " quickly ", " was on call and ")]


def name_case(s):
    """The name of the person on call must come again."""
    who, fault = s.person, f"At {s.time} the {s.noun} {s.effect()}."
    return s.pick([
        (f"{who} was on call for {s.service} on {s.day}. {fault} {s.users().capitalize()}.", [f" {who} saw"]),
        (f"{who} had the {s.service} pager this week. {fault} {who} saw that {s.seen()}, and {s.fixed()}. Who fixed it?", [f" {who}."]),
        (f"At {s.time} the {s.service} {s.noun} {s.effect()}. The alert woke {who}. The cause was {s.cause()}. So", [f" {who} "]),
        (f"At {s.time} the {s.service} {s.noun} {s.effect()} because of {s.cause()}. {who} was on call and {s.fixed()}. Who was on call?",
         [f" {who}."])])


# name -> (makes a case, the share that must be right)
PROBES = {
    "copy a user's name from a log line": (copy_case(0), 0.95),
    "copy a service from a log line": (copy_case(2), 0.95),
    "copy a status from a log line": (copy_case(1), 0.95),
    "copy a time from a log line": (copy_case(3), 0.95),
    "copy a made-up id from a log line": (copy_case(4), 0.80),
    "pronoun: the verb decides": (pronoun_case(verb_pair), 0.90),
    "pronoun: what follows decides": (pronoun_case(clue_pair), 0.90),
    "the fix fits the cause": (fix_case, 0.95),
    "the name of the person on call comes again": (name_case, 0.95),
}


def cases(name, count):
    """The first count cases of a probe: always the same ones, all different."""
    make, seen, n = PROBES[name][0], {}, 0
    while len(seen) < count:
        prompt, right = make(Scene(random.Random(f"probe {name} {n}"), "heldout"))
        seen.setdefault(prompt, right)
        n += 1
    return list(seen.items())
