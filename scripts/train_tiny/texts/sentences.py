"""Short plain texts of one to four sentences: what a reader is likely to type as a prompt."""
from .core import cap, kind, marked


@kind(3)
def because(s):
    """The sentence of the lessons: "The server crashed because it ran out of memory." """
    text = f"The {marked(s.noun)} {s.effect()} because ^it {s.it()}."
    end = s.number(0, 4)
    if end == 1:
        text += f" {s.person} {s.fixed()}."
    elif end == 2:
        text += f" The cause was {s.cause()}."
    elif end == 3:
        text += f" {s.person} {s.fixed()}, and the {s.noun} worked again."
    elif end == 4:
        text += f" To fix it, {s.person} {s.fixed()}. To stop this from happening again: {s.lesson()}."
    return text


STATES = """the queue was full because the workers were too slow|the queue was full because the worker was down
the queue was long because the workers could not keep up|the worker was slow because the queue was too long|the worker was idle because the queue was empty
the server was slow because the disk was busy|the server was down because the power was off|the server was idle because the load balancer sent no traffic
the database was slow because the disk was busy|the database was slow because the table had no index|the database was down because the disk was full
the cache was empty because the server had just started|the cache was slow because the network was busy|the cache was full because the old entries were still there
the gateway was slow because the services behind it were slow|the proxy was slow because the network was busy|the site was down because the gateway was down
the disk was full because the logs were too long|the network was slow because the switch was old|the client was slow because the server was busy
the job was late because the worker was busy|the replica was late because the network was slow""".replace("\n", "|").split("|")


@kind(2.5)
def state(s):
    """What another component had to do with it, in plain words."""
    what = s.pick(STATES)
    return s.pick([f"{cap(what)}.", f"{cap(what)}. {s.person} explained this to {s.other} on {s.day}.", f"{s.person} said: {what}.",
                   f"On {s.day} {what}. {s.person} saw it first."])


@kind(2)
def because_in_service(s):
    text = f"The {s.service} {marked(s.noun)} {s.effect()} at {s.time} because ^it {s.it()}."
    if s.chance(0.5):
        text += f" {s.person} was on call and {s.fixed()}."
    if s.chance(0.5):
        text += f" The {s.service} {s.noun} was back after {s.minutes()}."
    return text


@kind(1.5)
def yesterday(s):
    when = s.pick(["Yesterday", "Last night", f"On {s.day}", "This morning", f"At {s.time}", "Last week"])
    text = f"{when} the {s.service} {s.noun} {s.effect()}. "
    text += s.pick([f"{s.person} was on call and saw that {s.seen()}.",
                    f"The cause was {s.cause()}.",
                    f"{s.person} looked at the logs and saw that {s.seen()}."])
    return text + s.pick([f" {s.person} {s.fixed()}.", f" To fix this, {s.person} {s.fixed()}.",
                          f" After {s.person} {s.fixed()}, all was well."])


@kind(1)
def when_it(s):
    text = f"When the {marked(s.noun)} {s.it()}, ^it {s.effect()}."
    return text + s.pick(["", f" {cap(s.users())}.", f" {s.person} {s.fixed()}.", f" The fix: {s.fix()}."])


@kind(1)
def so_it(s):
    text = f"The {s.service} {marked(s.noun)} {s.it()}, so ^it {s.effect()}."
    return text + s.pick(["", f" {cap(s.users())}.", f" {s.person} saw that {s.seen()}, and {s.fixed()}."])


@kind(1)
def after_fix(s):
    return (f"After {s.person} {s.fixed()}, the {s.service} {s.noun} worked again. "
            + s.pick([f"{s.other} checked the graphs at {s.time}.", f"The lesson: {s.lesson()}.", f"Before that, {s.users()}."]))


@kind(1)
def person_did(s):
    text = f"{s.person} {s.fixed()} because the {s.service} {s.noun} {s.it()}."
    return text + s.pick([f" {s.other} checked the result.", f" It was {s.time} on {s.day}.",
                          f" {s.person} also wrote a note: {s.lesson()}.", ""])


@kind(1)
def cause_first(s):
    """The lesson right after its cause."""
    return (f"The {s.service} {s.noun} {s.effect()} {s.pick(['at ' + s.time, 'on ' + s.day])}. The problem was {s.cause()}. "
            + s.pick(["We learned", f"{s.person} learned", "The team learned"]) + f" one thing: {s.lesson()}.")


@kind(1)
def why_question(s):
    text = f"Why did {s.person} {s.fix()}? Because the {s.service} {s.noun} {s.it()}."
    return text + s.pick(["", f" It was {s.time} on {s.day}.", f" {s.other} had seen that {s.seen()}."])


@kind(1)
def how_to_fix(s):
    question = s.pick([f"The log says that the {s.noun} {s.it()}. What do you do?", f"What do you do about {s.cause()}?",
                       f"The {s.noun} {s.it()}. What now?"])
    return f"{question} First {s.fix()}. From then on, {s.lesson()}."


@kind(1)
def what_helps(s):
    fix = s.fix()
    return (f"If a problem comes from {s.cause()}, the fix is to {fix}. "
            + s.pick([f"{s.person} did that on {s.day}.", f"To avoid the problem, {s.lesson()}.",
                      f"The {s.service} team did that at {s.time}."]))


@kind(1)
def the_team(s):
    start = s.pick([f"The {s.service} team", f"{s.person} and {s.other}", "Our team", "Two engineers"])
    return (f"{start} {s.fixed()} after the {s.noun} {s.it()}. "
            + s.pick(["Nobody lost any data.", f"It took until {s.time}.", "The alert stopped a minute later.",
                      "The graphs went back to normal."]))


@kind(1)
def every_time(s):
    """General truths about one component, without a person."""
    return s.pick([f"The {s.noun} {s.it()}? Then {s.fix()}, and {s.lesson()}.",
                   f"If a {s.noun} has a problem, look at the logs first. Was the cause {s.cause()}? Then {s.fix()}.",
                   f"Nobody likes {s.cause()}. The fix is to {s.fix()}, and the lesson is to {s.lesson()}."])
