"""Two things side by side."""
from .concepts import DIFFERENCES
from .core import aside, cap, kind


def pair(s):
    """(one, other, what one does, what the other does), in either order."""
    a, b, does_a, does_b = s.pick(DIFFERENCES)
    return (a, b, does_a, does_b) if s.chance(0.5) else (b, a, does_b, does_a)


@kind(2.5)
def difference(s):
    a, b, does_a, does_b = pair(s)
    return f"What is the difference between {a} and {b}? {cap(a)} {does_a}, and {b} {does_b}." + aside(s)


@kind(1.5)
def while_other(s):
    a, b, does_a, does_b = pair(s)
    return f"{cap(a)} {does_a}, while {b} {does_b}." + s.pick([" They are not the same thing.", " Do not mix them up.", aside(s), aside(s)])


@kind(1.5)
def which_one(s):
    a, b, does_a, does_b = pair(s)
    return f"Which one {does_a}: {a} or {b}? {cap(a)}. And which one {does_b}? {cap(b)}." + aside(s)


@kind(1)
def two_services(s):
    """Two numbers, and which is which."""
    x, y = s.number(10, 99), s.number(10, 99)
    unit = s.pick(["requests each second", "errors in one hour", "jobs in the queue", "open connections"])
    text = f"The {s.service} service has {x} {unit}, and the {s.other_service} service has {y}. "
    return text + s.pick([f"Which one has {x}? {s.service}.", f"{s.person} wrote both numbers down.", f"Both numbers are normal for a {s.day}."])


@kind(1)
def before_after(s):
    high = s.number(5, 9) * 10
    low = s.number(1, 4) * 10
    what = s.pick(["CPU use", "memory use", "disk use"])
    return (f"Before the change the {s.service} service had a {what} of {high}%. {s.person} made a change. "
            f"After it the {what} was {low}%, so the change helped. It went from {high}% down to {low}%.")
