#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets: small inputs from which libFuzzer makes its own.

    make_seeds.py [DIR]     to DIR/TARGET/NAME; DIR is corpus/ beside this script

The same bytes come out on every machine. What a target's input looks like stands in its .c file.
"""
import json
import os
import struct
import sys


def write(folder, target, name, data):
    path = os.path.join(folder, target)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, name), "wb") as file:
        file.write(data)


def numbers(count, seed):
    """Small numbers without a pattern: a linear congruential generator."""
    state = seed * 2654435761 % 2**32
    out = []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 8) / 2**24 - 0.5)
    return out


def bf16(value):
    return struct.pack("<f", value)[2:]


def pack(dtype, values):
    if dtype == "F32":
        return struct.pack(f"<{len(values)}f", *values)
    if dtype == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    if dtype == "I8":
        return struct.pack(f"<{len(values)}b", *(round(v * 250) for v in values))
    return b"".join(bf16(v) for v in values)


def product(shape):
    n = 1
    for size in shape:
        n *= size
    return n


def safetensors(tensors, metadata=True, pad=0):
    """tensors: (name, dtype, shape, bytes). Returns the header and the data."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = {"format": "pt"}
    for name, dtype, shape, numbers_of_it in tensors:
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(data), len(data) + len(numbers_of_it)]}
        data += numbers_of_it
    text = json.dumps(header, separators=(",", ":")).encode() + b" " * pad
    return text, data


def whole(tensors, **options):
    text, data = safetensors(tensors, **options)
    return struct.pack("<Q", len(text)) + text + data


def two_tensors():
    return [("v", "F16", [3], pack("F16", numbers(3, 1))),
            ("w", "F32", [1, 2], pack("F32", numbers(2, 2)))]


# --- model.safetensors -----------------------------------------------------------------------------


