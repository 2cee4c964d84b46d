#!/usr/bin/env python3
"""Writes a GPT-2 folder as a graph for onnxruntime (opset 17), exported by PyTorch.

    to_onnx.py FOLDER OUT.onnx

Into the graph go the new tokens, ids [n], and what is remembered of the past: past_k0, past_v0,
past_k1 ..., each [n_head, past, d_head]. Out come the logits [1, vocab_size] of the last token, and
now_k0, now_v0 ..., each [n_head, past + n, d_head].
"""
import math
import sys
import warnings

import torch
from torch import nn
from torch.nn import functional as F

import weights

LAYER_PARTS = ("ln_1", "ln_2", "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
HIDDEN = -1e30  # added to the score of a token that comes later


def frozen(array):
    return nn.Parameter(torch.from_numpy(array.copy()), requires_grad=False)


def gelu(x):
    """The tanh form, written out: opset 17 has no operator for it."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class Block(nn.Module):
    """One layer; it takes and returns its keys and values."""

    def __init__(self, config, tensors, layer):
        super().__init__()
        self.n_embd, self.eps = config["n_embd"], config["layer_norm_epsilon"]
        self.n_head = config["n_head"]
        self.d_head = self.n_embd // self.n_head
        for part in LAYER_PARTS:
            for kind in ("weight", "bias"):
                name = f"{part}.{kind}"
                self.register_parameter(name.replace(".", "_"), frozen(tensors[f"h.{layer}.{name}"]))

    def heads(self, x):
        """[n, n_embd] -> [n_head, n, d_head]"""
        return x.view(-1, self.n_head, self.d_head).transpose(0, 1)

    def forward(self, x, past_k, past_v, mask):
        h = F.layer_norm(x, (self.n_embd,), self.ln_1_weight, self.ln_1_bias, self.eps)
        q, k, v = torch.addmm(self.attn_c_attn_bias, h, self.attn_c_attn_weight).split(self.n_embd, 1)
        k = torch.cat((past_k, self.heads(k)), 1)
        v = torch.cat((past_v, self.heads(v)), 1)
        scores = torch.matmul(self.heads(q) * (1 / math.sqrt(self.d_head)), k.transpose(1, 2)) + mask
        h = torch.matmul(scores.softmax(-1), v).transpose(0, 1).reshape(-1, self.n_embd)
        x = x + torch.addmm(self.attn_c_proj_bias, h, self.attn_c_proj_weight)
        h = F.layer_norm(x, (self.n_embd,), self.ln_2_weight, self.ln_2_bias, self.eps)
        h = gelu(torch.addmm(self.mlp_c_fc_bias, h, self.mlp_c_fc_weight))
        return x + torch.addmm(self.mlp_c_proj_bias, h, self.mlp_c_proj_weight), k, v


class GPT2(nn.Module):
    """ids [n], past keys and values -> the last token's logits, all keys and values."""

    def __init__(self, config, tensors):
        super().__init__()
        self.n_embd, self.eps = config["n_embd"], config["layer_norm_epsilon"]
        self.wte, self.wpe = frozen(tensors["wte.weight"]), frozen(tensors["wpe.weight"])
        self.ln_f_weight, self.ln_f_bias = frozen(tensors["ln_f.weight"]), frozen(tensors["ln_f.bias"])
        self.h = nn.ModuleList(Block(config, tensors, layer) for layer in range(config["n_layer"]))

    def forward(self, ids, *past):
        n, n_past = ids.size(0), past[0].size(1)
        positions = torch.arange(n) + n_past
        x = self.wte[ids] + self.wpe[positions]
        later = torch.arange(n + n_past).unsqueeze(0) > positions.unsqueeze(1)
        mask = torch.where(later, torch.tensor(HIDDEN), torch.tensor(0.0))
        now = []
        for i, block in enumerate(self.h):
            x, k, v = block(x, past[2 * i], past[2 * i + 1], mask)
            now += [k, v]
        x = F.layer_norm(x[-1:], (self.n_embd,), self.ln_f_weight, self.ln_f_bias, self.eps)
        return (F.linear(x, self.wte), *now)


def main():
    folder, out = sys.argv[1:]
    warnings.filterwarnings("ignore")  # that sizes are traced
    config, tensors = weights.read(folder)
    caches = [f"{kind}{layer}" for layer in range(config["n_layer"]) for kind in "kv"]
    past_names, now_names = ["past_" + name for name in caches], ["now_" + name for name in caches]
    axes = {"ids": {0: "n"}, **{name: {1: "past"} for name in past_names}, **{name: {1: "now"} for name in now_names}}
    d_head = config["n_embd"] // config["n_head"]
    past = [torch.randn(config["n_head"], 5, d_head) for _ in caches]
    torch.onnx.export(GPT2(config, tensors).eval(), (torch.tensor([1, 2, 3]), *past), out, opset_version=17,
                      input_names=["ids"] + past_names, output_names=["logits"] + now_names, dynamic_axes=axes)


if __name__ == "__main__":
    main()
