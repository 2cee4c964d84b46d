"""Training batches: fresh text for every step, fixed by the step's number.

Most rows are texts, packed one after the other with <|endoftext|> between them. Some rows are
random tokens that are repeated once: nothing but copying can predict the second half, and that
is what makes copying heads form early and keeps them in shape.

A batch also lists places where it is known where attention should look (see hints.py):
from a pronoun to its noun, and from a place to the earlier occurrences of the token that comes next.
"""
import random
from dataclasses import dataclass, field

import torch

from texts import document
from texts.core import NAMES, REGIONS, SERVICES

IGNORED = -100  # a target that does not count


@dataclass
class Batch:
    """Goals are (row, place, [where to look])."""
    inputs: list = field(default_factory=list)
    targets: list = field(default_factory=list)
    random_rows: list = field(default_factory=list)
    pronouns: list = field(default_factory=list)
    text_copies: list = field(default_factory=list)
    random_copies: list = field(default_factory=list)


def copied_words(tokenizer):
    """token id -> what it says, for names, services, regions, numbers and the letters of made-up ids; else None.

    "Omar", " Omar", "omar" and " omar" say the same.
    """
    words = {word.lower() for word in NAMES + SERVICES + REGIONS}
    said = []
    for raw in tokenizer.bytes:
        text = raw.decode(errors="replace").strip().lower()
        said.append(text if text in words or text.isdigit() or (len(text) == 1 and text.isalpha()) else None)
    return said


def earlier_places(ids, said, end):
    """(place, [earlier places of what comes next]) for every place in ids, within one text."""
    seen, found = {}, []
    for place, now in enumerate(ids[:-1]):
        if now == end:
            seen = {}
        if said[now] is not None:
            seen.setdefault(said[now], []).append(place)
        wanted = said[ids[place + 1]]
        if wanted in seen:
            found.append((place, list(seen[wanted])))
    return found


def packed_row(tokenizer, rng, length, split="train", anywhere=0.0, last=False):
    """length + 1 ids of packed texts, and (pronoun, noun) places.

    Half of the rows begin with <|endoftext|>, half with a text right away, as a prompt does;
    a share of them (anywhere) begins in the middle of a text.
    """
    ids = [tokenizer.end] if rng.random() < 0.5 else []
    cut = rng.randrange(60) if rng.random() < anywhere else 0
    pronouns = []
    while len(ids) <= length + cut:
        new, places = tokenizer.encode_marked(document(rng, split, last=last))
        if "^" in places and cut <= len(ids) + places["@"] and len(ids) + places["^"] < length + cut:
            pronouns.append((len(ids) + places["^"] - cut, len(ids) + places["@"] - cut))
        ids += new + [tokenizer.end]
    return ids[cut:cut + length + 1], pronouns


def repeated_row(tokenizer, rng, length):
    """length + 1 ids: random sequences, each repeated once; the targets are the second copies.

    The tokens are drawn from the whole vocabulary, or from some texts, or from a few signs only:
    then one token of context is not enough to find the place to copy from, as in made-up ids.
    Also returns (place, [what followed the same token the first time]).
    """
    ids, targets, copies = [], [], []
    texts = packed_row(tokenizer, rng, length)[0]
    while len(ids) <= length:
        size = rng.choice([4, 8, 16, 32, 64])
        pool = rng.choice([range(tokenizer.end), texts, texts])
        if rng.random() < 0.2:
            pool = rng.sample(list(pool), 8 + size // 2)
        part = [rng.choice(pool) for _ in range(size)]
        between = [rng.choice(texts) for _ in range(rng.randrange(4))]
        second = len(ids) + size + len(between)
        copies += [(second + n, [len(ids) + n + 1]) for n in range(size - 1) if second + n < length]
        ids += part + between + part
        targets += [IGNORED] * (size + len(between) + 1) + part[1:]
    return ids[:length + 1], targets[:length + 1], copies


def make_batch(tokenizer, said, step, rows, length, random_rows, anywhere, last):
    """The batch of a step; the first random_rows rows are repeated random tokens."""
    rng = random.Random(f"train {step}")
    batch = Batch(random_rows=list(range(random_rows)))
    for row in range(rows):
        if row < random_rows:
            ids, wanted, copies = repeated_row(tokenizer, rng, length)
            batch.random_copies += [(row, place, goals) for place, goals in copies]
        else:
            ids, pronouns = packed_row(tokenizer, rng, length, anywhere=anywhere, last=last)
            wanted = ids
            batch.pronouns += [(row, it, [noun]) for it, noun in pronouns]
            batch.text_copies += [(row, place, goals) for place, goals in earlier_places(ids, said, tokenizer.end)]
        batch.inputs.append(ids[:-1])
        batch.targets.append(wanted[1:])
    batch.inputs, batch.targets = torch.tensor(batch.inputs), torch.tensor(batch.targets)
    return batch
