#!/usr/bin/env python3
"""Writes facts about a random model, as PyTorch computes them: random.json.

    make_facts.py build/tests/random_model

The checker (tests/facts.c) and the layout of the file are the same as for the real GPT-2,
whose published facts stand in gpt2.json; this file shows on every machine that the checker
works. The model is written anew from the arguments in the file.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import reference_gpt2  # noqa: E402

ARGUMENTS = ["--n-layer", "2", "--n-head", "4", "--n-embd", "48", "--n-ctx", "64",
             "--vocab-size", "500", "--seed", "20"]
PROMPTS = [[10, 20, 30, 40, 50], [499, 0, 250], [7]]


def cosine(a, b):
    a, b = a.double(), b.double()
    return float(a @ b / (a.norm() * b.norm()))


def main():
    with tempfile.TemporaryDirectory() as folder:
        directory = os.path.join(folder, "model")
        subprocess.run([sys.argv[1], directory] + ARGUMENTS, check=True)
        tensors = reference_gpt2.read_safetensors(os.path.join(directory, "model.safetensors"))
        model = reference_gpt2.load(directory)
    wte = tensors["wte.weight"]
    wpe = tensors["wpe.weight"]
    target = wte[300] - wte[301] + wte[302]
    similarity = [(-2.0 if i in (300, 301, 302) else cosine(wte[i], target)) for i in range(len(wte))]
    nearest = int(np.argmax(similarity))

    facts = {
        "source": f"make_facts.py, torch {torch.__version__}",
        "arguments": ARGUMENTS,
        "n_parameters": sum(t.numel() for t in tensors.values()),
        "rows": [{"tensor": "wte", "row": 499, "values": wte[499][:5].tolist(), "tolerance": 1e-7},
                 {"tensor": "wpe", "row": 63, "values": wpe[63][:5].tolist(), "tolerance": 1e-7}],
        "cosines": [{"tensor": "wte", "a": "aa", "b": "ab", "value": cosine(wte[256], wte[257]),
                     "tolerance": 1e-6},
                    {"tensor": "wpe", "a": 0, "b": 63, "value": cosine(wpe[0], wpe[63]),
                     "tolerance": 1e-6}],
        "analogies": [{"plus": 300, "minus": 301, "and": 302, "gives": nearest,
                       "value": similarity[nearest], "tolerance": 1e-6}],
        "tokens": [{"text": "aab", "ids": [256, 65]}],
        "greedy": [{"ids": ids, "next": model.greedy(ids, 8)} for ids in PROMPTS],
        "top": [],
    }
    for ids in PROMPTS:
        logits = model.logits(ids)[-1]
        top = int(logits.argmax())
        facts["top"].append({"ids": ids, "top_id": top, "tolerance": 1e-4,
                             "logits": [{"id": i, "logit": float(logits[i])} for i in (top, 0, 499)]})
    with open(os.path.join(HERE, "random.json"), "w", encoding="utf-8") as file:
        json.dump(facts, file, indent=1)
        file.write("\n")


main()
