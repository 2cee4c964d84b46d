#!/usr/bin/env python3
"""GPT-2 with PyTorch, timed: addmm, and a cache that is allocated once.

    torch_bench.py decode|prefill FOLDER f32|bf16 THREADS    prints tokens/s
    torch_bench.py start FOLDER f32|bf16 THREADS             prints the token after the tokens 100 to
                                                             107, and the first four scores
"""
import math
import os
import sys
import time

WHAT, FOLDER, FORMAT, THREADS = sys.argv[1:]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = THREADS  # read when torch is loaded

import torch
from torch.nn.functional import gelu, layer_norm

import weights

LAYER_PARTS = ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp.c_fc", "mlp.c_proj")


class Engine:
    """The weights, and the keys and values of what was evaluated."""

    def __init__(self, folder, dtype, copied):
        """copied: read all F32 weights now, rather than when they are first used."""
        config, arrays = weights.read(folder)
        self.n_embd, self.n_head, self.eps = config["n_embd"], config["n_head"], config["layer_norm_epsilon"]
        self.vocab_size, self.n_ctx = config["vocab_size"], config["n_ctx"]
        self.vectors = dtype == torch.float32  # addmv for single tokens: faster in f32, slower in bf16
        tensors = {name: torch.from_numpy(array).to(dtype) for name, array in arrays.items()}
        if copied:
            tensors = {name: tensor.clone() for name, tensor in tensors.items()}
        self.wte, self.wpe = tensors["wte.weight"], tensors["wpe.weight"]
        self.ln_f = tensors["ln_f.weight"], tensors["ln_f.bias"]
        self.layers = [[(tensors[f"h.{layer}.{part}.weight"], tensors[f"h.{layer}.{part}.bias"])
                        for part in LAYER_PARTS] for layer in range(config["n_layer"])]
        cache = config["n_layer"], self.n_head, self.n_ctx, self.n_embd // self.n_head
        self.keys, self.values = torch.zeros(cache, dtype=dtype), torch.zeros(cache, dtype=dtype)

    def normal(self, x, scale_and_shift):
        return layer_norm(x, (self.n_embd,), *scale_and_shift, self.eps)

    def linear(self, x, weight_and_bias):
        weight, bias = weight_and_bias
        if self.vectors and x.shape[0] == 1:
            return torch.addmv(bias, weight.t(), x[0]).unsqueeze(0)
        return torch.addmm(bias, x, weight)

    def evaluate(self, ids, past):
        """The scores after ids, which follow `past` tokens: one token, or a text from its start.

        It is one function on purpose: what a layer computed is freed only when the next one replaces
        it. Freed earlier, as functions for the parts would do, its memory goes back to the system and
        has to be fetched again.
        """
        n, end = len(ids), past + len(ids)
        if n > 1:
            assert past == 0
            mask = torch.full((n, n), float("-inf"), dtype=self.wte.dtype).triu_(1)
        x = self.wte[ids] + self.wpe[past:end]
        for i, (ln_1, c_attn, attn_proj, ln_2, c_fc, mlp_proj) in enumerate(self.layers):
            qkv = self.linear(self.normal(x, ln_1), c_attn).view(n, 3, self.n_head, -1)
            self.keys[i, :, past:end] = qkv[:, 1].transpose(0, 1)
            self.values[i, :, past:end] = qkv[:, 2].transpose(0, 1)
            q = qkv[:, 0].transpose(0, 1)
            scores = torch.matmul(q * (1 / math.sqrt(q.shape[2])), self.keys[i, :, :end].transpose(1, 2))
            if n > 1:
                scores += mask
            heads = torch.matmul(scores.softmax(-1), self.values[i, :, :end])  # [n_head, n, d_head]
            attended = heads.transpose(0, 1).reshape(n, self.n_embd)
            x = x + self.linear(attended, attn_proj)
            x = x + self.linear(gelu(self.linear(self.normal(x, ln_2), c_fc), approximate="tanh"), mlp_proj)
        last = self.normal(x[-1:], self.ln_f)
        return torch.mv(self.wte, last[0]) if self.vectors else torch.matmul(last, self.wte.t())[0]


def decode(engine, ids, n):
    """Seconds for n tokens, one by one, after a text of 16."""
    engine.evaluate(ids[:16], 0)
    begin = time.perf_counter()
    for place in range(16, 16 + n):
        engine.evaluate(ids[place:place + 1], place)
    return time.perf_counter() - begin


def prefill(engine, ids, n):
    """Seconds for n tokens at once."""
    begin = time.perf_counter()
    engine.evaluate(ids[:n], 0)
    return time.perf_counter() - begin


def main():
    torch.set_num_threads(int(THREADS))
    torch.set_grad_enabled(False)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[FORMAT]
    engine = Engine(FOLDER, dtype, copied=WHAT != "start" and FORMAT == "f32")
    if WHAT == "start":
        scores = engine.evaluate(torch.arange(100, 108), 0)
        print(int(scores.argmax()), *(f"{score:.6f}" for score in scores[:4].tolist()), flush=True)
        return
    ids = torch.randint(0, engine.vocab_size, (engine.n_ctx,), generator=torch.Generator().manual_seed(1))
    measure, n_warm, n = {"decode": (decode, 8, 200), "prefill": (prefill, 512, 512)}[WHAT]
    measure(engine, ids, n_warm)
    print(f"{n / measure(engine, ids, n):.6g}")


if __name__ == "__main__":
    main()
