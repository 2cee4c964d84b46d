"""How many texts that the model writes have a slip? Writes slips.json into the work folder.

The texts that the model learned from are made by a generator of ours, so what may stand in them is known:
we generate very many of them and keep what was seen. A text of the model has a slip where it shows

    a sentence, or two sentences of one text, that the generator never writes (names, times, numbers ... stand for any other),
    phrases of two different faults in places where the generator never mixes them,
    a sentence about "it" whose words don't belong together,
    a sum that is wrong, or a sentence twice.

Something rare but right counts as a slip too; so the same is measured on fresh texts of the generator: false alarms.
"""
import argparse
import collections
import itertools
import json
import os
import random
import re

import torch

import bpe
from samples import repeats
from texts import choose, plain
from texts.core import DAYS, EARLY_ONLY, NAMES, REGIONS, SERVICES, STATUSES, Scene
from texts.faults import FAULTS
from texts.pronouns import CLUES, OBJECT, SUBJECT
from train import load_model

START, END = "<start>", "<end>"
ENOUGH = 20  # so often must a pair of sentences have been right before we say that it always belongs to one fault

NOUNS = sorted({noun for fault in FAULTS for noun in fault.nouns}, key=len, reverse=True)
NOUN = re.compile(r"\b(" + "|".join(NOUNS) + r")\b")


def fault_phrases():
    """phrase -> (what kind of phrase it is, the faults that it belongs to)."""
    found = collections.defaultdict(lambda: (set(), set()))
    for fault in FAULTS:
        for part in ("effect", "it", "cause", "seen", "lesson"):
            for phrase in getattr(fault, part):
                found[phrase][0].add(part)
                found[phrase][1].add(fault.key)
        for phrase in itertools.chain(*fault.fix):
            found[phrase][0].add("fix")
            found[phrase][1].add(fault.key)
    return {phrase: ("+".join(sorted(parts)), keys) for phrase, (parts, keys) in found.items()}


PHRASES = fault_phrases()
PHRASE = re.compile(r"\b(" + "|".join(re.escape(phrase) for phrase in sorted(PHRASES, key=len, reverse=True)) + r")(?!\w)", re.I)
NOUN_FAULTS = {noun: {fault.key for fault in FAULTS if noun in fault.nouns} for noun in NOUNS}

# What differs from text to text: what kind of thing it is.
ENTITY = re.compile("|".join([
    r"(?P<id>\b\d[a-z]\d[a-z]\b)", r"(?P<time>\b\d\d:\d\d\b)", r"(?P<version>\b\d\.\d(?:\.\d)?\b)",
    r"(?P<status>\b(?:" + "|".join(STATUSES) + r")\b)", r"(?P<number>\b\d+\b)", r"(?P<day>\b(?:" + "|".join(DAYS) + r")\b)",
    r"(?P<region>\b(?:" + "|".join(REGIONS) + r")\b)", r"(?P<person>\b(?:" + "|".join(NAMES) + r")\b)",
    r"(?P<user>\b(?:" + "|".join(NAMES).lower() + r")\b)", r"(?P<service>\b(?:" + "|".join(SERVICES) + r")\b)"]))
LIST_NUMBER = re.compile(r"^\d+\. ")


def units(text):
    """The sentences of a text; each line is a sentence of its own, or some."""
    found = []
    for line in text.split("\n"):
        head = LIST_NUMBER.match(line)
        parts = re.split(r"(?<=[.?!]) ", line[head.end():] if head else line)
        parts[0] = (head.group() if head else "") + parts[0]
        found += parts
    return found


class Unit:
    """A sentence without its entities: the form that is left, their values, and the faults that its phrases and nouns allow."""

    def __init__(self, text):
        self.values, self.faults = [], None
        head = LIST_NUMBER.match(text)
        head = head.group() if head else ""
        keep = "means that" in text or "The status was" in text  # here the meaning depends on the number
        self.form = head + ENTITY.sub(lambda match: self.entity(match, keep), PHRASE.sub(self.phrase, text[len(head):]))
        if self.faults is not None or "<service> " in self.form:  # here any noun may stand that the fault allows
            self.form = NOUN.sub(self.noun, self.form)

    def allow(self, keys):
        self.faults = keys if self.faults is None else self.faults & keys

    def noun(self, match):
        self.allow(NOUN_FAULTS[match.group()])
        self.values.append(("noun", match.group()))
        return "<noun>"

    def phrase(self, match):
        words = match.group()
        small = words if words in PHRASES else words[0].lower() + words[1:]
        if small not in PHRASES:
            return words
        part, keys = PHRASES[small]
        self.allow(keys)
        return ("<" if words == small else "<^") + part + ">"

    def entity(self, match, keep):
        kind, value = match.lastgroup, match.group()
        self.values.append((kind.replace("user", "person"), value.lower()))
        if kind == "status":
            return value if keep else f"<status {value[0]}>"
        return f"<{kind}>"


