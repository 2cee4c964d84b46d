"""Extra losses that tell a few heads where to look.

A model this small finds out by itself how to copy, or what a pronoun refers to, only after far
more text than one processor core can read in an hour. So these heads are told where to look,
and the model learns the rest: what to do with what it finds there.

    layer 0, heads 0 and 1   the token before, the one before that       (random rows)
    layer 1, head 0          what followed this token the last time      (random rows)
    layer 2, head 0          from a pronoun to its noun                  (texts)
    layer 2, head 1          the earlier places of the next token        (texts and random rows)
    layer 3, head 0          the same
"""
import torch

PREVIOUS, BEFORE_PREVIOUS, FOLLOWED, PRONOUN, COPIES = (0, 0), (0, 1), (1, 0), (2, 0), ((2, 1), (3, 0))


def looking(attention, goals, layer_head):
    """How little a head looks where it should: the mean of -log(its weight on all goals of a place)."""
    layer, head = layer_head
    flat = [(row, place, goal, n) for n, (row, place, wanted) in enumerate(goals) for goal in wanted]
    rows, places, looked, group = (list(part) for part in zip(*flat))
    weights = attention[layer][rows, head, places, looked]
    sums = torch.zeros(len(goals)).index_add(0, torch.tensor(group), weights)
    return -(sums + 1e-6).log().mean()


def hints(attention, batch, weight):
    """The sum of the hints for a batch."""
    total = torch.zeros(())
    if batch.random_copies:
        for back, head in ((1, PREVIOUS), (2, BEFORE_PREVIOUS)):
            goals = [(row, place, [place - back]) for row, place, _ in batch.random_copies if place >= back]
            total = total + looking(attention, goals, head)
        for head in (FOLLOWED,) + COPIES:
            total = total + looking(attention, batch.random_copies, head)
    if batch.text_copies:
        for head in COPIES:
            total = total + looking(attention, batch.text_copies, head)
    if batch.pronouns:
        total = total + looking(attention, batch.pronouns, PRONOUN)
    return weight * total
