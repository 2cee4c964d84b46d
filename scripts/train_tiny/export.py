"""Write the model's folder: config.json, model.safetensors, vocab.json and merges.txt.

safetensors by hand: 8 bytes with the header's length, a JSON header (padded with spaces to a
multiple of 8), then every tensor's bytes, one after the other without a gap.
"""
import argparse
import json
import os
import struct

import bpe
from train import load_model


def tensors_of(model):
    """(name, tensor) in the file's order; the head is wte itself and has no tensor of its own."""
    return list(model.state_dict().items())


def write_safetensors(path, tensors):
    """The header says where each tensor lies, then the tensors follow, little-endian F32."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors:
        size = 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, tensor in tensors:
            out.write(tensor.detach().contiguous().numpy().astype("<f4").tobytes())


def config_of(shape):
    """config.json in the form of the published GPT-2 models."""
    end = shape.vocab_size - 1
    return {"activation_function": "gelu_new", "architectures": ["GPT2LMHeadModel"], "attn_pdrop": 0.0, "bos_token_id": end,
            "embd_pdrop": 0.0, "eos_token_id": end, "initializer_range": 0.02, "layer_norm_epsilon": 1e-05, "model_type": "gpt2",
            "n_ctx": shape.n_positions, "n_embd": shape.n_embd, "n_head": shape.n_head, "n_inner": None, "n_layer": shape.n_layer,
            "n_positions": shape.n_positions, "resid_pdrop": 0.0, "tie_word_embeddings": True, "torch_dtype": "float32",
            "vocab_size": shape.vocab_size}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--name", default="checkpoint.pt")
    parser.add_argument("--out", default="models/tiny")
    options = parser.parse_args()
    model = load_model(os.path.join(options.work, options.name))
    os.makedirs(options.out, exist_ok=True)
    bpe.save(bpe.load(options.work), options.out)
    with open(os.path.join(options.out, "config.json"), "w", encoding="utf-8") as out:
        out.write(json.dumps(config_of(model.shape), indent=2) + "\n")
    path = os.path.join(options.out, "model.safetensors")
    write_safetensors(path, tensors_of(model))
    print(f"{path}: {os.path.getsize(path)} bytes, {sum(t.numel() for _, t in tensors_of(model))} weights")


if __name__ == "__main__":
    main()
