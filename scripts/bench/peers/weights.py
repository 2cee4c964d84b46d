"""A GPT-2 folder as Hugging Face publishes it, read for the other programs: settings, tensors, words."""
import json
import struct

import numpy as np


def read(folder):
    """(what config.json says, {name: F32 array}); the arrays are views of the mapped file."""
    with open(folder + "/config.json", encoding="utf-8") as file:
        config = json.load(file)
    path = folder + "/model.safetensors"
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    data = np.memmap(path, np.uint8, "c", offset=8 + length)  # PyTorch wants memory that it could write
    return config, {name.removeprefix("transformer."): view(data, name, entry) for name, entry in header.items()}


def view(data, name, entry):
    """The tensor that an entry of the header describes."""
    if entry["dtype"] != "F32":
        raise SystemExit(f"tensor {name} is {entry['dtype']}, expected F32")
    begin, end = entry["data_offsets"]
    return data[begin:end].view("<f4").reshape(entry["shape"])


def is_linear(name):
    """Whether the tensor is the matrix of a linear layer, which GPT-2 stores as [in, out]."""
    return name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight"))


def layer_of(name):
    """h.3.ln_1.weight -> ("3", "ln_1.weight"); (None, name) for what belongs to no layer."""
    if not name.startswith("h."):
        return None, name
    _, layer, part = name.split(".", 2)
    return layer, part


def vocabulary(folder):
    """The tokens as vocab.json spells them, by id."""
    with open(folder + "/vocab.json", encoding="utf-8") as file:
        ids = json.load(file)
    tokens = sorted(ids, key=ids.get)
    if [ids[token] for token in tokens] != list(range(len(tokens))):
        raise SystemExit(f"{folder}/vocab.json: the ids are not 0 to {len(tokens) - 1}, each once")
    return tokens
