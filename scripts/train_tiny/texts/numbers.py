"""Arithmetic on small numbers, always with a reason to compute."""
from .core import kind

THINGS = ["replicas", "servers", "workers", "nodes", "alerts", "jobs", "messages", "requests"]


@kind(1.5)
def plus(s):
    a, b, what = s.number(1, 12), s.number(1, 8), s.pick(THINGS[:4])
    text = f"The {s.service} service had {a} {what if a > 1 else what[:-1]}. {s.person} added {b}"
    return f"{text}{' more' if b > 1 else ''}. {a} plus {b} is {a + b}, so now there are {a + b} {what}."


@kind(1.5)
def minus(s):
    a = s.number(4, 15)
    b = s.number(1, a - 2)
    what = s.pick(THINGS[:4])
    return (f"There were {a} {what}, and {b} {'was' if b == 1 else 'were'} stopped. {a} minus {b} is {a - b}, "
            f"so {a - b} {what} are left for {s.service}.")


@kind(1)
def times(s):
    a, b = s.number(2, 6), s.pick([10, 20, 30, 50, 100, 200])
    return (f"One server can handle {b} requests each second. The {s.service} service has {a} servers. {a} times {b} is {a * b}, "
            f"so together they can handle {a * b} requests each second.")


@kind(1)
def short_sum(s):
    a, b = s.number(0, 12), s.number(0, 9)
    text = f"{a} plus {b} is {a + b}."
    if s.chance(0.5):
        text += f" {a + b} minus {b} is {a}."
    if s.chance(0.5):
        c = s.number(1, 5)
        text += f" {a + b} plus {c} is {a + b + c}."
    return text


@kind(1)
def minutes(s):
    start, length = s.number(0, 29), s.number(2, 30)
    hour = s.number(0, 23)
    return (f"The {s.service} incident began at {hour:02d}:{start:02d} and ended at {hour:02d}:{start + length:02d}. "
            f"It took {length} minutes.")


@kind(1)
def split(s):
    a, b = s.number(2, 5), s.number(2, 10)
    return (f"A load balancer spreads {a * b} requests over {a} servers. Each server gets {b} requests, "
            f"because {a * b} divided by {a} is {b}.")


@kind(1)
def queue_count(s):
    a, b, c = s.number(5, 12), s.number(1, 8), s.number(1, 5)
    return (f"The {s.service} queue held {a} messages. {b} more arrived: {a + b}. "
            f"A worker took {c}: {a + b - c}. Now {a + b - c} are left.")


@kind(1)
def majority(s):
    n = s.pick([3, 5, 7])
    return (f"A cluster of {n} nodes needs {n // 2 + 1} votes to choose a leader, because {n // 2 + 1} is more than half of {n}. "
            f"So {n // 2} nodes may fail.").replace("So 1 nodes", "So 1 node")
