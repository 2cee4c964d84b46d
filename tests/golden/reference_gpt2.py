#!/usr/bin/env python3
"""GPT-2 in PyTorch, float32: the other side of the tests in C.

It shares no code with the C library. Where PyTorch has an operation (layer norm,
GELU, softmax), it uses PyTorch's, so that a mistake in our formula cannot hide in
both places. It reads the same folder that ./gpt2 reads:

    config.json          the shape of the model
    model.safetensors    F32, F16 or BF16; all of it is widened to float32

    model = load("models/tiny")
    model.logits([1, 2, 3])               float32 tensor [3, vocab_size]
    model.greedy([1, 2, 3], 8)            8 new ids, the most likely one each time
    model.perplexity(ids, stride=16)      (tokens scored, mean NLL, perplexity)

As a program:

    reference_gpt2.py DIR                 what is in the folder
    reference_gpt2.py DIR 1 2 3           the last position's logits, top ten
"""

import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F


def read_safetensors(path):
    """Returns {name: float32 tensor}.

    The file is: the header's length (8 bytes, little-endian), the header (JSON:
    name -> dtype, shape, where its bytes begin and end), then the data.
    """
    with open(path, "rb") as file:
        data = file.read()
    (header_length,) = struct.unpack_from("<Q", data, 0)
    header = json.loads(data[8:8 + header_length].decode("utf-8"))
    body = data[8 + header_length:]

    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        raw = body[begin:end]
        if entry["dtype"] == "F32":
            values = np.frombuffer(raw, dtype="<f4").astype(np.float32)
        elif entry["dtype"] == "F16":
            values = np.frombuffer(raw, dtype="<f2").astype(np.float32)
        elif entry["dtype"] == "BF16":
            # A bfloat16 is the upper half of a float32.
            upper_half = np.frombuffer(raw, dtype="<u2").astype(np.uint32)
            values = (upper_half << np.uint32(16)).view(np.float32)
        else:
            # The masks of some checkpoints are U8 or BOOL: not weights.
            if name.endswith((".attn.bias", ".attn.masked_bias")):
                continue
            raise ValueError(f"{path}: {name} has dtype {entry['dtype']}")
        if values.size != math.prod(entry["shape"]):
            raise ValueError(f"{path}: {name} has {values.size} numbers for {entry['shape']}")
        tensors[name] = torch.from_numpy(values.reshape(entry["shape"]))
    return tensors


