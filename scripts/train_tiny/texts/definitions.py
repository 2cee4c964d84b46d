"""Definitions, and questions with their answers."""
from .concepts import CONCEPTS
from .core import cap, kind


def bare(name):
    """The name without its article: "a load balancer" -> "load balancer"."""
    return name.split(" ", 1)[1] if name.startswith(("a ", "an ")) else name


@kind(2.5)
def what_is(s):
    name, meaning, use, example, like, danger = s.pick(CONCEPTS)
    text = f"What is {name}? " + s.pick([f"{cap(name)} is {meaning}.", f"It is {meaning}."])
    rest = s.shuffled([use, f"An example is {example}.", f"It is like {like}.", "But be careful. " + danger])
    return " ".join([text] + rest[:s.number(0, 3)])


@kind(2)
def definition(s):
    name, meaning, use, example, like, danger = s.pick(CONCEPTS)
    text = f"{cap(name)} is {meaning}. {use}"
    return text + s.pick(["", f" Think of {like}.", f" One example: {example}.", f" {danger}"])


@kind(1)
def which_word(s):
    """From the meaning to the word."""
    name, meaning, use, _, like, _ = s.pick(CONCEPTS)
    return f"Question: what do we call {meaning}? Answer: {name}. " + s.pick([use, f"It is like {like}."])


@kind(1)
def why_use(s):
    name, _, use, example, _, danger = s.pick(CONCEPTS[:10] + CONCEPTS[11:])
    return f"Why do we need {name}? {use} " + s.pick([f"An example is {example}.", f"But remember: {danger[0].lower() + danger[1:]}", ""]).strip()


@kind(1)
def like_what(s):
    name, meaning, _, _, like, _ = s.pick(CONCEPTS)
    return f"{cap(name)} is like {like}. In our work it means {meaning}."


@kind(1)
def danger(s):
    name, meaning, use, _, _, risk = s.pick(CONCEPTS)
    return f"{cap(name)} is {meaning}. " + s.pick(["What can go wrong?", "What should you watch?", "What is the risk?"]) + f" {risk}"


@kind(1)
def glossary(s):
    """Three terms in alphabetical order."""
    rows = sorted(s.rng.sample(CONCEPTS, 3), key=lambda row: bare(row[0]))
    return "Glossary\n" + "\n".join(f"{bare(row[0])}: {row[1]}" for row in rows)


@kind(1)
def true_or_false(s):
    """A statement that is right, or one with another concept's meaning."""
    name, meaning = s.pick(CONCEPTS)[:2]
    other, other_meaning = s.pick([row for row in CONCEPTS if row[0] != name])[:2]
    if s.chance(0.5):
        return f"True or false: {name} is {meaning}. True."
    return f"True or false: {name} is {other_meaning}. False: that is {other}. {cap(name)} is {meaning}."


@kind(1)
def lesson_talk(s):
    name, meaning, use, example, _, _ = s.pick(CONCEPTS)
    return (f"{s.person} asked {s.other}: what is {name}? {s.other} said: {meaning}. {s.person} asked for an example. "
            f"{s.other} said: {example}.")
