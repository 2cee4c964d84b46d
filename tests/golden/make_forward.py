#!/usr/bin/env python3
"""Writes the goldens of the forward pass: forward/NAME.json and forward/NAME.f32.

    make_forward.py build/tests/random_model            writes them all
    make_forward.py build/tests/random_model --check    recomputes, compares, writes nothing
    make_forward.py --list                              the cases

Each case is a GPT-2 of an odd shape. The C program random_model writes its folder
(config.json and seeded random weights), PyTorch says what a right implementation
answers. The test in C makes the same folder again, so no weights are stored here.

    NAME.f32    raw little-endian float32 logits [n_positions, vocab_size]
    NAME.json   "arguments"      random_model's, after the folder
                "ids"            the tokens whose logits these are
                "greedy_prompt"  how many of the ids are the prompt of greedy_ids
                "greedy_ids"     what follows that prompt, the most likely id each time
                "perplexity"     (two cases) "long_ids", scored at several strides
                "weights_sha256" of model.safetensors: differs when random_model changed
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.dont_write_bytecode = True
import reference_gpt2  # noqa: E402

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "forward")
GREEDY_IDS = 24
# At each greedy step the best logit leads by more than this many standard deviations:
# ten times the error that the tests allow, so no right implementation can differ.
CLEAR_LEAD = 1e-3
MANY_DIFFERENT = 6

ODD = ["--n-layer", "3", "--n-head", "5", "--n-embd", "80", "--n-ctx", "96", "--vocab-size", "300"]


def case(name, description, positions, arguments, fill=False, strides=()):
    """fill: the greedy ids go on to the last position. strides: for the perplexity."""
    return {"name": name, "description": description, "positions": positions,
            "arguments": arguments, "fill": fill, "strides": strides}


CASES = [
    case("odd_f32", "3 layers, 5 heads, 80 dimensions, every one of its 96 positions", 96,
         ODD + ["--dtype", "F32", "--seed", "1"], strides=(1, 7, 48, 96)),
    case("odd_f16", "the same shape, weights stored as F16", 48, ODD + ["--dtype", "F16", "--seed", "2"]),
    case("odd_bf16", "the same shape, weights stored as BF16", 48, ODD + ["--dtype", "BF16", "--seed", "3"]),
    case("one_layer_one_head", "the smallest model: one layer, one head", 32,
         ["--n-layer", "1", "--n-head", "1", "--n-embd", "16", "--n-ctx", "32", "--vocab-size", "64", "--seed", "4"]),
    case("inner", "an MLP that is not 4 times as wide as the model", 40,
         ["--n-layer", "2", "--n-head", "4", "--n-embd", "48", "--n-ctx", "64", "--n-inner", "100",
          "--vocab-size", "200", "--seed", "5"]),
    case("prefix_masks_head", "names with 'transformer.', stored masks, an output head of its own", 40,
         ["--n-layer", "2", "--n-head", "4", "--n-embd", "32", "--n-ctx", "64", "--vocab-size", "257",
          "--prefix", "--masks", "--lm-head", "--seed", "6"]),
    case("gelu_erf", "activation_function gelu: the exact form, with erf", 40,
         ["--n-layer", "2", "--n-head", "4", "--n-embd", "64", "--n-ctx", "64", "--vocab-size", "256",
          "--activation", "gelu", "--seed", "7"]),
    case("large_epsilon", "layer_norm_epsilon 0.001 instead of 0.00001", 40,
         ["--n-layer", "2", "--n-head", "4", "--n-embd", "64", "--n-ctx", "64", "--vocab-size", "250",
          "--epsilon", "0.001", "--seed", "8"]),
    case("odd_head", "3 heads of 7 dimensions, 311 tokens: no size is a multiple of anything", 50,
         ["--n-layer", "2", "--n-head", "3", "--n-embd", "21", "--n-ctx", "50", "--vocab-size", "311", "--seed", "9"],
         fill=True, strides=(1, 7, 25, 50)),
    case("long_window", "160 positions, heads of 72 dimensions", 160,
         ["--n-layer", "2", "--n-head", "2", "--n-embd", "144", "--n-ctx", "160", "--vocab-size", "101", "--seed", "10"]),
]


def draw_ids(seed, count, vocab_size):
    """RandomState's numbers are the same in every version of numpy."""
    ids = np.random.RandomState(seed).randint(0, vocab_size, count)
    ids[1], ids[2] = vocab_size - 1, 0  # both ends of the table
    return ids.tolist()


def greedy_from(model, ids, prompt, count, std):
    """Returns count greedy ids, or None when one of the steps was a close call, or gave
    <|endoftext|>."""
    margins = []
    new = model.greedy(ids[:prompt], count, margins)
    return None if min(margins) <= CLEAR_LEAD * std or model.eos in new else new