def same(*parts):
    """Which entities are the same: for each the number of the first one with its value."""
    first = {}
    return tuple(first.setdefault(value, len(first)) for part in parts for value in part.values)


def agree(*parts):
    """True when one fault allows all phrases and nouns of the sentences; None when fewer than two of them have any."""
    sets = [part.faults for part in parts if part.faults is not None]
    return bool(set.intersection(*sets)) if sets else None


def pronoun_rows():
    """(subject, verb, object, what is said of "it") -> the noun that "it" names."""
    rows = [(row, 2) for row in OBJECT] + [(row, 0) for row in SUBJECT]
    rows += [(row[:3] + (row[3],), 0) for row in CLUES] + [(row[:3] + (row[4],), 2) for row in CLUES]
    return {words: words[which] for row, which in rows for words in itertools.product(*(part.split("|") for part in row))}


REFERENTS = pronoun_rows()
IT_SENTENCE = re.compile("The ((?:%s) )?(%s) (%s) the (%s) because it ([^.?]+)[.]" % (("|".join(SERVICES),) + tuple(
    "|".join(sorted({words[n] for words in REFERENTS}, key=len, reverse=True)) for n in range(3))))


def pronouns(text):
    """The text with marks in place of each right sentence about "it", its question and its right answer."""
    for match in list(IT_SENTENCE.finditer(text)):
        noun = REFERENTS.get(match.groups()[1:])
        if noun:
            text = text.replace(match.group(), f"The {match.group(1) or ''}<it>.", 1)
            text = text.replace(f"hat {match.group(5)}? The {noun}.", "hat <it did>? The <it>.", 1)
            text = re.sub(rf"hat {match.group(5)}[?] (Answer|{'|'.join(NAMES)})(:| answered:) the {noun}[.]", r"hat <it did>? \1\2 the <it>.", text, 1)
    return text


def parts_of(text):
    return [Unit(unit) for unit in units(pronouns(text))]


SUM = re.compile(r"(\d+) (plus|minus|times|divided by) (\d+) is (\d+)")
COMPUTE = {"plus": lambda a, b: a + b, "minus": lambda a, b: a - b, "times": lambda a, b: a * b, "divided by": lambda a, b: a / b if b else None}


def wrong_sums(text):
    return [match.group() for match in SUM.finditer(text)
            if COMPUTE[match.group(2)](int(match.group(1)), int(match.group(3))) != int(match.group(4))]


class Known:
    """What the generator writes: sentences, pairs of sentences, and which pairs always belong to one fault."""

    def __init__(self):
        self.seen, self.agreed, self.mixed = set(), collections.Counter(), set()
        self.kinds = collections.defaultdict(collections.Counter)  # first sentence -> the kinds that begin with it

    def add(self, name, text):
        parts = parts_of(text)
        self.kinds[parts[0].form][name] += 1
        for first, second, near in pairs(parts):
            self.seen.add(key(first, second, near))
            fit = agree(first, second)
            if fit:
                self.agreed[first.form, second.form] += 1
            elif fit is False:
                self.mixed.add((first.form, second.form))

    def problems(self, text):
        """What is wrong with a text; an empty list when nothing is."""
        found = [f"says twice: {unit}" for unit in repeats(text)] + [f"wrong sum: {words}" for words in wrong_sums(text)]
        parts = parts_of(text)
        for first, second, near in pairs(parts):
            if key(first, second, near) not in self.seen:
                found.append("never written: " + first.form + (" / " + second.form if second.form != first.form else ""))
            elif agree(first, second) is False and (first.form, second.form) not in self.mixed and self.agreed[first.form, second.form] >= ENOUGH:
                found.append("two faults: " + first.form + " / " + second.form)
        return found

    def kind(self, text):
        """The kind that most often begins as the text does."""
        begun = self.kinds.get(parts_of(text)[0].form)
        return begun.most_common(1)[0][0] if begun else "none"


def pairs(parts):
    """Each sentence with itself, with the next one (near) and with all later ones; the first and the last with the text's ends."""
    yield START_UNIT, parts[0], True
    for n, part in enumerate(parts):
        yield part, part, False
        for later in parts[n + 1:]:
            yield part, later, later is parts[n + 1]
    yield parts[-1], END_UNIT, True


