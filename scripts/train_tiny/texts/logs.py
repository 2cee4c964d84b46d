"""Log lines, their copies in prose, and questions about them."""
from .core import STATUSES, kind
from .records import ask

LEVEL = {"200": "INFO", "201": "INFO", "400": "WARN", "401": "WARN", "403": "WARN", "404": "WARN", "409": "WARN", "429": "WARN"}


@kind(3.5)
def request_line(s):
    user, code = s.person.lower(), "req-" + s.code()
    level = LEVEL.get(s.status, "ERROR")
    line = s.pick([f"{s.time} {level} {s.service}: user={user} status={s.status} id={code}",
                   f"{s.time} {level} {s.service}: request {code} from {user} got status {s.status}",
                   f"{s.time} {s.service} {level} {code} {user} {s.status}"])
    return line + "\n" + ask(s, [("Which user made the request?", user), ("What was the status?", s.status),
                                 ("Which service was it?", s.service), ("What time was it?", s.time), ("What was the id?", code)], 2, 5)


@kind(2)
def line_in_prose(s):
    """A log line, then the same facts as a sentence."""
    user, code = s.person.lower(), "req-" + s.code()
    return (f"{s.time} {s.service} user={user} id={code} status={s.status}\n"
            + s.pick([f"In words: at {s.time} the {s.service} service answered request {code} from {user} with status {s.status}.",
                      f"In words: the request {code} came from {user} at {s.time}, and {s.service} answered with {s.status}.",
                      f"In words: {user} sent {code} to {s.service} at {s.time}. The status was {s.status}: {STATUSES[s.status]}."]))


@kind(3)
def fault_lines(s):
    """Log lines of an incident, then what the person on call made of them."""
    return (f"{s.time} ERROR {s.service}: the {s.noun} has a problem\n{s.time} ERROR {s.service}: {s.seen()}\n"
            f"{s.person} read the log of {s.service}. The cause was {s.cause()}. {s.person} {s.fixed()}.")


@kind(1)
def retries(s):
    """Numbered lines: the same request, one status after the other."""
    code, user = "req-" + s.code(), s.person.lower()
    tries = s.number(2, 3)
    lines = [f"{s.service} try {n}: {code} status={s.pick(['500', '502', '503', '504'])}" for n in range(1, tries)]
    lines.append(f"{s.service} try {tries}: {code} status=200")
    return "\n".join(lines) + "\n" + ask(s, [("Which request was it?", code), ("How many tries did it take?", tries),
                                             ("Which service was it?", s.service)], 2, 3)


@kind(1)
def login_lines(s):
    first, second = s.person.lower(), s.other.lower()
    return (f"{s.time} login user={first} result=ok\n{s.time} login user={second} result=denied\n"
            + ask(s, [("Who was logged in?", first), ("Who was denied?", second), (f"When did {first} log in?", s.time)], 2, 3))


@kind(1)
def checks(s):
    """Which of a few checks failed, if any."""
    count = s.number(3, 5)
    bad = s.number(0, count)
    lines = [f"check {n}: {'error' if n == bad else 'ok'}" for n in range(1, count + 1)]
    said = f"Check {bad} failed." if bad else "No check failed."
    return f"{s.service} checks\n" + "\n".join(lines) + f"\n{said}"
