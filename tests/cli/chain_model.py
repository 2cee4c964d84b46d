#!/usr/bin/env python3
"""Writes a GPT-2 folder whose next token is known beforehand.

    chain_model.py DIR TEXT [--end] [--n-ctx N]

After each byte of TEXT comes the next one, and after the last the first again; with --end,
<|endoftext|>. After any other token comes the first byte. (So no byte may stand in TEXT twice.)
TEXT may hold escapes such as \\xf0.

How: one layer adds nothing, since all its weights are 0; each token's vector has a single 1, at
its own id, which the final norm makes about 16; row N of the output head has a 1 for every token
that N follows. So the follower scores about 16 and all others score 0.
"""
import argparse
import array
import codecs
import json
import math
import os

BYTES = 256
END_OF_TEXT = BYTES
N = BYTES + 1  # tokens, and dimensions of a vector


def symbols():
    """How vocab.json writes each byte."""
    shown = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
    hidden = [b for b in range(256) if b not in shown]
    return {**{b: chr(b) for b in shown}, **{b: chr(256 + i) for i, b in enumerate(hidden)}}


def filled(count, value):
    return array.array("f", [value]) * count


def followers(text, end):
    after = {token: text[0] for token in range(N)}
    for byte, follower in zip(text, text[1:]):
        after[byte] = follower
    after[text[-1]] = END_OF_TEXT if end else text[0]
    return after


def tensors(after, n_ctx):
    identity, head = filled(N * N, 0.0), filled(N * N, 0.0)
    for token, follower in after.items():
        identity[token * N + token] = 1.0
        head[follower * N + token] = 1.0
    off = -1.0 / math.sqrt(N - 1)  # what the norm makes of the zeros: the bias takes it away
    yield "wte.weight", [N, N], identity
    yield "wpe.weight", [n_ctx, N], filled(n_ctx * N, 0.0)
    for name, shape in {
            "ln_1.weight": [N], "ln_1.bias": [N], "attn.c_attn.weight": [N, 3 * N],
            "attn.c_attn.bias": [3 * N], "attn.c_proj.weight": [N, N], "attn.c_proj.bias": [N],
            "ln_2.weight": [N], "ln_2.bias": [N], "mlp.c_fc.weight": [N, 1], "mlp.c_fc.bias": [1],
            "mlp.c_proj.weight": [1, N], "mlp.c_proj.bias": [N]}.items():
        yield "h.0." + name, shape, filled(math.prod(shape), 0.0)
    yield "ln_f.weight", [N], filled(N, 1.0)
    yield "ln_f.bias", [N], filled(N, -off)
    yield "lm_head.weight", [N, N], head


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dir")
    parser.add_argument("text")
    parser.add_argument("--end", action="store_true")
    parser.add_argument("--n-ctx", type=int, default=64)
    options = parser.parse_args()
    text = codecs.escape_decode(os.fsencode(options.text))[0]
    assert len(set(text)) == len(text), "a byte stands in the text twice"
    os.makedirs(options.dir, exist_ok=True)

    def write(name, content):
        with open(os.path.join(options.dir, name), "wb") as file:
            file.write(content)

    header, data = {}, b""
    for name, shape, values in tensors(followers(text, options.end), options.n_ctx):
        begin = len(data)
        data += values.tobytes()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    head = json.dumps(header).encode()
    write("model.safetensors", len(head).to_bytes(8, "little") + head + data)
    write("config.json", json.dumps({
        "model_type": "gpt2", "vocab_size": N, "n_ctx": options.n_ctx, "n_embd": N, "n_head": 1,
        "n_layer": 1, "n_inner": 1}).encode())
    # A byte's id is its value here, so that a reader of ids need not look them up.
    vocabulary = {symbol: byte for byte, symbol in symbols().items()}
    write("vocab.json", json.dumps({**vocabulary, "<|endoftext|>": END_OF_TEXT}).encode())
    write("merges.txt", b"#version: 0.2\n")


if __name__ == "__main__":
    main()
