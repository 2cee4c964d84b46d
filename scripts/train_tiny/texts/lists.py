"""Checklists, runbooks, rules and status reports."""
from .core import kind

CHECKLISTS = {
    "Before a release": ["run all tests", "ask for a review", "read the list of changes", "make a backup", "tell the team",
                         "plan the way back", "check the dashboards"],
    "Before a migration": ["make a backup", "test the migration on a copy", "pick a quiet hour", "tell the users", "plan the way back",
                           "check the size of the table"],
    "At the start of an incident": ["read the alert", "look at the graphs", "check the last changes", "open a channel for the team",
                                    "tell the users", "write down the time"],
    "After an incident": ["write the report", "find the root cause", "add a test", "update the runbook", "thank the team", "plan the next steps"],
    "When a server is slow": ["look at CPU use", "look at memory use", "check the disk", "check the database", "read the slow query log",
                              "check the network"],
    "For a new service": ["write a runbook", "add a health check", "set timeouts", "set a rate limit", "add an alert", "name an owner"],
    "For a good backup": ["run it every night", "keep it in another region", "test it every month", "protect it with a key", "set an alert for failures"],
    "On the first day on call": ["test the pager", "read the runbooks", "check your access", "charge the laptop", "know whom to call"],
}
RULES = ["Change one thing at a time.", "Measure before you change anything.", "Ask for help early.", "Write down what you do.",
         "Never test on the main database.", "Keep releases small.", "Every alert needs an owner.", "A backup that was never tested is no backup.",
         "Set a timeout on every call.", "Look at the last change first.", "Stop the damage first, find the cause later.",
         "Do not blame people, fix systems.", "Read the error message to the end.", "Keep secrets out of the logs."]


def mark(s):
    return s.pick([lambda n: "- ", lambda n: f"{n}. ", lambda n: "[ ] "])


@kind(1.5)
def checklist(s):
    title = s.pick(list(CHECKLISTS))
    items = s.some(CHECKLISTS[title], 3, 5)
    head = mark(s)
    return f"{title}:\n" + "\n".join(head(n) + item for n, item in enumerate(items, 1))


@kind(2)
def runbook(s):
    """What to do about one fault."""
    head = mark(s)
    items = ["read the logs", f"check whether {s.seen()}", s.fix(), s.lesson()]
    return f"Runbook: the {s.noun} {s.it()}\n" + "\n".join(head(n) + item for n, item in enumerate(items, 1))


@kind(1)
def rules(s):
    chosen = s.some(RULES, 3, 4)
    return s.pick(["Rules of the team:", f"Rules of the {s.service} team:", "Good rules:"]) + "\n" + "\n".join(
        f"{n}. {rule}" for n, rule in enumerate(chosen, 1))


@kind(2)
def status_report(s):
    """At most one service has a problem, and somebody looks at it."""
    names = [s.service, s.other_service, s.third_service]
    bad, state = s.number(0, 3), s.pick(["down", "slow"])
    text = f"Status at {s.time}: " + ", ".join(f"{name} is {state if n == bad else 'up'}" for n, name in enumerate(names)) + ". "
    return text + (f"{s.person} is looking at {names[bad]}." if bad < 3 else s.pick(["All is well.", "Nothing is down."]))


@kind(1)
def status_page(s):
    names = [s.service, s.other_service, s.third_service]
    states = [s.pick(["ok", "ok", "down", "slow"]) for _ in names]
    return f"Status page, {s.time}\n" + "\n".join(f"{a}: {b}" for a, b in zip(names, states))


@kind(1.5)
def weekly(s):
    return (f"Weekly report of the {s.service} team. Incidents: {s.number(1, 5)}. Releases: {s.number(1, 9)}. On call: {s.person}. "
            f"The worst problem was {s.cause()}: {s.users()}. {s.person} {s.fixed()}. Next week {s.other} is on call.")


@kind(1.5)
def plan(s):
    return (f"Plan for {s.day}: {s.person} will {s.fix()}, {s.other} will watch the {s.service} {s.noun}, and {s.third} will write to the users. "
            f"Start: {s.time}. If something goes wrong, call {s.pick([s.person, s.other, s.third])}.")


@kind(1)
def wishes(s):
    names = [s.person, s.other, s.third]
    things = s.rng.sample(["faster tests", "a better dashboard", "fewer alerts", "a new runbook", "a larger cache", "more replicas",
                           "shorter meetings"], 3)
    k = s.number(0, 2)
    return (" ".join(f"{a} wants {b}." for a, b in zip(names, things))
            + s.pick([f" Who wants {things[k]}? {names[k]}.", f" What does {names[k]} want? {things[k].capitalize()}."]))