def safetensors_seeds(folder):
    def entry(dtype, shape, begin, end):
        return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}

    headers = {
        "two": (safetensors(two_tensors())[0], 14),
        "empty": (b"{}", 0),
        "scalar": (json.dumps({"s": entry("F32", [], 0, 4)}).encode(), 4),
        "nothing": (json.dumps({"e": entry("BF16", [0, 7], 0, 0)}).encode(), 0),
        "all_dtypes": (json.dumps({name: entry(name, [8], 8 * i, 8 * i + 8) for i, name in enumerate(
            ["I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0"])}).encode(), 48),
        "bits": (json.dumps({"f": entry("F4", [4], 0, 2), "s": entry("F6_E2M3", [4], 2, 5)}).encode(),
                 5),
        "escapes": (b'{"\\u0077\\n\\ud83d\\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":[]}}',
                    1),
        "twice": (b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
                  b'"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2),
        "overlap": (json.dumps({"a": entry("U8", [3], 0, 3), "b": entry("U8", [2], 2, 4)}).encode(), 4),
        "overflow": (json.dumps({"w": entry("U8", [4294967296, 4294967296], 0, 0)}).encode(), 0),
        "digits": (b'{"w":{"dtype":"U8","shape":[' + b"9" * 400 + b'],"data_offsets":[0,1]}}', 1),
        "deep": (b'{"w":' + b"[" * 1200 + b"]" * 1200 + b"}", 0),
    }
    for name, (text, n) in headers.items():
        write(folder, "safetensors_header", name, bytes([n]) + text)
        write(folder, "safetensors_file", name,
              struct.pack("<Q", len(text)) + text + bytes(i % 251 for i in range(n)))
    good = whole(two_tensors(), pad=3)
    write(folder, "safetensors_file", "cut", good[:-2])
    write(folder, "safetensors_file", "longer", good + b"junk")
    write(folder, "safetensors_file", "length_alone", good[:8])
    write(folder, "safetensors_file", "huge_length", b"\xff" * 7 + b"\x7f{}")
    write(folder, "safetensors_file", "lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    write(folder, "safetensors_file", "page", b"<!DOCTYPE html><html></html>")
    write(folder, "safetensors_file", "nothing_at_all", b"")


# --- config.json -----------------------------------------------------------------------------------


def config(**changes):
    values = {"model_type": "gpt2", "vocab_size": 5, "n_positions": 6, "n_ctx": 6, "n_embd": 4,
              "n_head": 2, "n_layer": 1, "activation_function": "gelu_new",
              "layer_norm_epsilon": 1e-05}
    values.update(changes)
    return json.dumps({k: v for k, v in values.items() if v is not None}).encode()


def config_seeds(folder):
    seeds = {
        "small": config(),
        "gpt2": config(vocab_size=50257, n_positions=1024, n_ctx=1024, n_embd=768, n_head=12,
                       n_layer=12, n_inner=None),
        "inner": config(n_inner=7, activation_function="gelu"),
        "null_inner": config()[:-1] + b', "n_inner": null}',
        "settings": config(scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False,
                           add_cross_attention=False),
        "other_arithmetic": config(scale_attn_by_inverse_layer_idx=True),
        "other_model": config(model_type="llama"),
        "heads": config(n_head=3),
        "huge": config(n_embd=2**53, n_head=1, vocab_size=2**53, n_layer=2**53),
        "fraction": config(n_layer=1.5),
        "digits": config().replace(b'"n_layer": 1', b'"n_layer": ' + b"1" * 400),
        "array": b"[" + config() + b"]",
        "cut": config()[:-9],
    }
    for name, text in seeds.items():
        write(folder, "config", name, text)


# --- vocab.json and merges.txt ---------------------------------------------------------------------


def vocabulary_seeds(folder):
    letters = [chr(c) for c in range(33, 127)] + ["\u0120", "\u00c3", "\u00a9"]
    rules = [("t", "h"), ("th", "e"), ("\u0120", "the"), ("a", "b"), ("ab", "ab"), ("a", "a"), ("1", "2")]

    def both(tokens, merges, separator="\n", version="#version: 0.2\n", **options):
        vocab = json.dumps({token: i for i, token in enumerate(tokens)}, **options)
        lines = separator.join(" ".join(rule) for rule in merges)
        return vocab.encode() + b"\xff" + (version + lines).encode() + separator.encode()

    tokens = letters + ["".join(rule) for rule in rules] + ["<|endoftext|>"]
    few = ["a", "b", "ab", "aa", "abab"]
    seeds = {
        "letters": both(tokens, rules),
        "plain_utf8": both(few, [("a", "b"), ("a", "a")], ensure_ascii=False),
        "windows": both(few, [("a", "b"), ("ab", "ab")], separator="\r\n"),
        "no_version": both(few, [("a", "a")], version=""),
        "one": both(["a"], []),
        "unknown_in_rule": both(few, [("a", "x")]),
        "no_result": both(few, [("b", "b")]),
        "rule_twice": both(few, [("a", "b"), ("a", "b")]),
        "three_words": both(few, [("a", "b", "ab")]),
        "hole": b'{"a":0,"b":2}\xff',
        "id_twice": b'{"a":0,"b":0}\xff',
        "token_twice": b'{"a":0,"\\u0061":1}\xff',
        "no_byte": '{"a":0,"\u4e2d":1}'.encode() + b"\xff",
        "empty_token": b'{"":0}\xff',
        "empty": b"{}\xff",
    }
    for name, data in seeds.items():
        write(folder, "vocabulary", name, data)


# --- texts -----------------------------------------------------------------------------------------


def tokenizer_seeds(folder):
    seeds = {
        "words": b"The server crashed because it ran out of memory.",
        "contractions": b"it's they're I've I'm we'll he'd don't 'S 'sx",
        "spaces": b"  two   three\n\n\n \t x  ",
        "unicode": "caf\u00e9 \u0394\u03bf\u03ba\u03b9\u03bc\u03ae \u4e2d\u6587 \U0001f600 \u00bd \u0663\u00a0x\u2003y".encode(),
        "bytes": bytes(range(256)),
        "broken": b"\xc3 \xe2\x82 \xf0\x9f\x98 \xed\xa0\x80 \xc0\x80 \xf5",
        "special": b"one<|endoftext|><|endoftext|two<|<|endoftext|>",
        "same": b"a" * 300 + b" " * 100 + b"a",
        "numbers": b"1234 5678.90 0x1f 192.168.0.1",
        "nothing": b"",
    }
    for name, data in seeds.items():
        write(folder, "tokenizer", name, data)


# --- logits ----------------------------------------------------------------------------------------


def sampler_seeds(folder):
    infinity, nan = float("inf"), float("nan")
    few = [3.0, 2.0, 1.0, 0.0]
    many = [8 * value for value in numbers(64, 5)]
    seeds = {
        "greedy": (0.0, 1.0, 0, few),
        "plain": (1.0, 1.0, 0, many),
        "top_k": (0.7, 1.0, 5, many),
        "top_p": (1.3, 0.5, 0, many),
        "both": (1.0, 0.9, 10, many),
        "tiny_p": (1.0, 1e-38, 0, few),
        "cold": (1e-45, 1.0, 0, few),
        "hot": (3.4e38, 1.0, 0, few),
        "nan": (1.0, 0.9, 0, [nan, 1.0, nan, 2.0]),
        "only_nan": (1.0, 1.0, 0, [nan, nan]),
        "infinite": (1.0, 0.9, 2, [infinity, 1.0, infinity, -infinity]),
        "minus_infinite": (1.0, 0.9, 0, [-infinity, -infinity]),
        "far_apart": (1.0, 0.9, 0, [3e38, -3e38, 0.0]),
        "equal": (1.0, 0.5, 3, [1.0] * 10 + [0.0, -0.0]),
        "one": (1.0, 0.9, 1, [1.0]),
        "bad_temperature": (nan, 0.9, 0, few),
        "bad_top_p": (1.0, 1.5, 0, few),
    }
    for name, (temperature, top_p, top_k, logits) in seeds.items():
        write(folder, "sampler", name,
              struct.pack("<ffHB", temperature, top_p, top_k, 7) + pack("F32", logits))


# --- whole folders ---------------------------------------------------------------------------------

PANEL = 64


def groups(n, size):
    return (n + size - 1) // size


def matrix(name, rows, columns, outputs, dtype, panels, seed):
    """A matrix in a file of numbers, or its panels in a quantized one. outputs: rows or columns"""
    n_in = rows if outputs == columns else columns
    if not panels:
        return [(name, dtype, [rows, columns], pack(dtype, numbers(rows * columns, seed)))]
    blocks = groups(n_in, 32)
    group, padded = (2, n_in) if dtype == "BF16" else (4, 32 * blocks)
    shape = [groups(outputs, PANEL), groups(padded, group), PANEL, group]
    out = [(name, dtype, shape, pack(dtype, numbers(product(shape), seed)))]
    if dtype == "I8":
        scales = [shape[0], blocks, PANEL]
        out.append((name + "_scales", "BF16", scales, pack("BF16", [0.004] * product(scales))))
    return out


def model(dtype="F32", panels=False, prefix="", head=False, n_layer=1, n_embd=4, n_inner=6,
          vocab_size=5, n_ctx=6, value=None, pad=None):
    small = "F32" if panels else dtype
    tensors = []

    def vector(name, *shape):
        tensors.append((prefix + name, small, list(shape), pack(small, numbers(product(shape), len(tensors)))))

    def linear(name, n_in, n_out):
        tensors.extend(matrix(prefix + name, n_in, n_out, n_out, dtype, panels, len(tensors)))

    tensors.extend(matrix(prefix + "wte.weight", vocab_size, n_embd, vocab_size, dtype,
                          panels, 100))
    vector("wpe.weight", n_ctx, n_embd)
    for i in range(n_layer):
        for norm in ("ln_1", "ln_2"):
            vector(f"h.{i}.{norm}.weight", n_embd)
            vector(f"h.{i}.{norm}.bias", n_embd)
        for name, n_in, n_out in (("attn.c_attn", n_embd, 3 * n_embd), ("attn.c_proj", n_embd, n_embd),
                                  ("mlp.c_fc", n_embd, n_inner), ("mlp.c_proj", n_inner, n_embd)):
            linear(f"h.{i}.{name}.weight", n_in, n_out)
            vector(f"h.{i}.{name}.bias", n_out)
    vector("ln_f.weight", n_embd)
    vector("ln_f.bias", n_embd)
    if head:
        tensors.extend(matrix("lm_head.weight", vocab_size, n_embd, vocab_size, dtype, panels, 101))
    if value is not None:
        tensors = [(name, "F32", shape, pack("F32", [value] * product(shape)))
                   for name, _, shape, _ in tensors]
    # Panels stand at even addresses, as they must; other tensors may stand anywhere.
    length = len(safetensors(tensors)[0])
    odd = -length % 64 if panels else (3 - length) % 4
    return whole(tensors, pad=odd if pad is None else pad)


def folder_seed(how, config_text, weights):
    return struct.pack("<BH", how, len(config_text)) + config_text + weights


def model_seeds(folder):
    as_stored, f32, bf16_, int8, readable, two_threads = 0, 1, 2, 3, 4, 5
    usual = config(n_inner=6)
    tiny = config(vocab_size=1, n_positions=1, n_ctx=1, n_embd=1, n_head=1, n_inner=1)
    smallest = {"vocab_size": 1, "n_ctx": 1, "n_embd": 1, "n_inner": 1}
    infinity, nan = float("inf"), float("nan")
    seeds = {
        "f32": (as_stored, usual, model()),
        "f32_readable": (readable, usual, model()),
        "f32_threads": (as_stored + two_threads, usual, model()),
        "f16": (f32, usual, model("F16")),
        "f16_readable": (readable, usual, model("F16", prefix="transformer.")),
        "bf16": (as_stored, usual, model("BF16", head=True)),
        "to_bf16": (bf16_, usual, model()),
        "to_int8": (int8, usual, model("F16")),
        "panels_bf16": (as_stored, usual, model("BF16", panels=True)),
        "panels_bf16_odd": (as_stored, usual, model("BF16", panels=True, pad=1)),
        "panels_int8": (as_stored, usual, model("I8", panels=True)),
        "panels_int8_readable": (readable, usual, model("I8", panels=True)),
        "no_layers": (as_stored, config(n_layer=0, n_inner=2**40), model(n_layer=0)),
        "ones": (as_stored, tiny, model(**smallest)),
        "ones_readable": (readable, tiny, model(**smallest)),
        "many_layers_claimed": (as_stored, config(n_inner=6, n_layer=10000), model(n_layer=0)),
        "nan": (as_stored, usual, model(value=nan)),
        "nan_to_int8": (int8, usual, model(value=nan)),
        "infinite_to_int8": (int8, usual, model(value=infinity)),
        "tiny_to_int8": (int8, usual, model(value=1e-40)),
        "large_readable": (readable, usual, model(value=3e38)),
        "zeros": (as_stored, usual, model(value=0.0)),
        "zeros_readable": (readable, usual, model(value=0.0)),
    }
    for name, parts in seeds.items():
        write(folder, "model", name, folder_seed(*parts))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "corpus")
    for seeds in (safetensors_seeds, config_seeds, vocabulary_seeds, tokenizer_seeds, sampler_seeds,
                  model_seeds):
        seeds(folder)


if __name__ == "__main__":
    main()