def compute(program, item):
    """Returns (what NAME.json holds, logits [T, vocab_size] as numpy float32)."""
    with tempfile.TemporaryDirectory() as folder:
        directory = os.path.join(folder, "model")
        subprocess.run([program, directory] + item["arguments"], check=True, stdout=subprocess.DEVNULL)
        model = reference_gpt2.load(directory)
        with open(os.path.join(directory, "model.safetensors"), "rb") as file:
            weights_sha256 = hashlib.sha256(file.read()).hexdigest()

    seed = 1000 * (1 + CASES.index(item))
    best = None
    for attempt in range(48):
        # Other prompt lengths first, then other ids. Few different greedy ids would hide
        # a mistake: take the first prompt that gives some, or the best of all.
        ids = draw_ids(seed + attempt // 8, item["positions"], model.vocab_size)
        prompt = 4 + attempt % 8
        logits = model.logits(ids).numpy()
        std = float(logits.astype(np.float64).std())
        count = model.n_ctx - prompt if item["fill"] else min(GREEDY_IDS, model.n_ctx - prompt)
        new = greedy_from(model, ids, prompt, count, std)
        if new and (best is None or len(set(new)) > len(set(best[0]))):
            best = new, ids, prompt, logits, std
        if best and len(set(best[0])) >= MANY_DIFFERENT:
            break
    if best is None:
        sys.exit(f"{item['name']}: no prompt with clear greedy ids; change the weights")
    greedy_ids, ids, prompt, logits, std = best

    result = {
        "description": item["description"],
        "arguments": item["arguments"],
        "ids": ids,
        "n_positions": len(ids),
        "vocab_size": model.vocab_size,
        "logits_std": std,
        "logits": item["name"] + ".f32",
        "greedy_prompt": prompt,
        "greedy_ids": greedy_ids,
    }
    if item["strides"]:
        long_ids = draw_ids(seed + 500, 250, model.vocab_size)
        result["long_ids"] = long_ids
        result["perplexity"] = []
        for stride in item["strides"]:
            tokens, mean, perplexity = model.perplexity(long_ids, stride)
            result["perplexity"].append(
                {"stride": stride, "tokens": tokens, "mean_nll": mean, "perplexity": perplexity})
    result["weights_sha256"] = weights_sha256
    result["made_by"] = f"make_forward.py, torch {torch.__version__}, numpy {np.__version__}"
    return result, logits


def write(name, result, logits):
    # One line for each key: a change shows up as one line.
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in result.items()]
    with open(os.path.join(FOLDER, name + ".json"), "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + "\n}\n")
    logits.astype("<f4").tofile(os.path.join(FOLDER, name + ".f32"))


def differences(name, result, logits):
    """Compares with the files. Another version of PyTorch, or another processor, adds
    in another order: numbers may differ a little, ids may not."""
    try:
        with open(os.path.join(FOLDER, name + ".json"), encoding="utf-8") as file:
            stored = json.load(file)
        stored_logits = np.fromfile(os.path.join(FOLDER, name + ".f32"), dtype="<f4")
    except OSError as error:
        return [str(error)]
    found = []
    if stored.get("weights_sha256") != result["weights_sha256"]:
        found.append("random_model writes other weights now")
    for key in ("description", "arguments", "ids", "n_positions", "vocab_size", "logits", "greedy_prompt",
                "greedy_ids", "long_ids"):
        if stored.get(key) != result.get(key):
            found.append(f"{key} differ")
    if stored_logits.size != logits.size:
        found.append(f"{stored_logits.size} logits instead of {logits.size}")
    else:
        error = float(np.abs(stored_logits.reshape(logits.shape) - logits).max()) / result["logits_std"]
        if not error <= 1e-5:
            found.append(f"logits differ by {error:.1e} standard deviations")
    for old, new in zip(stored.get("perplexity", []), result.get("perplexity", [])):
        if (old["stride"], old["tokens"]) != (new["stride"], new["tokens"]) or \
                not abs(old["mean_nll"] - new["mean_nll"]) <= 1e-5 * abs(new["mean_nll"]):
            found.append(f"perplexity differs at stride {new['stride']}")
    if len(stored.get("perplexity", [])) != len(result.get("perplexity", [])):
        found.append("the strides differ")
    return found


def main():
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    if "--list" in options:
        for item in CASES:
            print(f"{item['name']}: {item['description']}\n    {' '.join(item['arguments'])}")
        return
    if len(arguments) != 1 or options not in ([], ["--check"]):
        sys.exit(__doc__)
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)

    failed = 0
    total = 0
    for item in CASES:
        result, logits = compute(os.path.abspath(arguments[0]), item)
        if options:
            problems = differences(item["name"], result, logits)
            print(f"{item['name']}: {'; '.join(problems) or 'as it should be'}")
            failed += bool(problems)
            continue
        write(item["name"], result, logits)
        total += logits.nbytes
        print(f"{item['name']}: logits {list(logits.shape)}, std {result['logits_std']:.3f}, "
              f"{len(result['greedy_ids'])} greedy ids ({len(set(result['greedy_ids']))} different) "
              f"after {result['greedy_prompt']}")
        for row in result.get("perplexity", []):
            print(f"    stride {row['stride']:3d}: {row['tokens']} tokens, mean NLL {row['mean_nll']:.6f}, "
                  f"perplexity {row['perplexity']:.6g}")
    known = {item["name"] + ending for item in CASES for ending in (".json", ".f32")}
    for name in sorted(set(os.listdir(FOLDER)) - known):
        print(f"{name}: belongs to no case")
    if not options:
        print(f"{len(CASES)} cases, {total} bytes of logits")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
