"""The text generator: document(rng, split) returns one short text.

Two marks may stand in a text and are removed before anything else sees it: '@' before the
noun that a pronoun refers to, '^' before that pronoun. They tell the probes where to look.
"""
from . import (chains, compare, definitions, dialogue, incidents, lists, logs, numbers, pronouns,
               records, sentences, stories)  # noqa: F401  (each registers its kinds)
from .core import EARLY_ONLY, KINDS, Scene

TOTAL = sum(weight for _, weight, _ in KINDS)


def choose(rng):
    """One kind, in proportion to the weights."""
    point = rng.random() * TOTAL
    for name, weight, function in KINDS:
        point -= weight
        if point < 0:
            break
    return name, function


def document(rng, split="train", only=None, last=False):
    """One text of the split; with only, of the kinds whose name starts with it; with last, of the kinds that the last part has."""
    name, function = choose(rng)
    while (only and not name.startswith(only)) or (last and name in EARLY_ONLY):
        name, function = choose(rng)
    return function(Scene(rng, split))


def plain(text):
    """The text without the marks."""
    return text.replace("@", "").replace("^", "")
