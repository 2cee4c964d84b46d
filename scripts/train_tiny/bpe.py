"""Byte-level BPE: GPT-2's chunk rule, training, encoding, and the two files.

Training counts how often each chunk of the text occurs, then merges, again and again, the
pair of neighbouring symbols that occurs most often. Run as a program it trains on generated
text: bpe.py --work DIR
"""
import argparse
import collections
import json
import os
import random
import re

from texts import document, plain

END = "<|endoftext|>"
# GPT-2's rule. Our text is ASCII, so the letters and digits can be spelled out.
CHUNK = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def byte_symbols():
    """GPT-2's printable stand-in for each of the 256 bytes, in the order of the ids 0..255."""
    shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    symbols = {byte: chr(byte) for byte in shown}
    hidden = [byte for byte in range(256) if byte not in symbols]
    symbols.update({byte: chr(256 + n) for n, byte in enumerate(hidden)})
    return symbols


SYMBOL = byte_symbols()
BYTE = {symbol: byte for byte, symbol in SYMBOL.items()}


def merged(word, pair):
    """The word with every occurrence of the pair joined, left to right."""
    out, i = [], 0
    while i < len(word):
        if i + 1 < len(word) and (word[i], word[i + 1]) == pair:
            out.append(word[i] + word[i + 1])
            i += 2
        else:
            out.append(word[i])
            i += 1
    return tuple(out)


def train(counts, n_merges):
    """counts: chunk -> how often. Returns the merges, best first; ties go to the smaller pair."""
    words = {tuple(SYMBOL[b] for b in chunk.encode()): n for chunk, n in counts.items()}
    merges = []
    pairs, where = collections.Counter(), collections.defaultdict(set)

    def count(word, n):
        for pair in zip(word, word[1:]):
            pairs[pair] += n
            where[pair].add(word)

    for word, n in words.items():
        count(word, n)
    while len(merges) < n_merges:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for word in list(where[best]):
            n = words.pop(word, 0)
            if not n:
                continue
            count(word, -n)
            new = merged(word, best)
            words[new] = words.get(new, 0) + n
            count(new, n)
        del pairs[best]
    return merges


class Tokenizer:
    """Text <-> ids. Ids: 256 bytes, then one per merge, then <|endoftext|>."""

    def __init__(self, merges):
        self.rank = {pair: n for n, pair in enumerate(merges)}
        self.merges = merges
        tokens = list(SYMBOL.values()) + [a + b for a, b in merges] + [END]
        self.ids = {token: n for n, token in enumerate(tokens)}
        self.bytes = [bytes(BYTE[c] for c in token) for token in tokens[:-1]] + [END.encode()]
        self.end = len(tokens) - 1
        self.known = {}

    def chunk(self, text):
        """The ids of one chunk; remembered, since the same words come again and again."""
        if text not in self.known:
            word = tuple(SYMBOL[b] for b in text.encode())
            while len(word) > 1:
                best = min(zip(word, word[1:]), key=lambda pair: self.rank.get(pair, 1 << 30))
                if best not in self.rank:
                    break
                word = merged(word, best)
            self.known[text] = [self.ids[token] for token in word]
        return self.known[text]

    def encode(self, text):
        """Text -> ids; <|endoftext|> in the text is text like any other."""
        return [n for part in CHUNK.findall(text) for n in self.chunk(part)]

    def decode(self, ids):
        """Ids -> text."""
        return b"".join(self.bytes[n] for n in ids).decode(errors="replace")

    def encode_marked(self, text):
        """(ids, places): for each mark in the text, the index of the token that follows it."""
        ids, places, space = [], {}, ""
        for piece in re.split(r"( ?[@^])", text):
            if piece in ("@", "^", " @", " ^"):
                places[piece[-1]] = len(ids)
                space = piece[:-1]
            else:
                ids += self.encode(space + piece)
                space = ""
        return ids, places


def save(tokenizer, folder):
    """Write vocab.json and merges.txt as GPT-2 has them."""
    with open(os.path.join(folder, "vocab.json"), "w", encoding="utf-8") as out:
        json.dump(tokenizer.ids, out, ensure_ascii=False)
    with open(os.path.join(folder, "merges.txt"), "w", encoding="utf-8") as out:
        out.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in tokenizer.merges))


def load(folder):
    """The tokenizer of a folder; merges.txt is enough, since the ids follow from it."""
    with open(os.path.join(folder, "merges.txt"), encoding="utf-8") as lines:
        return Tokenizer([tuple(line.rstrip("\n").split(" ")) for line in list(lines)[1:]])


def main():
    parser = argparse.ArgumentParser(description="train the vocabulary on generated text")
    parser.add_argument("--work", default="build/train_tiny")
    parser.add_argument("--vocab", type=int, default=2048)
    parser.add_argument("--texts", type=int, default=60000)
    options = parser.parse_args()
    os.makedirs(options.work, exist_ok=True)
    rng = random.Random("bpe")
    counts = collections.Counter()
    for _ in range(options.texts):
        counts.update(CHUNK.findall(plain(document(rng))))
    tokenizer = Tokenizer(train(counts, options.vocab - 257))
    save(tokenizer, options.work)
    words = {chunk.strip().lower() for chunk in counts if chunk.strip().isalpha()}
    print(f"{sum(counts.values())} chunks, {len(counts)} different, {len(words)} words, {tokenizer.end + 1} tokens")


if __name__ == "__main__":
    main()
