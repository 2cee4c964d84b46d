"""Key=value records and lists, with questions whose answers must be copied from them.

Every value is drawn on its own, so no answer can be guessed: the model must look it up.
"""
from .core import NAMES, REGIONS, SERVICES, STATUSES, kind


def ask(s, pairs, low=2, high=4):
    """Some of the (question, answer) pairs, in their order."""
    return " ".join(f"{question} {answer}." for question, answer in s.some(pairs, low, high))


def request(s):
    """One request record and the questions about it."""
    user, code = s.person.lower(), "req-" + s.code()
    fields = [f"service={s.service}", f"user={user}", f"status={s.status}", f"id={code}"]
    if s.chance(0.3):
        fields = [fields[3], fields[1], fields[0], fields[2]]
    fields.insert(0 if s.chance(0.7) else 4, f"time={s.time}")
    pairs = [("Which user made the request?", user), ("What was the status?", s.status), ("Which service was it?", s.service),
             ("What time was it?", s.time), ("What was the id?", code)]
    return " ".join(fields), pairs


@kind(4)
def request_record(s):
    line, pairs = request(s)
    return line + s.pick(["\n", " "]) + ask(s, pairs, 2, 5)


@kind(2)
def request_explained(s):
    line, pairs = request(s)
    return f"{line}\nStatus {s.status} means that {STATUSES[s.status]}. " + ask(s, pairs[:1] + pairs[2:], 1, 3)



@kind(2)
def job_record(s):
    code, seconds = "job-" + s.code(), s.number(2, 90)
    worker = "worker-" + s.code()
    state = s.pick(["done", "failed", "cancelled"])
    fields = [f"id={code}", f"worker={worker}", f"owner={s.person.lower()}", f"state={state}", f"seconds={seconds}"]
    pairs = [("What was the id of the job?", code), ("Which worker ran the job?", worker), ("Who owned the job?", s.person.lower()),
             ("What was the state?", state), ("How many seconds did the job take?", str(seconds))]
    return " ".join(["job"] + fields) + "\n" + ask(s, pairs, 2, 4)


@kind(2)
def host_record(s):
    host, cpu = "host-" + s.code(), s.number(10, 99)
    region = s.pick(REGIONS)
    fields = [f"host={host}", f"region={region}", f"cpu={cpu}", f"service={s.service}"]
    pairs = [("Which host was it?", host), ("Which region was it?", region), ("How much CPU was in use?", f"{cpu}%"),
             ("Which service was it?", s.service)]
    return " ".join(fields) + "\n" + ask(s, pairs, 2, 4)


@kind(1.5)
def json_record(s):
    user, code = s.person.lower(), s.code()
    pairs = [("Which user?", user), ("Which status?", s.status), ("Which service?", s.service), ("Which id?", code)]
    return (f'{{"user": "{user}", "service": "{s.service}", "status": {s.status}, "id": "{code}"}}\n' + ask(s, pairs, 2, 4))



@kind(1.5)
def say_again(s):
    """Pure copying: a list, then the same list."""
    make = s.pick([lambda: s.three(SERVICES), lambda: s.three(NAMES), lambda: [s.code() for _ in range(3)],
                   lambda: [s.a_time() for _ in range(3)], lambda: ["node-" + s.code() for _ in range(3)],
                   lambda: [name.lower() for name in s.three(NAMES)]])
    items = ", ".join(make())
    head = s.pick(["Affected:", "Watch these:", "The list:", "To restart:"])
    return f"{head} {items}.\n" + s.pick(["Once more:", "I repeat:", "The same list again:"]) + f" {items}."


@kind(1.5)
def config_file(s):
    values = [("retries", s.number(1, 9)), ("timeout", f"{s.number(2, 60)} s"), ("owner", s.person.lower()), ("region", s.pick(REGIONS))]
    lines = "\n".join(f"{key}: {value}" for key, value in values)
    pairs = [(f"What is the value of {key}?", value) for key, value in values]
    return f"# {s.service}.conf\n{lines}\n" + ask(s, pairs, 2, 3)


@kind(2)
def message_trace(s):
    code = "msg-" + s.code()
    text = (f"Message {code} left the {s.service} service at {s.time}. {s.pick(['The queue', 'A queue'])} kept {code} for {s.minutes()}. "
            f"Then the {s.other_service} service read {code}. ")
    return text + ask(s, [("Which message was it?", code), ("Who sent it?", s.service), ("Who read it?", s.other_service),
                          ("When was it sent?", s.time)], 1, 3)


@kind(2)
def ticket(s):
    code = "ticket-" + s.code()
    text = f"{s.person} opened {code} for the {s.service} team at {s.time}. {s.other} took {code} and closed {code} after {s.minutes()}. "
    return text + ask(s, [("Which ticket was it?", code), (f"Who opened {code}?", s.person), (f"Who closed {code}?", s.other),
                          ("Which team was it for?", s.service)], 2, 4)


@kind(1.5)
def deploy_record(s):
    version, code = f"{s.number(1, 9)}.{s.number(0, 9)}.{s.number(0, 9)}", s.code()
    region = s.pick(REGIONS)
    pairs = [("Which version was deployed?", version), ("Who deployed it?", s.person.lower()), ("Which commit was it?", code),
             ("Which region was it?", region), ("Which service was deployed?", s.service)]
    return f"deploy service={s.service} version={version} commit={code} by={s.person.lower()} region={region}\n" + ask(s, pairs, 2, 4)
