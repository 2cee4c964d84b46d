#!/usr/bin/env python3
"""Trains the small vocabulary of the tokenizer tests: small/vocab.json, small/merges.txt.

The files have the form of GPT-2's own, with 343 merges instead of 50,000:
ids 0..255 are single bytes, id 256 + r is the r-th merge, <|endoftext|> is last.

    make_small_vocabulary.py            writes the two files
    make_small_vocabulary.py --check    compares them with what it would write

Training is byte pair encoding as in the textbooks: cut the text into chunks, each
chunk into bytes; then join the most frequent pair of neighbours, again and again.
The text is mixed on purpose, so that the merges include what a tokenizer gets wrong:
letters of several bytes, tokens that end in the middle of a letter, and rules whose
line begins with '#', as a comment would.
"""

import collections
import json
import os
import sys
import unicodedata

MERGES = 343
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "small")

CORPUS = """\
The server crashed because it ran out of memory. The other servers in the pool took over its traffic,
and the load balancer moved the requests from the slow server to the lower loaded ones. It's what they're for:
when one server fails, the others don't wait, they've already answered. We'll see that the lowest latency isn't
always the newest server's, and that a lower price isn't the lowest. I'd say I'm not sure, but you'd say that you are.

Low, lower, lowest; new, newer, newest; wide, wider, widest. The cache was empty and the queue was full.
The lower the hit rate of the cache, the higher the load of the database behind it. The database isn't slow,
it's asked the same question a thousand times, and it answers the same answer a thousand times.

Every request has a timeout, and every timeout has a reason. Nobody has read the logs since the last migration,
but the logs have it all: the connection was refused, the connection was reset, the connection timed out. A replica
that nobody had tested before the migration answered with stale data, and the monitoring that should have told us
had been switched off for testing. Restoring the replica took an hour; understanding what had happened took three.
Test the backups. Test the monitoring. Write down what you have learned before the next request for a migration.

Der Server war überlastet, und die Schlüssel lagen für drei Stunden im falschen Büro. Größere Rechner hätten
die Änderung früher übernommen; schöne Grüße aus München, wo die Straße über die Brücke führt. Für die
nächste Störung gibt es Schlüssel für alle Türen, und für Übermut gibt es keine Zeit. Müde, über und über.
Änderungen über Änderungen: größere Straßen, größere Brücken, und die Störung der nächsten Stunden für alle Rechner.

服务器崩溃了,因为它的内存不够。你好,世界!你好,服务器!我们的服务器很快,你们的服务器很慢。
世界很大,内存很小。他们的世界是我们的世界。服务器的内存不够,因为世界的服务器很慢。你们好,我们很好!

Works on my machine 😀😀 and in production 😱. Deployed 🚀🚀🚀, rolled back 😅, fixed 😀, deployed again 🚀.

# Logs
## Logs of the server
### 2023-01-15
#### 2023-02-15
2023-01-15 10:00:01 GET /index.html 200 1024
2023-01-15 10:00:02 GET /index.html 200 1024
2023-01-15 10:00:02 GET /status.html 404 512
2023-02-15 10:00:03 POST /login 500 2048

#include <stdio.h>
#include <stdlib.h>
#define SIZE 1024
int main(void) {
    for (int i = 0; i < SIZE; i++) {
        if (i % 100 == 0) {
            printf("%d\\n", i);
        }
    }
    return 0;
}

#!/bin/sh
################
#!/bin/sh -e
######## once ########
for server in one two three; do
\tssh "$server" uptime || echo "### $server is down"
done

{"id": 100, "name": "server-1", "tags": ["new", "slow"], "load": 0.25}
{"id": 101, "name": "server-2", "tags": ["new", "lowest"], "load": 0.125}
https://example.com/servers/100?load=0.25&tags=new
https://example.com/servers/101?load=0.125&tags=new
aaaaaaaaaaaaaaaa ... ... -- ---- -------- ======== 1000 10000 100000 1000000
"""

