"""Cause and effect, one step after the other."""
from .concepts import BAD_CHAINS, CHAINS
from .core import aside, cap, kind


@kind(2)
def if_then(s):
    a, b, c, d = s.pick(CHAINS)
    return s.pick([f"If {a}, then {b}. If {b}, then {c}. And then {d}.", f"If {a}, {b}. Then {c}. In the end {d}.",
                   f"When {a}, {b}, and then {c}. In the end {d}."]) + aside(s)


@kind(1.5)
def why_chain(s):
    """Asking back to the root."""
    a, b, c, d = s.pick(BAD_CHAINS)
    return f"Problem: {d}. Why? Because {c}. Why? Because {b}. Why? Because {a}. That is the root cause." + aside(s)


@kind(1)
def arrows(s):
    return " -> ".join(s.pick(CHAINS))


@kind(1.5)
def what_next(s):
    a, b, c, d = s.pick(CHAINS)
    return f"What happens when {a}? First, {b}. Second, {c}. Third, {d}." + aside(s)


@kind(1.5)
def so_that(s):
    a, b, c, d = s.pick(CHAINS)
    k = s.number(0, 2)
    one, two = (a, b, c, d)[k:k + 2]
    return s.pick([f"{cap(two)} because {one}.", f"{cap(one)}, so {two}."]) + s.pick(
        [f" {s.person} saw this in the {s.service} service on {s.day}.", f" This happened to the {s.service} team at {s.time}.", ""])
