"""Definitions, and questions with their answers."""
from .concepts import CONCEPTS
from .core import aside, cap, kind


def bare(name):
    """The name without its article: "a load balancer" -> "load balancer"."""
    return name.split(" ", 1)[1] if name.startswith(("a ", "an ")) else name


@kind(4.5)
def what_is(s):
    name, meaning, use, example, like, danger = s.pick(CONCEPTS)
    text = f"What is {name}? " + s.pick([f"{cap(name)} is {meaning}.", f"It is {meaning}."])
    return text + s.pick(["", f" {use}", f" {use} An example is {example}.", f" It is like {like}.", f" But be careful. {danger}"]) + aside(s)


@kind(3)
def definition(s):
    name, meaning, use, example, like, danger = s.pick(CONCEPTS)
    text = f"{cap(name)} is {meaning}. {use}"
    return text + s.pick(["", f" Think of {like}.", f" One example: {example}.", f" {danger}"]) + aside(s)


@kind(1.5)
def which_word(s):
    """From the meaning to the word."""
    name, meaning, use, _, like, _ = s.pick(CONCEPTS)
    return f"Question: what do we call {meaning}? Answer: {name}. " + s.pick([use, f"It is like {like}."]) + aside(s)


@kind(1.5)
def why_use(s):
    name, _, use, example, _, danger = s.pick(CONCEPTS[:10] + CONCEPTS[11:])
    verb = "measure" if name in ("latency", "throughput") else "need"
    return f"Why do we {verb} {name}? {use}" + s.pick([f" An example is {example}.", f" But remember: {danger[0].lower() + danger[1:]}", ""]) + aside(s)


@kind(1.5)
def like_what(s):
    name, meaning, _, _, like, _ = s.pick(CONCEPTS)
    return f"{cap(name)} is like {like}. In our work it means {meaning}." + aside(s)


@kind(1.5)
def danger(s):
    name, meaning, use, _, _, risk = s.pick(CONCEPTS)
    return f"{cap(name)} is {meaning}. " + s.pick(["What can go wrong?", "What should you watch?", "What is the risk?"]) + f" {risk}" + aside(s)


@kind(1)
def glossary(s):
    """Three terms in alphabetical order."""
    rows = sorted(s.rng.sample(CONCEPTS, 3), key=lambda row: bare(row[0]))
    return "Glossary\n" + "\n".join(f"{bare(row[0])}: {row[1]}" for row in rows)



@kind(1)
def lesson_talk(s):
    name, meaning, use, example, _, _ = s.pick(CONCEPTS)
    return (f"{s.person} asked {s.other}: what is {name}? {s.other} said: {meaning}. {s.person} asked for an example. "
            f"{s.other} said: {example}.")
