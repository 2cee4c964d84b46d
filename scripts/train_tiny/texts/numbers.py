"""Arithmetic on small numbers, always with a reason to compute."""
from .core import kind

THINGS = ["replicas", "servers", "workers", "nodes"]


@kind(3)
def plus(s):
    a, b, what = s.number(1, 6), s.number(1, 3), s.pick(THINGS)
    text = f"The {s.service} service had {a} {what if a > 1 else what[:-1]}. {s.person} added {b} more"
    return f"{text}. {a} plus {b} is {a + b}, so now there are {a + b} {what}."


@kind(2)
def minus(s):
    a, b, what = s.number(4, 8), s.number(1, 2), s.pick(THINGS)
    return (f"There were {a} {what}, and {s.person} stopped {b}. {a} minus {b} is {a - b}, "
            f"so {a - b} {what} are left for {s.service}.")


@kind(1)
def times(s):
    a, b = s.number(2, 5), s.pick([10, 20, 100])
    return (f"One server can handle {b} requests each second. The {s.service} service has {a} servers. {a} times {b} is {a * b}, "
            f"so together they can handle {a * b} requests each second.")


@kind(2)
def short_sum(s):
    a, b, what = s.number(2, 6), s.number(1, 3), s.pick(["logs", "alerts", "tickets", "backups"])
    text = f"{s.person} counted {a} {what} on {s.day} and {b} more the next day. {a} plus {b} is {a + b}."
    if s.chance(0.5):
        text += f" {a + b} minus {b} is {a}."
    if s.chance(0.5):
        text += f" {a + b} plus 1 is {a + b + 1}."
    return text


@kind(1)
def hours(s):
    first, second = s.number(1, 6), s.number(1, 3)
    return (f"The {s.service} incident of {s.day} took {first} hour{'s' if first > 1 else ''} to find and {second} more to fix: "
            f"{first} plus {second} is {first + second}.")


@kind(1)
def split(s):
    a, b = s.number(2, 5), s.pick([2, 5, 10])
    return (f"The {s.service} load balancer spreads {a * b} requests over {a} servers. Each server gets {b} requests, "
            f"because {a * b} divided by {a} is {b}.")


@kind(1)
def queue_count(s):
    a, b = s.number(2, 5), s.number(2, 3)
    return (f"The {s.service} queue held {a} messages, and {b} more arrived. {a} plus {b} is {a + b}. "
            f"Then a worker took 1. {a + b} minus 1 is {a + b - 1}, so {a + b - 1} messages are left.")


@kind(1)
def majority(s):
    n = s.pick([3, 5, 7])
    return (f"The {s.service} cluster of {n} nodes needs {n // 2 + 1} votes to choose a leader, because {n // 2 + 1} is more than half of {n}. "
            f"So {n // 2} nodes may fail.").replace("So 1 nodes", "So 1 node")
