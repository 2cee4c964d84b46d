#!/usr/bin/env python3
"""Puts code and output on the pages, so that no page shows what the program does not say.

    weave.py            rewrites the pages (make docs)
    weave.py --check    rewrites nothing, shows a diff and fails when a page is out of date

In a page, a comment above a fence names where the fence's content comes from:

    <!-- code: common/ops.c softmax -->                 a function, with the comment above it
    <!-- code: common/model.h struct gpt2_layer -->     a struct or enum
    <!-- code: step1_explore/main.c [follow] -->        the lines between // [follow] and // [end]
    <!-- output: build/gpt2 -m models/tiny "hi" -->     what the command prints, all of it
    <!-- output: build/step1_explore/main -m models/tiny :: The header -->
                                                        one section of it, by its title

Commands run in the repository's top folder, without a shell; standard error belongs to the output.
In check mode code must be the same to the letter. Numbers in output may differ by one part in a
thousand (another processor rounds differently), and times and rates ("0.12 s", "71.3 tokens/s",
"3.2 MiB", "25 GFLOP/s", "12 times as long", "12.5 % of the time") by any amount; so may the name of
the processor's kernels ("kernels      avx2") and the power of ten above a difference that a program
found small enough ("largest difference below 1e-06").
"""

import difflib
import functools
import glob
import os
import re
import shlex
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["README.md"] + sorted(glob.glob("step*/README.md", root_dir=TOP))
BLOCK = re.compile(r"(?P<head><!-- (?P<kind>code|output): (?P<source>[^\n]*?) -->\n"
                   r"(?P<fence>```+)[a-z]*\n)(?P<content>.*?)(?P<end>^(?P=fence)$)",
                   re.DOTALL | re.MULTILINE)
MEASURED = re.compile(r"\d+(\.\d+)?(?= ?(s|ms|us|tokens/s|MiB|GiB|MB/s|GB/s|times as fast|"
                      r"GFLOP/s|times as long|% of the time)\b)")
KERNELS = re.compile(r"(?<=^kernels) +\w+$")
BELOW = re.compile(r"(?<=\(largest difference below )1e-\d+(?=\) +ok$)")
NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]\d+)?")
TOLERANCE = 1e-3
LIMIT = int(os.environ.get("SUITE_SECONDS", 120))  # for one command


class Stale(Exception):
    """A marker that names something that is not there."""


# --- code -------------------------------------------------------------------------------------

def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def region(lines, name):
    """The lines between `// [name]` and `// [end]`, moved to the left."""
    begin = [i for i, line in enumerate(lines) if line.strip() == f"// [{name}]"]
    if len(begin) != 1:
        raise Stale(f"expected one line // [{name}], found {len(begin)}")
    end = begin[0] + 1
    while end < len(lines) and lines[end].strip() != "// [end]":
        end += 1
    taken = lines[begin[0] + 1:end]
    indent = min((len(l) - len(l.lstrip()) for l in taken if l.strip()), default=0)
    return [line[indent:] for line in taken]


def definition(lines, name):
    """A function, struct or enum at the left edge, from the comment above it to its brace."""
    if name.startswith(("struct ", "enum ")):
        start = re.compile(re.escape(name) + r" \{$")
    else:
        start = re.compile(r"[a-z].*[ *]" + re.escape(name) + r"\(")
    found = [i for i, line in enumerate(lines) if start.match(line)
             and "{" in "".join(lines[i:i + 4]).split(";")[0]]
    if len(found) != 1:
        raise Stale(f"expected one definition of {name}, found {len(found)}")
    begin = end = found[0]
    while not lines[end].startswith("}"):
        end += 1
    if lines[begin - 1].rstrip().endswith("*/"):
        begin -= 1
        while not lines[begin].lstrip().startswith("/*"):
            begin -= 1
    return lines[begin:end + 1]


def code(source):
    path, name = source.split(" ", 1)
    lines = read(path).splitlines()
    taken = region(lines, name[1:-1]) if name.startswith("[") else definition(lines, name)
    return "\n".join(taken) + "\n"


# --- output -----------------------------------------------------------------------------------

@functools.lru_cache(maxsize=None)
def run(command):
    """The output of a command line, as it would stand on a terminal without colours."""
    words = shlex.split(command)
    try:
        done = subprocess.run(words, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=LIMIT,
                              env={**os.environ, "NO_COLOR": "1", "TERM": "dumb", "PROMPT": ""})
    except FileNotFoundError:
        raise Stale(f"{words[0]} is not there: run make first") from None
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        raise Stale(f"{command}: ended with status {done.returncode}:\n{text}")
    return text if text.endswith("\n") else text + "\n"


def section(text, title):
    """The part of an output under an underlined title, without the title."""
    lines = text.splitlines()
    titles = [i for i in range(len(lines) - 1)
              if lines[i] and set(lines[i + 1]) <= set("-=") and len(lines[i + 1]) == len(lines[i])]
    begin = [i for i in titles if lines[i] == title]
    if len(begin) != 1:
        raise Stale(f"expected one section {title!r} in the output, found {len(begin)}")
    end = min([i for i in titles if i > begin[0]], default=len(lines))
    return "\n".join(lines[begin[0] + 2:end]).strip("\n") + "\n"


def output(source):
    command, _, title = source.partition(" :: ")
    text = run(command)
    return section(text, title) if title else text


# --- pages ------------------------------------------------------------------------------------

def same_line(old, new):
    """Whether two lines of output differ in nothing but roundings and measured values."""
    if old == new:
        return True
    old, new = (BELOW.sub("#", KERNELS.sub("", MEASURED.sub("#", line))) for line in (old, new))
    squeeze = (lambda line: re.sub(r"[ █▉▊▋▌▍▎▏]+", " ", NUMBER.sub("#", line)))
    if squeeze(old) != squeeze(new):
        return False
    pairs = zip(NUMBER.findall(old), NUMBER.findall(new))
    return all(abs(float(a) - float(b)) <= TOLERANCE * max(abs(float(a)), abs(float(b)), TOLERANCE)
               for a, b in pairs)


def same_output(old, new):
    old, new = old.splitlines(), new.splitlines()
    return len(old) == len(new) and all(same_line(a, b) for a, b in zip(old, new))


def weave(text):
    """The page with every block made anew; output that is as good stays as it is."""
    def fill(match):
        made = code(match["source"]) if match["kind"] == "code" else output(match["source"])
        if match["kind"] == "output" and same_output(match["content"], made):
            made = match["content"]
        return match["head"] + made + match["end"]
    return BLOCK.sub(fill, text)


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit("usage: scripts/weave.py [--check]")
    stale = 0
    for page in PAGES:
        old = read(page)
        try:
            new = weave(old)
        except Stale as problem:
            print(f"{page}: {problem}")
            stale += 1
            continue
        if new == old:
            continue
        if check:
            stale += 1
            sys.stdout.writelines(difflib.unified_diff(old.splitlines(True), new.splitlines(True),
                                                       page, page + " (woven)"))
        else:
            with open(os.path.join(TOP, page), "w", encoding="utf-8") as file:
                file.write(new)
            print("woven:", page)
    sys.exit(1 if stale else 0)


main()
