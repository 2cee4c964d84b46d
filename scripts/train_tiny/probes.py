"""Measure a model: perplexity and the probes. Writes results.json into the work folder."""
import argparse
import json
import math
import os
import random

import torch
import torch.nn.functional as F

import bpe
import heads
from probe_cases import PROBES, cases
from texts import KINDS, plain
from texts.core import EARLY_ONLY, Scene
from train import ROWS, load_model

HERE = os.path.dirname(os.path.abspath(__file__))
NO_ENTITIES = ("definitions.", "compare.difference", "compare.which_one", "chains.", "lists.checklist", "lists.rules",
               "numbers.", "records.say_again", "sentences.state")


def held_out_text(size):
    """About size bytes of held-out texts, each one after <|endoftext|>; only kinds with entities that the last part has."""
    rng, parts, total = random.Random("heldout"), [], 0
    chosen = [(name, weight, function) for name, weight, function in KINDS if not name.startswith(NO_ENTITIES) and name not in EARLY_ONLY]
    while total < size:
        _, _, function = rng.choices(chosen, [weight for _, weight, _ in chosen])[0]
        parts.append(bpe.END + plain(function(Scene(rng, "heldout"))))
        total += len(parts[-1])
    return "".join(parts)


@torch.no_grad()
def perplexity(model, tokenizer, text):
    """exp of the mean loss: windows of n_positions ids side by side, every id but the first predicted."""
    ids = [n for part in text.split(bpe.END)[1:] for n in [tokenizer.end] + tokenizer.encode(part)]
    size, loss = model.shape.n_positions, 0.0
    for start in range(0, len(ids) - 1, size):
        window = torch.tensor(ids[start:start + size + 1])
        logits = model(window[None, :-1])[0]
        loss += F.cross_entropy(logits, window[1:], reduction="sum").item()
    return math.exp(loss / (len(ids) - 1)), len(ids)


@torch.no_grad()
def greedy(model, ids, count):
    """The count most likely next ids, one after the other."""
    ids = list(ids)
    for _ in range(count):
        logits = model(torch.tensor([ids[-model.shape.n_positions:]]))[0, -1]
        ids.append(int(logits.argmax()))
    return ids


def answer(model, tokenizer, prompt, right):
    """What the model writes after the prompt, as long as the longest right continuation."""
    start = tokenizer.encode(prompt)
    longest = max(len(tokenizer.encode(text)) for text in right) + 1
    return tokenizer.decode(greedy(model, start, longest)[len(start):])


def run_probe(model, tokenizer, name, count, show):
    """How many of the first count cases are right; prints some that are not."""
    good = 0
    for prompt, right in cases(name, count):
        text = answer(model, tokenizer, prompt, right)
        if any(text.startswith(option) for option in right):
            good += 1
        elif show > 0:
            show -= 1
            print(f"    wrong: {prompt!r} ->{text!r}, not{right[0]!r}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--name", default="checkpoint.pt")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--show", type=int, default=0, help="wrong answers to show for each probe")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    path = os.path.join(options.work, options.name)
    tokenizer, model = bpe.load(options.work), load_model(path)
    with open(os.path.join(HERE, "heldout.txt"), encoding="ascii") as text:
        value, tokens = perplexity(model, tokenizer, text.read())
    print(f"perplexity {value:.3f} on {tokens} held-out tokens", flush=True)
    results = {"perplexity": value, "heldout_tokens": tokens, "count": options.count, "probes": {},
               "steps": torch.load(path)["step"], "rows": ROWS}
    for name, (_, needed) in PROBES.items():
        good = run_probe(model, tokenizer, name, options.count, options.show)
        results["probes"][name] = {"right": good, "needed": needed}
        print(f"{name}: {good} of {options.count} = {good / options.count:.1%}, needed {needed:.0%}", flush=True)
    results["heads"] = heads.measure(model, tokenizer, options.count)
    heads.show(results["heads"])
    with open(os.path.join(options.work, "results.json"), "w", encoding="utf-8") as out:
        json.dump(results, out, indent=1)


if __name__ == "__main__":
    main()
