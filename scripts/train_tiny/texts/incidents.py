"""Incident reports: what failed, who found it, how it was fixed, what was learned."""
from .core import cap, kind, marked


def fixing(s, again=True):
    """Who repaired it and when it was back: the name and the service occur again."""
    took = s.minutes()
    done = [f"{s.person} {s.fixed()}", f"{s.person} quickly {s.fixed()}", f"So {s.person} {s.fixed()}"]
    back = [f"and after {took} the {s.service} service was fine again", "and the problem was gone",
            f"and the {s.service} {s.noun} worked again", f"and all was normal after {took}"]
    return s.pick(done) + (", " + s.pick(back) if again else "") + "."


def learned(s):
    """The last sentence of a report."""
    lesson = s.lesson()
    return s.pick([f"The lesson: {lesson}.", f"Next time we will {lesson}.", f"{s.person} wrote down the lesson: {lesson}.",
                   f"From now on we {lesson}.", f"{s.other} asked everyone to {lesson}."])


@kind(8)
def report(s):
    text = s.pick([f"At {s.time} the {s.service} {s.noun} {s.effect()}.", f"On {s.day} at {s.time} the {s.service} {s.noun} {s.effect()}.",
                   f"The {s.service} {s.noun} {s.effect()} at {s.time}.", f"The {s.service} service failed at {s.time}: the {s.noun} {s.effect()}."])
    text += s.pick(["", f" {cap(s.users())}."])
    text += s.pick([f" {s.person} was on call.", f" {s.person}, who was on call, got the alert.", f" The alert woke {s.person}."])
    text += s.pick([f" {s.person} found {s.cause()}.", f" {s.person} read the logs and saw that {s.seen()}.",
                    f" The cause was {s.cause()}."])
    return text + " " + fixing(s) + s.pick(["", " " + learned(s)])


@kind(2)
def timeline(s):
    first = s.time
    s.time = second = s.later(1, 5)
    s.time = third = s.later(2, 9)
    s.time = fourth = s.later(2, 9)
    return (f"{first} The {s.service} {s.noun} {s.effect()}.\n{second} {s.person} got the alert.\n"
            f"{third} {s.person} saw that {s.seen()}.\n{fourth} {s.person} {s.fixed()}.")


@kind(2)
def postmortem(s):
    lines = [f"Incident: {s.service} {s.noun}", f"Start: {s.time}", f"Effect: the {s.noun} {s.effect()}", f"Cause: {s.cause()}",
             f"Fix: {s.person} {s.fixed()}", f"Lesson: {s.lesson()}"]
    if s.chance(0.5):
        lines.insert(2, f"On call: {s.person}")
    return "\n".join(lines)


@kind(4)
def on_call(s):
    """The name comes first and is asked for at the end."""
    text = s.pick([f"{s.person} was on call for {s.service} on {s.day}.", f"On {s.day} {s.person} was on call for {s.service}.",
                   f"{s.person} had the {s.service} pager this week."])
    text += f" At {s.time} the {s.noun} {s.effect()}." + s.pick(["", f" {cap(s.users())}."])
    text += f" {s.person} saw that {s.seen()}, and {s.fixed()}."
    return text + s.pick(["", f" Who was on call? {s.person}.", f" Who fixed it? {s.person}.",
                          f" Then {s.person} wrote the report."])


@kind(3)
def questions(s):
    """A short report, then questions about it."""
    text = f"At {s.time} the {s.service} {s.noun} {s.effect()} because of {s.cause()}. {s.person} was on call and {s.fixed()}."
    asked = [f"Which service failed? The {s.service} service.", f"Who was on call? {s.person}.", f"When did it fail? At {s.time}.",
             f"What failed? The {s.noun}."]
    return text + " " + " ".join(s.some(asked, 2, 4))


@kind(1.5)
def wrong_guess(s):
    guess = s.pick(["the firewall", "the monitoring", "the operating system", "the office network", "the browser"])
    return (f"The {s.service} {s.noun} {s.effect()} at {s.time}. At first {s.person} thought of {guess}, but {guess} was fine. "
            f"Then {s.other} saw that {s.seen()}. {s.person} {s.fixed()}. {s.other} and {s.person} wrote the report.")


@kind(1.5)
def handover(s):
    return (f"{s.person} handed the pager to {s.other} at {s.time}. {s.person} said that the {s.service} {s.noun} had a problem: "
            f"the cause was {s.cause()}. {s.other} {s.fixed()}. An hour later {s.other} told {s.person} that {s.service} was fine.")


@kind(1.5)
def user_report(s):
    return (f"A user of the {s.service} service wrote to support on {s.day}: something was wrong. {s.person} looked into it and "
            f"saw that the {marked(s.noun)} had a problem because ^it {s.it()}. " + fixing(s))


@kind(1.5)
def cascade(s):
    """One service fails, another one feels it."""
    return (f"The {s.service} service calls the {s.other_service} service. At {s.time} the {s.other_service} {s.noun} {s.effect()}, "
            f"so {s.service}, which needs {s.other_service}, had problems too. {s.person} {s.fixed()}, and both "
            + s.pick([f"{s.service} and {s.other_service} were", "services were"]) + " fine again.")


@kind(1.5)
def second_time(s):
    return (f"It was the second time this {s.pick(['week', 'month', 'year'])} that the {s.service} {s.noun} {s.effect()}. "
            f"Both times the cause was {s.cause()}. {s.person} {s.fixed()}. "
            f"This time the team decided to {s.lesson()}.")


@kind(1.5)
def alert(s):
    code = s.code()
    return (f"ALERT inc-{code}: {s.service} {s.noun} has had a problem since {s.time}. On call: {s.person}.\n"
            f"inc-{code}: {s.person} saw that {s.seen()}.\ninc-{code}: {s.person} {s.fixed()}.\n"
            f"inc-{code} is closed. Thank you, {s.person}.")


@kind(1.5)
def night(s):
    s.time = f"0{s.number(0, 5)}:{s.number(10, 59)}"
    return (f"{s.person} was asleep when the phone rang at {s.time}. The {s.service} {s.noun} had a problem. {s.person} opened the "
            f"laptop, looked at the {s.pick(['graphs', 'logs', 'metrics'])} and saw that {s.seen()}. {fixing(s, False)} "
            f"Then {s.person} {s.pick(['went back to sleep', 'made some tea', 'wrote a short report'])}.")


@kind(1.5)
def pair_work(s):
    return (f"{s.person} and {s.other} looked at the {s.service} {s.noun} together. {s.person} checked the "
            f"{s.pick(['logs', 'graphs', 'last changes'])}, and {s.other} checked the {s.pick(['network', 'config', 'health checks'])}. "
            f"They found {s.cause()}. Together they {s.fixed()}.")
