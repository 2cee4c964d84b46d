"""Good news and everyday work: releases, tests, reviews, backups, moves."""
from .core import cap, kind


@kind(1.5)
def release(s):
    version = f"{s.number(1, 9)}.{s.number(0, 9)}"
    text = f"{s.person} released version {version} of the {s.service} service on {s.day} at {s.time}. "
    text += s.pick(["All tests had passed.", f"{s.other} had reviewed the change.", "The release went to one server first."])
    return text + s.pick([f" After an hour version {version} ran on every server.", f" There were no errors, so {s.person} closed the ticket.",
                          f" {s.other} watched the graphs for an hour."])


@kind(1.5)
def bad_release(s):
    version = f"{s.number(1, 9)}.{s.number(1, 9)}"
    return (f"{s.person} released version {version} of {s.service} at {s.time}. Right after that, {s.pick(['errors went up', 'the error rate doubled', 'requests failed'])}. "
            f"{s.person} rolled back version {version}, and the errors stopped. {s.other} then found the bug and wrote a test for it.")


@kind(1)
def review(s):
    return (f"{s.person} asked {s.other} to review a change to the {s.service} service. {s.other} "
            + s.pick(["found a missing test", "found a typo", "asked for a shorter function", "asked for a timeout", "asked for a better name"])
            + f". {s.person} changed that, and {s.other} approved the change at {s.time}.")


@kind(1)
def backup(s):
    text = f"Every night at 0{s.number(0, 5)}:{s.number(10, 59)} a job makes a backup of the {s.service} database. "
    return text + s.pick([f"On {s.day} {s.person} tested the backup: all rows were there.",
                          f"{s.person} checks each {s.day} that the backup can be restored.",
                          f"When somebody deleted a table by mistake, {s.person} restored the table from the backup."])


@kind(1)
def move(s):
    a, b = s.shuffled([s.pick(["north", "south"]), s.pick(["east", "west"])])
    return (f"The {s.service} service moved from the {a} region to the {b} region on {s.day}. {s.person} copied the data first, "
            f"then sent ten percent of the traffic to {b}, then all of it. Nothing is left in {a}.")


@kind(1)
def new_colleague(s):
    return (f"{s.person} is new in the {s.service} team. On the first day {s.other} showed {s.person} the "
            f"{s.pick(['logs', 'dashboards', 'runbooks', 'tests'])}. On {s.day} {s.person} "
            + s.pick(["fixed a first bug", "went on call together with " + s.other, "made a first release"])
            + f". {s.other} was happy to help.")


@kind(1)
def slow_page(s):
    """Finding a slow part by measuring."""
    slow = s.pick(["the database", "the cache", "the gateway", "the network", "the search index"])
    return (f"A page of the {s.service} service was slow. {s.person} measured each part. "
            f"Most of the time was spent in {slow}. {s.person} made {slow} faster, and the page loaded in half the time.")


@kind(1)
def meeting(s):
    return (f"{s.day} meeting. {s.person}, {s.other} and {s.third} were there. {s.person} talked about {s.service}, "
            f"{s.other} about {s.other_service}, {s.third} about {s.third_service}. Next meeting: {s.pick(['next week', 'in two weeks'])} at {s.number(10, 16)}:{s.pick(['00', '15', '30'])}.")


@kind(1)
def drill(s):
    return (f"The {s.service} team did a drill on {s.day}. {s.person} turned off one {s.pick(['server', 'replica', 'worker', 'cache node'])} on purpose. "
            + s.pick(["Users did not notice anything", "The others took over at once", "The alert arrived after one minute"])
            + f", so the drill was a success. {s.other} turned it on again at {s.time}.")


@kind(1)
def no_incident(s):
    thing = s.pick(["a spare replica", "a second load balancer", "a queue in front of the workers", "a good runbook", "a tested backup"])
    return (f"Nothing happened on {s.day}, and that was no accident. The {s.service} service has {thing}. "
            f"{s.person} had asked for {thing} after the last incident. {cap(s.pick(['thank you', 'well done']))}, {s.person}!")
