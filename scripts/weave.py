#!/usr/bin/env python3
"""Puts the output of commands on the pages, so that no page shows what the program does not say.

    weave.py            rewrites the pages (make docs)
    weave.py --check    rewrites nothing, shows a diff and fails when a page is out of date

In a page, a comment above a fence names the command whose output the fence holds:

    <!-- output: ./gpt2 -m models/tiny -T 0 "The queue" -->
    ```text
    ...
    ```

The command runs in the repository's top folder, without a shell; its standard output and standard
error go into the fence. In check mode numbers may differ by one part in a thousand (another
processor rounds differently), and times and rates ("0.12 s", "71.3 tokens/s", "3.2 MiB") by any
amount.
"""

import difflib
import glob
import os
import re
import shlex
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["README.md"] + sorted(glob.glob("step*/README.md", root_dir=TOP))
BLOCK = re.compile(r"(<!-- output: (?P<command>[^\n]*?) -->\n(?P<fence>```+)[a-z]*\n)"
                   r"(?P<content>.*?)(?P<end>^(?P=fence)\n)", re.DOTALL | re.MULTILINE)
MEASURED = re.compile(r"\d+(\.\d+)?(?= ?(s|ms|us|tokens/s|MiB|GiB|MB/s|GB/s)\b)")
NUMBER = re.compile(r"-?\d+\.\d+")
TOLERANCE = 1e-3


def run(command):
    """The output of a command line, as it would stand on a terminal."""
    done = subprocess.run(shlex.split(command), cwd=TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120,
                          env={**os.environ, "NO_COLOR": "1", "TERM": "dumb"})
    if done.returncode != 0:
        sys.exit(f"weave.py: {command}: ended with status {done.returncode}:\n"
                 + done.stdout.decode("utf-8", "replace"))
    text = done.stdout.decode("utf-8", "replace")
    return text if text.endswith("\n") else text + "\n"


def same_line(old, new):
    """Whether two lines differ in nothing but roundings and measured values."""
    old, new = MEASURED.sub("#", old), MEASURED.sub("#", new)
    if NUMBER.sub("#", old) != NUMBER.sub("#", new):
        return False
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new))
    return all(abs(float(a) - float(b)) <= TOLERANCE * max(abs(float(a)), abs(float(b)), TOLERANCE)
               for a, b in pairs)


def same(old, new):
    old, new = old.splitlines(), new.splitlines()
    return len(old) == len(new) and all(same_line(a, b) for a, b in zip(old, new))


def weave(text):
    """The page with every block's content made anew; blocks that are as good stay as they are."""
    def fill(match):
        output = run(match["command"])
        content = match["content"] if same(match["content"], output) else output
        return match[1] + content + match["end"]
    return BLOCK.sub(fill, text)


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: scripts/weave.py [--check]")
    stale = 0
    for page in PAGES:
        path = os.path.join(TOP, page)
        with open(path, encoding="utf-8") as file:
            old = file.read()
        new = weave(old)
        if new == old:
            continue
        stale += 1
        if check:
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True),
                                                       page, page + " (woven)"))
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(new)
            print("woven:", page)
    sys.exit(1 if check and stale else 0)


main()
