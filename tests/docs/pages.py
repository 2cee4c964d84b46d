#!/usr/bin/env python3
"""Checks what a reader would stumble over on the pages of the steps. Prints TAP.

Headings and their order, links and anchors, the link to the next step, pictures (alternative text,
size, and that the program still draws the same), the Shapes table against what the program prints
on the model with 124M shapes, and the one-line compiler command.

    pages.py MODEL_124M     a folder that random_model --gpt2 has written
"""

import glob
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import zlib

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", "build")
HEADINGS = ["What We'll Learn", "Run It", "The Problem", "How It Works", "The Implementation",
            "Putting It Together", "Shapes", "Experiments", "Edge Cases Engineers Ask About",
            "In Production", "Exercises", "Summary: What We Learned", "Next Steps"]
MOST_WORDS = 2500
LARGEST_PICTURE = 60 * 1024
count = 0


def report(problem, what):
    """One line of TAP; problem is a text that is empty when all is well."""
    global count
    count += 1
    print(f"{'not ok' if problem else 'ok'} {count} - {what}")
    for line in str(problem).splitlines()[:12]:
        print(f"# {line}")


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def without_fences(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


# --- headings, words, links ---------------------------------------------------------------------

def check_headings(page, text):
    number = re.search(r"step(\d)_", page)[1]
    prose = without_fences(text)
    title = prose.splitlines()[0]
    emoji = [c for c in title if ord(c) >= 0x2190]
    good_title = re.match(rf"# Step {number}: \w.*", title) and len(emoji) == 1
    report("" if good_title else f"found {title}", f"{page}: the title has the step, a topic, one emoji")
    found = re.findall(r"^## (.*)$", prose, flags=re.MULTILINE)
    report("" if found == HEADINGS else f"found {found}", f"{page}: the headings are there, in order")
    prose = re.sub(r"<!--.*?-->", "", prose, flags=re.DOTALL)
    words = len(prose.split())
    report("" if words <= MOST_WORDS else f"{words} words", f"{page}: at most {MOST_WORDS} words")
    check_typed(page, text)


def check_typed(page, text):
    typed = [c for c in re.findall(r"(?:^|\n)(<!--[^\n]*-->)?\n```text", text) if not c]
    report("" if not typed else f"{len(typed)} fences", f"{page}: no output is typed")


def anchor(heading):
    """GitHub's rule: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def check_links(page, text):
    problems = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_fences(text)):
        if re.match(r"\w+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
        if not os.path.exists(os.path.join(TOP, file)):
            problems.append(f"{target}: no such file")
        elif fragment and fragment not in map(anchor, re.findall(r"^#+ (.*)$", read(file), re.M)):
            problems.append(f"{target}: no such heading")
    report("\n".join(problems), f"{page}: every link leads somewhere")


def check_next(page, text, pages):
    position = pages.index(page)
    following = pages[position + 1] if position + 1 < len(pages) else "README.md"
    target = os.path.relpath(os.path.dirname(following) or ".", os.path.dirname(page))
    last = text.rstrip().rsplit("## Next Steps", 1)[-1]
    found = any(os.path.normpath(t.split("/README.md")[0].rstrip("/")) == os.path.normpath(target)
                for t in re.findall(r"\]\(([^)]+)\)", last))
    is_last_written = position + 1 == len(pages) and "step8" not in page
    report("" if found or is_last_written else f"expected a link to {target}",
           f"{page}: the end leads on")


def check_front_door(text):
    check_typed("README.md", text)
    mute = [target for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text) if len(alt.split()) < 4]
    report("\n".join(mute), "README.md: every picture has a text for who can't see it")


# --- the glossary -------------------------------------------------------------------------------

def prose_of(page):
    """The page's own words on one line: no fences, comments or code."""
    text = re.sub(r"<!--.*?-->", "", without_fences(read(page)), flags=re.DOTALL)
    return " ".join(re.sub(r"`[^`]*`", "", text).split())


def check_glossary(pages):
    """Each term stands in bold on the page that the glossary names, and on none before it, unless
    the sentence names the step that explains it."""
    table = re.search(r"^## Glossary\n(.*?)(^## |\Z)", read("README.md"), flags=re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| \[(\d)\]\(([^)]+)\) \|$", table[1] if table else "", re.M)
    report("" if rows else "no rows", "README.md: the glossary has terms")
    for terms, step, page in rows:
        earlier = [p for p in pages if p < page]
        for term in terms.split(", "):
            word = re.escape(term) + "s?"
            problems = []
            if not re.search(rf"\*\*{word}\*\*", prose_of(page), re.I):
                problems.append(f"{page} does not explain **{term}**")
            problems += [f"{p} uses it before: {s}" for p in earlier
                         for s in re.split(r"(?<=[.!?:;]) ", prose_of(p))
                         if re.search(rf"\b{word}\b", s, re.I)
                         and not re.search(rf"\bstep {step}\b", s, re.I)]
            report("\n".join(problems), f"the glossary's {term!r} is explained in step {step}, not used before")


# --- pictures -----------------------------------------------------------------------------------

def pixels(path):
    """(width, height, rows of bytes) of an RGB picture without interlacing."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height = struct.unpack(">II", body[:8])
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    raw, rows, stride = zlib.decompress(packed), [], 3 * width
    above = bytes(stride)
    for y in range(height):
        kind, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            a = row[i - 3] if i >= 3 else 0
            b, c = above[i], above[i - 3] if i >= 3 else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        rows.append(bytes(row))
        above = rows[-1]
    return width, height, rows


def same_picture(old, new):
    """Empty when two pictures look the same: few pixels differ by more than a shade."""
    with open(old, "rb") as a, open(new, "rb") as b:
        if a.read() == b.read():
            return ""
    (w1, h1, rows1), (w2, h2, rows2) = pixels(old), pixels(new)
    if (w1, h1) != (w2, h2):
        return f"{w1} x {h1} on the page, {w2} x {h2} drawn now"
    different = sum(abs(p - q) > 24 for r, s in zip(rows1, rows2) for p, q in zip(r, s))
    return "" if different <= 0.01 * 3 * w1 * h1 else f"{different} of {3 * w1 * h1} bytes differ"


def check_pictures(page, text, drawn):
    folder = os.path.dirname(page)
    for alt, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text):
        path = os.path.join(TOP, folder, target)
        report("" if len(alt.split()) >= 4 else f"found {alt!r}", f"{page}: {target} has a text for who can't see it")
        if not os.path.exists(path):
            report("no such file", f"{page}: {target} is there")
            continue
        size = os.path.getsize(path)
        report("" if size < LARGEST_PICTURE else f"{size} bytes", f"{page}: {target} is small enough")
        now = os.path.join(drawn, os.path.basename(target))
        if not os.path.exists(now):
            report("the program drew no such picture", f"{page}: {target} is what the program draws")
        elif "timing" in target:
            # Slower machines have longer numbers at the axis.
            (w1, h1, _), (w2, h2, _) = pixels(path), pixels(now)
            same = abs(w1 - w2) <= 40 and h1 == h2
            report("" if same else f"{w1} x {h1} on the page, {w2} x {h2} drawn now",
                   f"{page}: {target} has the size that is drawn")
        else:
            report(same_picture(path, now), f"{page}: {target} is what the program draws")


# --- shapes, and the compiler -------------------------------------------------------------------

def step_output(folder, model, out):
    done = subprocess.run([os.path.join(BUILD, folder, "main"), "-m", model, "-o", out], cwd=TOP,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                          env={**os.environ, "NO_COLOR": "1", "PROMPT": ""})
    text = done.stdout.decode("utf-8", "replace")
    report("" if done.returncode == 0 else text[-800:], f"{folder}: runs on {os.path.basename(model)}")
    return text


def printed_shapes(text, name):
    return re.findall(rf"^{re.escape(name)}[ :].*?(\[[\d, ]*\])", text, flags=re.MULTILINE)


def check_shapes(page, text, tiny, gpt2):
    table = re.search(r"^## Shapes\n(.*?)^## ", text, flags=re.DOTALL | re.MULTILINE)
    rows = re.findall(r"^\| `([^`]+)`[^|]*\| (\[[\d, ]*\]) \| (\[[\d, ]*\]) \|", table[1] if table else "", re.M)
    problems = [] if rows else ["no rows"]
    for name, for_tiny, for_gpt2 in rows:
        for model, output, shape in (("tiny", tiny, for_tiny), ("GPT-2 124M", gpt2, for_gpt2)):
            found = printed_shapes(output, name)
            if shape not in found:
                problems.append(f"{name}: {model} on the page {shape}, printed {sorted(set(found))}")
    report("\n".join(problems), f"{page}: the Shapes table is what the program prints")


def check_compiler(page, text):
    commands = re.findall(r"^cc .*$", text, flags=re.MULTILINE)
    if len(commands) != 1:
        report(f"found {len(commands)}", f"{page}: one cc command builds it")
        return
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "program")
        command = re.sub(r" -o \S+", f" -o {shlex.quote(program)}", commands[0])
        done = subprocess.run(["sh", "-c", command], cwd=TOP, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        good = done.returncode == 0 and os.path.exists(program)
        report("" if good else done.stdout.decode()[-800:], f"{page}: its cc command builds it")


def main():
    pages = sorted(os.path.relpath(p, TOP) for p in glob.glob(os.path.join(TOP, "step*_*/README.md")))
    report("" if "# " in read("README.md") else "empty", "README.md is there")
    check_links("README.md", read("README.md"))
    check_front_door(read("README.md"))
    check_glossary(pages)
    for page in pages:
        text, folder = read(page), os.path.dirname(page)
        check_headings(page, text)
        check_links(page, text)
        check_next(page, text, pages)
        with tempfile.TemporaryDirectory() as drawn:
            tiny = step_output(folder, "models/tiny", drawn)
            check_pictures(page, text, drawn)
            gpt2 = step_output(folder, sys.argv[1], os.path.join(drawn, "gpt2"))
        check_shapes(page, text, tiny, gpt2)
        check_compiler(page, text)


main()