WHITE_SPACE = {*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B),
               0x2028, 0x2029, 0x202F, 0x205F, 0x3000}
CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def kind(letter):
    """L letter, N number, S white space, O anything else."""
    if ord(letter) in WHITE_SPACE:
        return "S"
    category = unicodedata.category(letter)[0]
    return category if category in "LN" else "O"


def chunks(text):
    """Cuts a text as GPT-2 does. Merges never cross a chunk's border."""
    result = []
    i = 0
    while i < len(text):
        contraction = next((c for c in CONTRACTIONS if text.startswith(c, i)), None)
        if contraction:
            end = i + len(contraction)
        else:
            # One space may stand before a run of letters, of numbers, or of the rest.
            start = i + 1 if text[i] == " " and i + 1 < len(text) else i
            if kind(text[start]) == "S":
                start = i
            end = start
            while end < len(text) and kind(text[end]) == kind(text[start]):
                end += 1
            if kind(text[start]) == "S" and end < len(text) and end - start > 1:
                end -= 1  # the last white space belongs to what follows
        result.append(text[i:end])
        i = end
    return result


def byte_letters():
    """GPT-2 writes each byte as a letter that can be seen: printable bytes as
    themselves, the other 68 as U+0100 and up. Returns the letters by byte, and
    the bytes in the order of their ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    letters = {b: chr(b) for b in printable}
    letters.update({b: chr(0x100 + n) for n, b in enumerate(others)})
    return letters, printable + others


def train(text, wanted):
    """Returns (tokens: a list of byte strings by id, merges: a list of (left, right) ids)."""
    _, order = byte_letters()
    tokens = [bytes([b]) for b in order]
    id_of_byte = {b: token for token, b in enumerate(order)}
    words = [([id_of_byte[b] for b in chunk.encode("utf-8")], count)
             for chunk, count in collections.Counter(chunks(text)).items()]
    merges = []
    while len(merges) < wanted:
        pairs = collections.Counter()
        for word, count in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        # The most frequent pair; among equals the one with the lowest ids.
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            sys.exit(f"the text has no more than {len(merges)} merges in it")
        joined = tokens[best[0]] + tokens[best[1]]
        if joined in tokens:
            sys.exit(f"{joined} can be reached in two ways: change the text")
        new_id = len(tokens)
        tokens.append(joined)
        merges.append(best)
        for word, _ in words:
            i = 0
            while i + 1 < len(word):
                if (word[i], word[i + 1]) == best:
                    word[i:i + 2] = [new_id]
                i += 1
    return tokens, merges


def whole_utf8(token):
    try:
        token.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def main():
    tokens, merges = train(CORPUS, MERGES)
    letters, _ = byte_letters()
    shown = ["".join(letters[b] for b in token) for token in tokens]
    vocabulary = {text: token for token, text in enumerate(shown)}
    vocabulary["<|endoftext|>"] = len(tokens)
    rules = [f"{shown[left]} {shown[right]}" for left, right in merges]
    files = {"vocab.json": json.dumps(vocabulary),
             "merges.txt": "#version: 0.2\n" + "\n".join(rules) + "\n"}

    different = 0
    os.makedirs(FOLDER, exist_ok=True)
    for name, text in files.items():
        path = os.path.join(FOLDER, name)
        if "--check" in sys.argv[1:]:
            with open(path, "rb") as file:
                same = file.read() == text.encode("utf-8")
            different += not same
            print(f"{name}: {'as it should be' if same else 'DIFFERENT'}")
        else:
            with open(path, "wb") as file:
                file.write(text.encode("utf-8"))

    print(f"{len(vocabulary)} tokens, {len(merges)} merges, "
          f"{sum(rule.startswith('#') for rule in rules)} rules that begin with '#', "
          f"{sum(not whole_utf8(token) for token in tokens[256:])} merged tokens that are not whole UTF-8, "
          f"{sum(whole_utf8(t) and not t.isascii() for t in tokens[256:])} that hold letters of several bytes")
    sys.exit(1 if different else 0)


if __name__ == "__main__":
    main()
