#!/usr/bin/env python3
"""One long session at a terminal: N texts after each other, one after the other continued or stopped.

    soak.py N [SEED] PROGRAM ARGUMENT...      N texts with settings and lines drawn from SEED (1)

After the first hundred texts the program's memory must stay as it is, but for the history of 1,000
lines that it keeps; nothing may be said on standard error but what a session says; and it must end
well. Ten thousand take a few minutes: tests/cli/soak.py 10000 ./gpt2 -m models/tiny
"""
import os
import random
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from on_terminal import Terminal

WARM = 100  # texts before the memory is looked at
SLACK = 48  # KiB that it may take more at the end
LINES, LINE = 1000, 0.125  # and for so many lines in the history, so many KiB each
WORDS = ("the server cache query database error disk log queue user request timeout node index it they "
         "because and was is had crashed caf\u00e9 \u4e2d\u6587 \U0001f600 42 3.14 { } \" ' \\ <|endoftext|>").split()


def settings(rng):
    """Options of the sampler and the engine."""
    return ["--seed", str(rng.randrange(2**32)), "-n", str(rng.randint(1, 12)),
            "-T", rng.choice(["0", "0.7", "1", "2.5"]), "-k", rng.choice(["0", "1", "40"]),
            "-p", rng.choice(["1", "0.9", "0.01"]), "-t", rng.choice(["1", "2", "3"]),
            "-w", rng.choice(["f32", "bf16", "int8"])] + rng.choice([[], ["--special"], ["--no-prompt"]])


def line(rng):
    kind = rng.random()
    if kind < 0.1:
        return ""  # the text before goes on
    if kind < 0.13:
        return "help"
    n = rng.randint(60, 90) if kind < 0.15 else rng.randint(1, 12)
    return " ".join(rng.choice(WORDS) for _ in range(n))


def memory(pid):
    """What the process holds itself, in KiB, without the files that it maps."""
    with open(f"/proc/{pid}/status", "rb") as file:
        return sum(int(row.split()[1]) for row in file if row.startswith((b"RssAnon:", b"VmSwap:")))


def fill(terminal):
    """A line of as many tokens as the model takes: then all buffers have been used once."""
    terminal.type(b"zz " * 300 + b"\r")
    terminal.wait(b"\n> ")
    refusal = re.search(rb"has ([0-9]+) tokens, and the model takes at most ([0-9]+)", terminal.shown)
    n_tokens, most = (int(number) for number in refusal.groups())
    terminal.type(b"zz " * (300 * most // n_tokens) + b"\r")
    terminal.wait(b"\n> ")


def main():
    n_texts, arguments = int(sys.argv[1]), sys.argv[2:]
    seed = int(arguments.pop(0)) if arguments[0].isdigit() else 1
    rng = random.Random(seed)
    options = settings(rng)
    os.environ.update(HOME="/nonexistent", TERM="xterm")
    terminal = Terminal(arguments + options, False)
    terminal.wait(b"> ")
    fill(terminal)
    warm = None
    for i in range(n_texts):
        typed = line(rng)
        before = len(terminal.shown)
        terminal.type(typed.encode() + b"\r")
        interrupted = rng.random() < 0.02
        if interrupted:
            terminal.type(b"\x03")
        terminal.wait(b"\n> ")
        if interrupted:  # a Ctrl-C that comes after the text brings a prompt of its own
            terminal.idle()
            terminal.found = len(terminal.shown)
        if len(terminal.shown) == before:
            sys.exit(f"text {i}: nothing was shown")
        if i + 1 == WARM:
            warm = memory(terminal.pid)
        if b"gpt2: " in terminal.shown[before:] and b"takes at most" not in terminal.shown[before:]:
            sys.exit(f"text {i}, {typed!r}: {terminal.shown[before:]!r}")
        if len(terminal.shown) > 1 << 20:  # what was shown has been looked at
            terminal.shown, terminal.found = terminal.shown[terminal.found:], 0
    terminal.idle()
    end = memory(terminal.pid)
    terminal.type(b"\x04")
    terminal.shown = b""
    status = terminal.finish()
    print(f"{n_texts} texts with {' '.join(options)}: {warm} KiB after {WARM}, {end} at the end")
    if status != 0:
        sys.exit(f"the status is {status}")
    if warm is None or end > warm + SLACK + min(n_texts, LINES) * LINE:
        sys.exit("the memory grew")


if __name__ == "__main__":
    main()
