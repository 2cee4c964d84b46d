"""GPT-2 in PyTorch, as small as it can be while computing the same function.

The parameter names are those of the files that Hugging Face publishes for GPT-2
(wte.weight, h.0.attn.c_attn.weight ...), so a state dict of this module is, name
for name and shape for shape, what model.safetensors must hold. The linear layers
keep their weights as [in, out], as GPT-2's "Conv1D" does.
"""
import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Shape:
    """The numbers that fix every tensor's shape."""
    vocab_size: int = 2048
    n_positions: int = 256
    n_embd: int = 128
    n_head: int = 4
    n_layer: int = 4


class Linear(nn.Module):
    """x @ weight + bias, with weight stored as [in, out]."""

    def __init__(self, n_in, n_out, std):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_in, n_out) * std)
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        return torch.addmm(self.bias, rows, self.weight).view(*x.shape[:-1], -1)


class Attention(nn.Module):
    """Causal attention over all heads; keeps the last weights when asked to."""

    def __init__(self, shape):
        super().__init__()
        self.n_head = shape.n_head
        self.c_attn = Linear(shape.n_embd, 3 * shape.n_embd, 0.02)
        self.c_proj = Linear(shape.n_embd, shape.n_embd, 0.02 / math.sqrt(2 * shape.n_layer))
        self.weights = None  # [batch, n_head, seq, seq]

    def forward(self, x, mask, keep):
        batch, seq, n_embd = x.shape
        q, k, v = (part.view(batch, seq, self.n_head, -1).transpose(1, 2)
                   for part in self.c_attn(x).split(n_embd, dim=2))
        scores = q @ k.transpose(2, 3) / math.sqrt(n_embd // self.n_head)
        weights = F.softmax(scores + mask, dim=-1)
        self.weights = weights if keep else None
        out = (weights @ v).transpose(1, 2).reshape(batch, seq, n_embd)
        return self.c_proj(out)


class MLP(nn.Module):
    """Widen by four, GELU in its tanh form, narrow again."""

    def __init__(self, shape):
        super().__init__()
        self.c_fc = Linear(shape.n_embd, 4 * shape.n_embd, 0.02)
        self.c_proj = Linear(4 * shape.n_embd, shape.n_embd, 0.02 / math.sqrt(2 * shape.n_layer))

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """Pre-norm: normalise, compute, add the result to what came in."""

    def __init__(self, shape):
        super().__init__()
        self.ln_1 = nn.LayerNorm(shape.n_embd, eps=1e-5)
        self.attn = Attention(shape)
        self.ln_2 = nn.LayerNorm(shape.n_embd, eps=1e-5)
        self.mlp = MLP(shape)

    def forward(self, x, mask, keep):
        x = x + self.attn(self.ln_1(x), mask, keep)
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    """Token ids [batch, seq] -> logits [batch, seq, vocab_size]."""

    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.wte = nn.Embedding(shape.vocab_size, shape.n_embd)
        self.wpe = nn.Embedding(shape.n_positions, shape.n_embd)
        self.h = nn.ModuleList(Block(shape) for _ in range(shape.n_layer))
        self.ln_f = nn.LayerNorm(shape.n_embd, eps=1e-5)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.01)

    def hidden(self, ids, keep=False):
        """ids [batch, seq] -> the last layer's normalised output [batch, seq, n_embd]."""
        seq = ids.shape[1]
        mask = torch.full((seq, seq), float("-inf")).triu(1)
        x = self.wte(ids) + self.wpe(torch.arange(seq))
        for block in self.h:
            x = block(x, mask, keep)
        return self.ln_f(x)

    def forward(self, ids, keep=False):
        return self.hidden(ids, keep) @ self.wte.weight.T

    def attention(self):
        """The weights kept by the last call with keep=True, one [batch, n_head, seq, seq] per layer."""
        return [block.attn.weights for block in self.h]
