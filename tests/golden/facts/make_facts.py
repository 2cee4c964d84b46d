#!/usr/bin/env python3
"""Writes facts about our own models, as PyTorch computes them: random.json and tiny.json.

    make_facts.py build/tests/random_model

The checker (tests/facts.c) and the layout of the files are the same as for the real GPT-2, whose
published facts stand in gpt2.json; these two show on every machine that the checker works. The
random model is written anew from the arguments in its file.
"""

import json
import os
import subprocess
import sys
import tempfile

import torch

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.dirname(HERE))
import reference_gpt2  # noqa: E402

ARGUMENTS = ["--n-layer", "2", "--n-head", "4", "--n-embd", "48", "--n-ctx", "64",
             "--vocab-size", "500", "--seed", "20"]


def cosine(a, b):
    a, b = a.double(), b.double()
    return float(a @ b / (a.norm() * b.norm()))


def analogy(wte, plus, minus, added):
    """The nearest row to plus - minus + added, those three left out."""
    target = wte[plus] - wte[minus] + wte[added]
    values = [-2.0 if i in (plus, minus, added) else cosine(wte[i], target) for i in range(len(wte))]
    best = max(range(len(values)), key=values.__getitem__)
    return {"plus": plus, "minus": minus, "and": added, "gives": best, "value": values[best],
            "tolerance": 1e-6}


def likeliest(model, ids):
    logits = model.logits(ids)[-1]
    top = int(logits.argmax())
    shown = sorted({top, 0, model.vocab_size - 1})
    return {"ids": ids, "top_id": top, "tolerance": 1e-3 * float(logits.std()),
            "logits": [{"id": i, "logit": float(logits[i])} for i in shown]}


def facts_about(directory, prompts, pair, words):
    """pair: texts of two tokens; words: three ids for an analogy."""
    tensors = reference_gpt2.read_safetensors(os.path.join(directory, "model.safetensors"))
    model = reference_gpt2.load(directory)
    with open(os.path.join(directory, "vocab.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)
    ids = [vocabulary[text.replace(" ", "\u0120")] for text in pair]
    wte, wpe = tensors["wte.weight"], tensors["wpe.weight"]
    last = len(wpe) - 1
    return {
        "source": f"make_facts.py, torch {torch.__version__}",
        "n_parameters": sum(t.numel() for t in tensors.values()),
        "rows": [{"tensor": "wte", "row": ids[0], "values": wte[ids[0]][:5].tolist(), "tolerance": 1e-7},
                 {"tensor": "wpe", "row": last, "values": wpe[last][:5].tolist(), "tolerance": 1e-7}],
        "cosines": [{"tensor": "wte", "a": pair[0], "b": pair[1],
                     "value": cosine(wte[ids[0]], wte[ids[1]]), "tolerance": 1e-6},
                    {"tensor": "wpe", "a": 0, "b": last, "value": cosine(wpe[0], wpe[last]),
                     "tolerance": 1e-6}],
        "analogies": [analogy(wte, *words)],
        "tokens": [{"text": "".join(pair), "ids": ids}],
        "greedy": [{"ids": p, "next": model.greedy(p, 8)} for p in prompts],
        "top": [likeliest(model, p) for p in prompts],
    }


def write(name, facts):
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in facts.items()]
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")


def main():
    with tempfile.TemporaryDirectory() as folder:
        directory = os.path.join(folder, "model")
        subprocess.run([sys.argv[1], directory] + ARGUMENTS, check=True)
        facts = facts_about(directory, [[10, 20, 30, 40, 50], [499, 0, 250], [7]],
                            ["aa", "ab"], (300, 301, 302))
    write("random.json", {"arguments": ARGUMENTS, **facts})

    tiny = os.path.join(TOP, "models", "tiny")
    with open(os.path.join(tiny, "vocab.json"), encoding="utf-8") as file:
        vocabulary = json.load(file)
    # Whole words that are tokens, so that no tokenizer is needed to write their ids.
    prompts = [[vocabulary[word] for word in text.split()]
               for text in ("The Ġserver Ġcrashed Ġbecause", "What Ġis Ġa Ġcache", "The Ġqueue Ġwas")]
    words = tuple(vocabulary[word] for word in ("Ġnodes", "Ġnode", "Ġserver"))
    write("tiny.json", facts_about(tiny, prompts, [" server", " database"], words))


main()
