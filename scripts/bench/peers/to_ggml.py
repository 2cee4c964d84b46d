#!/usr/bin/env python3
"""Writes a GPT-2 folder in the format that ggml's examples/gpt-2 reads.

    to_ggml.py FOLDER OUT.bin f32|f16

The file is a header of seven numbers, the vocabulary, then the tensors: number of dimensions, length
of the name, type, the dimensions from the innermost out, name, data; numbers are little-endian with
32 bits. Linear layers are transposed to [out, in]. With f16 the matrices get 16 bits, but for wpe.
gpt-2-quantize makes 8 bits from the F32 file.
"""
import os
import struct
import sys

import numpy as np

import weights

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../train_tiny"))
from bpe import BYTE

MAGIC = 0x67676D6C
NAMES = {"wte.weight": "wte", "wpe.weight": "wpe", "ln_f.weight": "ln_f/g", "ln_f.bias": "ln_f/b",
         "ln_1.weight": "ln_1/g", "ln_1.bias": "ln_1/b", "ln_2.weight": "ln_2/g", "ln_2.bias": "ln_2/b"}


def ggml_name(name):
    """h.3.attn.c_attn.weight -> model/h3/attn/c_attn/w"""
    layer, part = weights.layer_of(name)
    if part in NAMES:
        part = NAMES[part]
    else:
        part = part.replace(".weight", "/w").replace(".bias", "/b").replace(".", "/")
    return f"model/{part}" if layer is None else f"model/h{layer}/{part}"


def token_bytes(token):
    """The bytes that a token of vocab.json stands for."""
    return bytes(BYTE[symbol] for symbol in token) if all(symbol in BYTE for symbol in token) else token.encode()


def write_numbers(file, *numbers):
    file.write(struct.pack(f"<{len(numbers)}i", *numbers))


def write_vocabulary(file, tokens):
    write_numbers(file, len(tokens))
    for token in tokens:
        raw = token_bytes(token)
        write_numbers(file, len(raw))
        file.write(raw)


def write_tensor(file, name, tensor, half):
    title = ggml_name(name).encode()
    write_numbers(file, tensor.ndim, len(title), int(half), *reversed(tensor.shape))
    file.write(title)
    np.ascontiguousarray(tensor, "<f2" if half else "<f4").tofile(file)


def main():
    folder, out, form = sys.argv[1:]
    half = {"f32": False, "f16": True}[form]
    config, tensors = weights.read(folder)
    shape = [config[name] for name in ("vocab_size", "n_ctx", "n_embd", "n_head", "n_layer")]
    with open(out, "wb") as file:
        write_numbers(file, MAGIC, *shape, int(half))
        write_vocabulary(file, weights.vocabulary(folder))
        for name, tensor in tensors.items():
            matrix = tensor.T if weights.is_linear(name) else tensor
            write_tensor(file, name, matrix, half and tensor.ndim == 2 and name != "wpe.weight")


if __name__ == "__main__":
    main()
