"""Unprompted samples: temperature 0.8, top-k 40, seeds 1 to 100. Writes samples.txt into the work folder.

Each sample begins after <|endoftext|> and ends where the model writes <|endoftext|> again.
"""
import argparse
import os
import re

import torch

import bpe
from train import load_model

PROMPT = "The server crashed because"


@torch.no_grad()
def sample(model, tokenizer, seed, count, temperature=0.8, top_k=40):
    """The text that the model writes from nothing."""
    generator = torch.Generator().manual_seed(seed)
    ids = [tokenizer.end]
    for _ in range(count):
        logits = model(torch.tensor([ids]))[0, -1] / temperature
        values, choices = logits.topk(top_k)
        ids.append(int(choices[torch.multinomial(values.softmax(-1), 1, generator=generator)]))
        if ids[-1] == tokenizer.end:
            break
    return tokenizer.decode(ids[1:] if ids[-1] != tokenizer.end else ids[1:-1])


@torch.no_grad()
def greedy_text(model, tokenizer, prompt, count=60):
    """The prompt and its most likely continuation, to the end of the text."""
    ids = tokenizer.encode(prompt)
    while count > 0:
        following = int(model(torch.tensor([ids]))[0, -1].argmax())
        if following == tokenizer.end:
            break
        ids.append(following)
        count -= 1
    return tokenizer.decode(ids)


def repeats(text):
    """The sentences (and lines) that occur more than once in a text."""
    parts = [part.strip() for part in re.split(r"(?<=[.?!])\s+|\n", text) if len(part.split()) > 2]
    return sorted({part for part in parts if parts.count(part) > 1})


def main():
    parser = argparse.ArgumentParser(description="100 samples")
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--name", default="checkpoint.pt")
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tokenizer, model = bpe.load(options.work), load_model(os.path.join(options.work, options.name))
    repeated, seeds = 0, {}  # seeds: text -> the seeds that gave it
    with open(os.path.join(options.work, "samples.txt"), "w", encoding="utf-8") as out:
        out.write(f"## greedy\n{greedy_text(model, tokenizer, PROMPT)}\n")
        for seed in range(1, options.count + 1):
            text = sample(model, tokenizer, seed, 150)
            repeated += bool(repeats(text))
            seeds.setdefault(text, []).append(seed)
            out.write(f"## seed {seed}\n{text}\n")
            if repeats(text):
                print(f"seed {seed} repeats {repeats(text)}")
    same = [found for found in seeds.values() if len(found) > 1]
    print(f"{options.count} samples, {repeated} repeat a sentence, the same text from seeds: {same or 'none'}")


if __name__ == "__main__":
    main()