class Gpt2:
    def __init__(self, config, tensors):
        if config.get("scale_attn_by_inverse_layer_idx") or config.get("scale_attn_weights") is False:
            raise ValueError("this attention scaling is not GPT-2's")
        self.n_layer = config["n_layer"]
        self.n_head = config["n_head"]
        self.n_embd = config["n_embd"]
        self.n_ctx = config.get("n_ctx") or config["n_positions"]
        self.n_inner = config.get("n_inner") or 4 * self.n_embd
        self.vocab_size = config["vocab_size"]
        self.epsilon = config.get("layer_norm_epsilon", 1e-5)
        self.eos = config.get("eos_token_id", self.vocab_size - 1)
        self.gelu = {"gelu_new": "tanh", "gelu": "none"}[config.get("activation_function", "gelu_new")]
        if self.n_embd % self.n_head != 0:
            raise ValueError(f"{self.n_embd} dimensions do not divide into {self.n_head} heads")

        self.w = {}
        for name, tensor in tensors.items():
            if name.endswith((".attn.bias", ".attn.masked_bias")):
                continue  # the causal mask, stored as if it were a weight
            if name.startswith("transformer."):
                name = name[len("transformer."):]
            self.w[name] = tensor
        # Without a head of its own, the model reads its answer off the token table.
        self.head = self.w.get("lm_head.weight", self.w["wte.weight"])
        for name, shape in self._shapes().items():
            if list(self.w[name].shape) != shape:
                raise ValueError(f"{name} has shape {list(self.w[name].shape)}, expected {shape}")

    def _shapes(self):
        d, inner = self.n_embd, self.n_inner
        shapes = {"wte.weight": [self.vocab_size, d], "wpe.weight": [self.n_ctx, d],
                  "ln_f.weight": [d], "ln_f.bias": [d]}
        for layer in range(self.n_layer):
            block = {"ln_1.weight": [d], "ln_1.bias": [d], "ln_2.weight": [d], "ln_2.bias": [d],
                     "attn.c_attn.weight": [d, 3 * d], "attn.c_attn.bias": [3 * d],
                     "attn.c_proj.weight": [d, d], "attn.c_proj.bias": [d],
                     "mlp.c_fc.weight": [d, inner], "mlp.c_fc.bias": [inner],
                     "mlp.c_proj.weight": [inner, d], "mlp.c_proj.bias": [d]}
            for name, shape in block.items():
                shapes[f"h.{layer}.{name}"] = shape
        return shapes

    def _norm(self, x, name):
        return F.layer_norm(x, (self.n_embd,), self.w[name + ".weight"], self.w[name + ".bias"], self.epsilon)

    def _linear(self, x, name):
        # GPT-2 stores its weights as [in, out].
        return torch.addmm(self.w[name + ".bias"], x, self.w[name + ".weight"])

    @torch.no_grad()
    def logits(self, ids, trace=None):
        """ids [T] -> logits [T, vocab_size].

        trace(layer, name, tensor), when given, sees each intermediate; the layer is
        -1 before the first block, and n_layer after the last one.
        """
        trace = trace or (lambda layer, name, tensor: None)
        n = len(ids)
        if not 1 <= n <= self.n_ctx:
            raise ValueError(f"{n} tokens do not fit into {self.n_ctx} positions")
        d_head = self.n_embd // self.n_head
        may_look_at = torch.ones(n, n, dtype=torch.bool).tril()  # [T, T]: row looks at column

        x = self.w["wte.weight"][torch.tensor(ids)] + self.w["wpe.weight"][:n]  # [T, n_embd]
        trace(-1, "embeddings", x)
        for layer in range(self.n_layer):
            h = f"h.{layer}."
            normed = self._norm(x, h + "ln_1")
            trace(layer, "ln_1", normed)
            qkv = self._linear(normed, h + "attn.c_attn")  # [T, 3 * n_embd]
            trace(layer, "qkv", qkv)
            q, k, v = (part.view(n, self.n_head, d_head).transpose(0, 1)  # [n_head, T, d_head]
                       for part in qkv.split(self.n_embd, dim=1))
            scores = q @ k.transpose(1, 2) / math.sqrt(d_head)  # [n_head, T, T]
            shares = F.softmax(scores.masked_fill(~may_look_at, float("-inf")), dim=-1)
            trace(layer, "attention", shares)
            context = (shares @ v).transpose(0, 1).reshape(n, self.n_embd)
            trace(layer, "context", context)
            x = x + self._linear(context, h + "attn.c_proj")
            trace(layer, "after_attention", x)
            normed = self._norm(x, h + "ln_2")
            trace(layer, "ln_2", normed)
            hidden = F.gelu(self._linear(normed, h + "mlp.c_fc"), approximate=self.gelu)
            trace(layer, "gelu", hidden)
            x = x + self._linear(hidden, h + "mlp.c_proj")
            trace(layer, "block", x)
        x = self._norm(x, "ln_f")
        trace(self.n_layer, "ln_f", x)
        result = x @ self.head.t()
        trace(self.n_layer, "logits", result)
        return result

    def greedy(self, ids, n, margins=None):
        """The n ids that follow, the most likely one at each step. <|endoftext|> does
        not stop it. margins, a list, gets each step's (best - second best) logit."""
        ids = list(ids)
        new = []
        for _ in range(n):
            last = self.logits(ids)[-1]
            best = torch.topk(last, 2)
            if margins is not None:
                margins.append(float(best.values[0] - best.values[1]))
            new.append(int(best.indices[0]))
            ids.append(new[-1])
        return new

    def nll(self, ids, stride):
        """Scores a text of any length: the negative log-likelihood of each token, as a
        list of (position in ids, nll).

        The sliding-window method that Hugging Face publishes: windows of at most n_ctx
        tokens begin every `stride` tokens, and each scores only the tokens that no
        window before it held. A window's first token has nothing before it to be
        predicted from: the text's first token is never scored, and when
        stride = n_ctx (windows that do not overlap), neither is the first of any window.
        """
        if not 1 <= stride <= self.n_ctx:
            raise ValueError(f"stride {stride}: must be between 1 and {self.n_ctx}")
        scored = []
        covered = 0  # tokens that an earlier window held
        for begin in range(0, len(ids), stride):
            end = min(begin + self.n_ctx, len(ids))
            log_shares = F.log_softmax(self.logits(ids[begin:end]).double(), dim=-1)
            for position in range(max(covered, begin + 1), end):
                scored.append((position, -float(log_shares[position - begin - 1, ids[position]])))
            covered = end
            if end == len(ids):
                break
        return scored

    def perplexity(self, ids, stride):
        """Returns (tokens scored, mean negative log-likelihood, perplexity)."""
        values = [nll for _, nll in self.nll(ids, stride)]
        if not values:
            raise ValueError("a text of one token has nothing to score")
        mean = math.fsum(values) / len(values)
        return len(values), mean, math.exp(mean)


def load(directory):
    """Opens a Hugging Face GPT-2 folder."""
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    return Gpt2(config, read_safetensors(os.path.join(directory, "model.safetensors")))


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    model = load(sys.argv[1])
    ids = [int(word) for word in sys.argv[2:]]
    if not ids:
        print(f"{model.n_layer} layers, {model.n_head} heads, {model.n_embd} dimensions, "
              f"{model.n_ctx} positions, {model.vocab_size} tokens")
        return
    best = torch.topk(model.logits(ids)[-1], min(10, model.vocab_size))
    for value, token in zip(best.values.tolist(), best.indices.tolist()):
        print(f"{token:6d}  {value:.6f}")


if __name__ == "__main__":
    main()