def key(first, second, near):
    return hash((first.form, second.form, same(first, second), near))


START_UNIT, END_UNIT = Unit(START), Unit(END)


def generated(seed, count):
    """(kind, text), count times; one in five is of any kind, the others of those that the last part of the training has."""
    rng = random.Random(seed)
    for n in range(count):
        name, function = choose(rng)
        while n % 5 and name in EARLY_ONLY:
            name, function = choose(rng)
        yield name, plain(function(Scene(rng, "train")))


@torch.no_grad()
def step(model, ids, place, memory):
    """The scores after one more token in each row; memory holds the keys and values of each layer."""
    x = model.wte(ids) + model.wpe.weight[place]
    for n, block in enumerate(model.h):
        rows, width = x.shape
        q, k, v = (part.view(rows, model.shape.n_head, 1, -1) for part in block.attn.c_attn(block.ln_1(x)).split(width, dim=1))
        keys, values = memory[n] = [torch.cat([old, new], dim=2) for old, new in zip(memory[n], (k, v))] if memory[n] else [k, v]
        weights = (q @ keys.transpose(2, 3) / keys.shape[-1] ** 0.5).softmax(-1)
        x = x + block.attn.c_proj((weights @ values).reshape(rows, width))
        x = x + block.mlp(block.ln_2(x))
    return model.ln_f(x) @ model.wte.weight.T


@torch.no_grad()
def write(model, tokenizer, seed, rows, temperature=0.8, top_k=40):
    """So many texts of the model, side by side, each from <|endoftext|> to <|endoftext|>."""
    generator = torch.Generator().manual_seed(seed)
    ids, memory, numbers = torch.full((rows,), tokenizer.end), [None] * model.shape.n_layer, list(range(rows))
    texts = [[] for _ in range(rows)]
    for place in range(model.shape.n_positions):
        values, choices = (step(model, ids, place, memory) / temperature).topk(top_k)
        ids = choices.gather(1, torch.multinomial(values.softmax(-1), 1, generator=generator))[:, 0]
        going = ids != tokenizer.end
        ids, memory = ids[going], [[part[going] for part in layer] for layer in memory]
        numbers = [number for number, goes in zip(numbers, going.tolist()) if goes]
        for number, now in zip(numbers, ids.tolist()):
            texts[number].append(now)
        if not numbers:
            break
    return [tokenizer.decode(text) for text in texts]


def count_slips(known, texts, show):
    """(number of texts, of those with a slip); prints some of them, and the kinds that have most."""
    kinds, total, slips = collections.Counter(), collections.Counter(), 0
    for text in texts:
        total[known.kind(text)] += 1
        found = known.problems(text)
        if found:
            slips += 1
            kinds[known.kind(text)] += 1
            if slips <= show:
                print(f"--- {known.kind(text)}\n{text}\n    " + "\n    ".join(found[:2]))
    print("    " + ", ".join(f"{name} {n} of {total[name]}" for name, n in kinds.most_common(25)))
    return sum(total.values()), slips


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--name", default="checkpoint.pt")
    parser.add_argument("--known", type=int, default=300000, help="texts of the generator to learn from")
    parser.add_argument("--count", type=int, default=2000, help="texts of the model, and as many fresh ones of the generator")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", type=int, default=0, help="texts with a slip to show")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = Known()
    for name, text in generated("known", options.known):
        known.add(name, text)
    print(f"{options.known} texts of the generator: {len(known.seen)} sentences and pairs", flush=True)
    fresh = [text for n, (_, text) in enumerate(generated("fresh", options.count * 5 // 4)) if n % 5]
    _, false = count_slips(known, fresh, options.show)
    print(f"false alarms: {false} of {len(fresh)} fresh texts of the generator = {false / len(fresh):.2%}", flush=True)
    tokenizer, model = bpe.load(options.work), load_model(os.path.join(options.work, options.name))
    texts = [text for n in range(options.count // 250) for text in write(model, tokenizer, options.seed * 1000 + n, 250)]
    total, slips = count_slips(known, texts, options.show)
    print(f"slips: {slips} of {total} texts of the model = {slips / total:.2%}")
    with open(os.path.join(options.work, "slips.json"), "w", encoding="utf-8") as out:
        json.dump({"texts": total, "slips": slips, "fresh": len(fresh), "false_alarms": false}, out)


if __name__ == "__main__":
    main()
