#!/usr/bin/env python3
"""Writes a GPT-2 folder as GGUF, llama.cpp's format, in F32.

    to_gguf.py LLAMA_CPP FOLDER OUT.gguf     LLAMA_CPP is its checkout, whose gguf-py writes the file

Linear layers are transposed to [out, in]. There is no output.weight: llama.cpp then takes the
embedding, as GPT-2 does. llama-quantize makes the other formats from this file.
"""
import sys

import numpy as np

import weights

LAYER_NAMES = {"ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
               "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down"}
OTHER_NAMES = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}


def gguf_name(name):
    """h.3.ln_1.weight -> blk.3.attn_norm.weight"""
    layer, part = weights.layer_of(name)
    base, kind = part.rsplit(".", 1)
    return f"{OTHER_NAMES[base]}.{kind}" if layer is None else f"blk.{layer}.{LAYER_NAMES[base]}.{kind}"


def add_shape(writer, config):
    writer.add_block_count(config["n_layer"])
    writer.add_context_length(config["n_ctx"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_feed_forward_length(4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])


def add_tokenizer(gguf, writer, folder):
    """The last token is <|endoftext|>."""
    tokens = weights.vocabulary(folder)
    with open(folder + "/merges.txt", encoding="utf-8") as file:
        merges = [line.rstrip("\n") for line in file if line.strip() and not line.startswith("#version")]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * (len(tokens) - 1) + [gguf.TokenType.CONTROL])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(tokens) - 1)
    writer.add_eos_token_id(len(tokens) - 1)


def main():
    llama_cpp, folder, out = sys.argv[1:]
    sys.path.insert(0, llama_cpp + "/gguf-py")
    import gguf
    config, tensors = weights.read(folder)
    writer = gguf.GGUFWriter(out, "gpt2")
    writer.add_name("gpt2-random")
    add_shape(writer, config)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    add_tokenizer(gguf, writer, folder)
    for name, tensor in tensors.items():
        matrix = tensor.T if weights.is_linear(name) else tensor
        writer.add_tensor(gguf_name(name), np.ascontiguousarray(matrix))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
