"""Checklists, runbooks, rules and status reports."""
from .core import kind

# Each line of a list has alternatives of its own, so nothing can come twice.
CHECKLISTS = {
    "Before a release": "run all tests|ask for a review; read the list of changes|make a backup; tell the team|plan the way back; check the dashboards|watch the error rate",
    "Before a migration": "make a backup|test the backup; test the migration on a copy|check the size of the table; pick a quiet hour|tell the users; plan the way back|watch the locks",
    "At the start of an incident": "read the alert|write down the time; look at the graphs|check the last changes; open a channel for the team|call a second person; tell the users|update the status page",
    "After an incident": "write the report|collect the logs; find the root cause|ask what went well; add a test|update the runbook; thank the team|plan the next steps",
    "When a server is slow": "look at CPU use|look at memory use; check the disk|check the network; check the database|read the slow query log; compare with last week|ask who changed something",
    "For a new service": "write a runbook|name an owner; add a health check|add an alert; set timeouts|set a rate limit; plan a backup|draw a dashboard",
    "For a good backup": "run it every night|run it before each release; keep it in another region|keep it on another machine; protect it with a key|encrypt it; test it every month|set an alert for failures",
    "On the first day on call": "test the pager|charge the laptop; read the runbooks|read the last reports; check your access|open the dashboards; know whom to call|say hello to the team",
}
RULES = ("Change one thing at a time.|Measure before you change anything.|Look at the last change first.|Stop the damage first, find the cause later.; "
         "Ask for help early.|Write down what you do.|Read the error message to the end.; "
         "Never test on the main database.|Keep releases small.|Set a timeout on every call.|Keep secrets out of the logs.; "
         "Every alert needs an owner.|A backup that was never tested is no backup.|Do not blame people, fix systems.")


def lines(s, slots, count):
    """The first count lines of a list, one alternative each."""
    return [s.pick(slot.strip().split("|")) for slot in slots.split(";")[:count]]


def mark(s):
    return s.pick([lambda n: "- ", lambda n: f"{n}. "])


@kind(1.5)
def checklist(s):
    title = s.pick(list(CHECKLISTS))
    items = lines(s, CHECKLISTS[title], s.number(3, 4))
    head = mark(s)
    return f"{title}:\n" + "\n".join(head(n) + item for n, item in enumerate(items, 1))


@kind(2)
def runbook(s):
    """What to do about one fault."""
    head = mark(s)
    items = [f"check whether {s.seen()}", s.fix(), s.lesson()]
    return f"Runbook: the {s.noun} {s.it()}\n" + "\n".join(head(n) + item for n, item in enumerate(items, 1))


@kind(1)
def rules(s):
    chosen = lines(s, RULES, s.number(3, 4))
    return s.pick(["Rules of the team:", f"Rules of the {s.service} team:", "Good rules:"]) + "\n" + "\n".join(
        f"{n}. {rule}" for n, rule in enumerate(chosen, 1))


@kind(2)
def status_report(s):
    """At most one service has a problem, and somebody looks at it."""
    names = [s.service, s.other_service]
    bad, state = s.number(0, 2), s.pick(["down", "slow"])
    text = f"Status at {s.time}: " + ", ".join(f"{name} is {state if n == bad else 'up'}" for n, name in enumerate(names)) + ". "
    return text + (f"{s.person} is looking at {names[bad]}." if bad < 2 else s.pick(["All is well.", "Nothing is down.", f"{s.person} is on call."]))


@kind(1)
def status_page(s):
    names = [s.service, s.other_service, s.third_service]
    states = [s.pick(["ok", "ok", "down", "slow"]) for _ in names]
    return f"Status page, {s.time}\n" + "\n".join(f"{a}: {b}" for a, b in zip(names, states))


@kind(1.5)
def weekly(s):
    return (f"Weekly report of the {s.service} team. Incidents: {s.number(1, 5)}. Releases: {s.number(1, 9)}. On call: {s.person}. "
            f"The worst problem was {s.cause()}. {s.person} {s.fixed()}. Next week {s.other} is on call.")


@kind(1.5)
def plan(s):
    return (f"Plan for {s.day}: {s.person} will {s.fix()}, {s.other} will watch the {s.service} {s.noun}, and {s.third} will write to the users. "
            f"Start: {s.time}. If something goes wrong, call {s.person}.")


@kind(1)
def wishes(s):
    names = [s.person, s.other]
    things = s.shuffled([s.pick(["faster tests", "fewer alerts", "more replicas", "shorter meetings"]),
                         s.pick(["a better dashboard", "a new runbook", "a larger cache", "a quiet night"])])
    k = s.number(0, 1)
    return (" ".join(f"{a} wants {b}." for a, b in zip(names, things))
            + s.pick([f" Who wants {things[k]}? {names[k]}.", f" What does {names[k]} want? {things[k].capitalize()}."]))
