"""Train the model; run again to go on from the last checkpoint.

The learning rate rises over a few steps and then falls to zero along half a cosine wave. In the first part (--all-steps)
the model reads all kinds of text; afterwards the kinds that a small model can't write without slips are left out
(EARLY_ONLY in texts/core.py). Both numbers belong to a run from its beginning.

One thread, because the matrices are small: two threads wait for each other longer than they save.
"""
import argparse
import math
import os
import time

import torch
import torch.nn.functional as F

import bpe
import start
from batches import IGNORED, copied_words, make_batch
from gpt2_torch import GPT2, Shape
from hints import hints

ANYWHERE = 2500  # from this step on, a part of the rows begins in the middle of a text
ROWS = 8  # rows of n_positions tokens in a batch
UNLIKELY = 0.002  # a share below this is a slip, not a choice: hardly a choice in our texts has less
SURE = 20.0  # the weight of what pushes such shares down
RISE = 60  # the first steps, in which the learning rate goes up


def learning_rate(step, options):
    """Rises in a straight line, then falls to zero: slowly at first, faster in the middle, slowly at the end."""
    return options.peak * min(1.0, (step + 1) / RISE) * (1 + math.cos(math.pi * step / options.steps)) / 2


def random_rows(step, options):
    """How many rows of a batch are repeated random tokens: most at first, then one in every second or fourth batch."""
    if step < options.copying_steps:
        return options.rows * 3 // 4
    every = 2 if step < ANYWHERE else 4
    return int(step % every == 1)


def hint_weight(step, options):
    """Strong while the heads form, weak afterwards."""
    return 0.2 if step < options.copying_steps else 0.05


def optimizer_for(model, peak):
    """AdamW; weight decay for the matrices only."""
    decayed = [p for name, p in model.named_parameters() if p.dim() == 2 and not name.startswith("wpe")]
    others = [p for name, p in model.named_parameters() if p.dim() < 2 or name.startswith("wpe")]
    return torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}],
                             lr=peak, betas=(0.9, 0.98))


def unlikely(scores):
    """How much the model gives to tokens that it finds hardly possible itself: the mean of -log(1 - all of them together)."""
    shares = scores.softmax(-1)
    together = torch.where(shares < UNLIKELY, shares, torch.zeros(())).sum(-1)
    return -torch.log1p(-together).mean()


def one_step(model, optimizer, tokenizer, said, step, options):
    """One update; returns the mean losses: on texts, on repeated random tokens, and the hints."""
    batch = make_batch(tokenizer, said, step, options.rows, model.shape.n_positions, random_rows(step, options),
                       0.4 if step >= ANYWHERE else 0.0, step >= options.all_steps)
    hidden = model.hidden(batch.inputs, keep=True)
    counted = batch.targets != IGNORED
    scores = hidden[counted] @ model.wte.weight.T
    losses = F.cross_entropy(scores, batch.targets[counted], reduction="none")
    extra = hints(model.attention(), batch, hint_weight(step, options))
    if step >= options.steps - options.sure_steps:
        extra = extra + SURE * unlikely(scores)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, options)
    optimizer.zero_grad(set_to_none=True)
    (losses.mean() + extra).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    cut = int(counted[:len(batch.random_rows)].sum())
    on_random = losses[:cut].mean().item() if cut else 0.0
    return losses[cut:].mean().item(), on_random, extra.item()


def save(path, model, optimizer, step):
    """Write beside the old checkpoint, then put it in its place, so that there is always one."""
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step,
                "shape": vars(model.shape)}, path + ".new")
    os.replace(path + ".new", path)


def load_model(path):
    """The model of a checkpoint."""
    saved = torch.load(path)
    model = GPT2(Shape(**saved["shape"]))
    model.load_state_dict(saved["model"])
    return model


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--name", default="checkpoint.pt")
    parser.add_argument("--steps", type=int, default=15000)
    parser.add_argument("--all-steps", type=int, default=4500)
    parser.add_argument("--sure-steps", type=int, default=6000)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--peak", type=float, default=1.5e-3)
    parser.add_argument("--copying-steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    tokenizer = bpe.load(options.work)
    path = os.path.join(options.work, options.name)
    model = GPT2(Shape(tokenizer.end + 1, 256, 128, options.heads, options.layers))
    start.start(model)
    optimizer = optimizer_for(model, options.peak)
    first = 0
    if os.path.exists(path):
        saved = torch.load(path)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    began, sums, said = time.time(), [0.0, 0.0, 0.0], copied_words(tokenizer)
    for step in range(first, options.steps):
        losses = one_step(model, optimizer, tokenizer, said, step, options)
        sums = [a + b for a, b in zip(sums, losses)]
        if (step + 1) % 50 == 0:
            speed = (step + 1 - first) * options.rows * 256 / (time.time() - began)
            print(f"step {step + 1} text {sums[0] / 50:.4f} random {sums[1] / 50:.4f} hints {sums[2] / 50:.3f} {speed:.0f} tokens/s", flush=True)
            sums = [0.0, 0.0, 0.0]
        if (step + 1) % 250 == 0 or step + 1 == options.steps:
            save(path, model, optimizer, step + 1)


if __name__ == "__main__":
    main()
