#!/usr/bin/env python3
"""How far does each mistake move the logits? Shows that the goldens can catch it.

    sensitivity.py build/tests/random_model

For each case that make_forward.py has written it computes the logits again with one mistake at a
time (a bias left out, a wrong mask, the other GELU ...), and prints the largest
change of any logit, in units of what the tests tolerate (1e-4 standard deviations).
A mistake that moves none by 100 is reported, and the exit status is 1. (By 5 where
a single number of a bias is lost, as when a vector loop stops too early: that number
may happen to be near zero.)
"""

import json
import math
import os
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

sys.dont_write_bytecode = True
import make_forward  # noqa: E402
import reference_gpt2  # noqa: E402

TOLERANCE = 1e-4
WANTED = 100
WANTED_OF_ONE_NUMBER = 5


@torch.no_grad()
def forward(model, ids, w=None, epsilon=None, gelu=None, scale=None, look_ahead=0, first_key=0, first_position=0):
    """The reference's forward pass with a handle on everything that can be done wrong."""
    w = model.w if w is None else w
    epsilon = model.epsilon if epsilon is None else epsilon
    n, d = len(ids), model.n_embd
    d_head = d // model.n_head
    mask = torch.ones(n, n, dtype=torch.bool).tril(look_ahead)
    mask[:, 0] = True  # a row that looks at nothing is not a number
    mask[1:, :first_key] = False
    positions = (torch.arange(n) + first_position) % model.n_ctx

    def norm(x, name):
        return F.layer_norm(x, (d,), w[name + ".weight"], w[name + ".bias"], epsilon)

    def linear(x, name):
        return torch.addmm(w[name + ".bias"], x, w[name + ".weight"])

    x = w["wte.weight"][torch.tensor(ids)] + w["wpe.weight"][positions]
    for layer in range(model.n_layer):
        h = f"h.{layer}."
        q, k, v = (part.view(n, model.n_head, d_head).transpose(0, 1)
                   for part in linear(norm(x, h + "ln_1"), h + "attn.c_attn").split(d, dim=1))
        scores = q @ k.transpose(1, 2) * (scale or 1 / math.sqrt(d_head))
        shares = F.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
        x = x + linear((shares @ v).transpose(0, 1).reshape(n, d), h + "attn.c_proj")
        hidden = linear(norm(x, h + "ln_2"), h + "mlp.c_fc")
        x = x + linear(F.gelu(hidden, approximate=gelu or model.gelu), h + "mlp.c_proj")
    return norm(x, "ln_f") @ w.get("lm_head.weight", w["wte.weight"]).t()


def changed(model, name, part, value):
    """The weights, but with one part (a slice of the last axis) set to a value."""
    w = dict(model.w)
    w[name] = w[name].clone()
    w[name][..., part] = value
    return w


def mistakes(model, n):
    """Yields (what is wrong, keyword arguments of forward)."""
    d = model.n_embd
    yield "no mask", {"look_ahead": n}
    yield "mask looks one position ahead", {"look_ahead": 1}
    yield "mask hides the position itself", {"look_ahead": -1}
    yield "mask hides the first position from all others", {"first_key": 1}
    yield "scores not scaled", {"scale": 1.0}
    if model.n_head > 1:
        yield "scores scaled by sqrt(n_embd)", {"scale": 1 / math.sqrt(d)}
    yield "GELU in its other form", {"gelu": "none" if model.gelu == "tanh" else "tanh"}
    for epsilon in {0.0, 1e-12, 1e-6, 1e-5, 1e-4} - {model.epsilon}:
        yield f"epsilon {epsilon:g} instead of {model.epsilon:g}", {"epsilon": epsilon}
    yield "positions begin at 1", {"first_position": 1}
    yield "no positions", {"w": changed(model, "wpe.weight", slice(None), 0.0)}
    if "lm_head.weight" in model.w:
        yield "lm_head ignored", {"w": {k: v for k, v in model.w.items() if k != "lm_head.weight"}}
    for name, tensor in model.w.items():
        if name.endswith(".bias"):
            if name.endswith("c_attn.bias"):
                # Key biases alone change nothing: they add the same to all scores of a row,
                # and softmax takes no notice of that.
                yield f"{name} left out for q", {"w": changed(model, name, slice(0, d), 0.0)}
                yield f"{name} left out for v", {"w": changed(model, name, slice(2 * d, 3 * d), 0.0)}
            else:
                yield f"{name} left out", {"w": changed(model, name, slice(None), 0.0)}
            yield f"{name} lacks its last number", {"w": changed(model, name, slice(-1, None), 0.0)}
        elif ".ln_" in name or name == "ln_f.weight":
            yield f"{name} ignored", {"w": changed(model, name, slice(None), 1.0)}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    program = os.path.abspath(sys.argv[1])
    weak = 0
    for item in make_forward.CASES:
        with tempfile.TemporaryDirectory() as folder:
            directory = os.path.join(folder, "model")
            subprocess.run([program, directory] + item["arguments"], check=True, stdout=subprocess.DEVNULL)
            model = reference_gpt2.load(directory)
        with open(os.path.join(make_forward.FOLDER, item["name"] + ".json"), encoding="utf-8") as file:
            ids = json.load(file)["ids"]
        right = model.logits(ids)
        std = float(right.double().std())
        apart = float((forward(model, ids) - right).abs().max()) / std
        if apart > TOLERANCE / 10:
            sys.exit(f"{item['name']}: this forward pass is not the reference's ({apart:g})")
        found = []
        for what, arguments in mistakes(model, len(ids)):
            wrong = forward(model, ids, **arguments)
            moved = float((wrong - right).abs().max()) / std / TOLERANCE
            if not math.isfinite(moved):
                moved = math.inf
            found.append((moved, what))
        found.sort()
        print(f"{item['name']}: {len(found)} mistakes, std of the logits {std:.3f}; those that move least:")
        for moved, what in found[:5]:
            print(f"    {moved:10.1f}  {what}")
        for moved, what in found:
            if moved < (WANTED_OF_ONE_NUMBER if what.endswith("lacks its last number") else WANTED):
                print(f"    TOO WEAK: {moved:.1f}  {what}")
                weak += 1
    print(f"{weak} mistakes would not move the logits far enough")
    sys.exit(1 if weak else 0)


if __name__ == "__main__":
    main()
