#!/usr/bin/env python3
"""Runs a program again and again, and lets another allocation fail each time.

    faults.py [--all] [--first N] [--lesson] [--before COMMAND] PRELOAD MESSAGE PROGRAM ARGUMENT...

COMMAND is what the shell does before each run. PRELOAD is what tests/faults/preload.c was built to.
Each run must end in one of two ways: as without the fault (the C library does without some memory),
or with status 1, a single line on standard error that begins with MESSAGE (a regular expression),
and on standard output the beginning of what comes without the fault, if anything. With --lesson the
output may differ: a lesson prints what it measures, and that a picture could not be drawn. About
thirty of the allocations are tried; with --all, or FAULTS=all in the environment, each, and with
--first N each of the first N.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

MOST = 30


def run(arguments, **settings):
    if arguments.before:
        subprocess.run(arguments.before, shell=True, check=True)
    environment = {**os.environ, "LD_PRELOAD": arguments.preload, **settings}
    found = subprocess.run(arguments.command, env=environment, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    found.stdout = re.sub(rb'"timings":{[^}]*}', b"", found.stdout)  # never the same twice
    return found


def fault_of(found, expected, arguments):
    """What is wrong with the outcome; None when nothing is."""
    lines = found.stderr.decode(errors="replace").splitlines()
    if found.returncode == 0:
        if lines:
            return "a message in spite of success"
        same = found.stdout == expected.stdout or arguments.lesson
        return None if same else "another output, and no message"
    if found.returncode != 1:
        return "the status"
    if len(lines) != 1 or not re.match(arguments.message, lines[0]):
        return "the message"
    begins = expected.stdout.startswith(found.stdout) or arguments.lesson
    return None if begins else "the output before the message"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--all", action="store_true", default=os.environ.get("FAULTS") == "all")
    parser.add_argument("--first", type=int)
    parser.add_argument("--lesson", action="store_true")
    parser.add_argument("--before")
    parser.add_argument("preload")
    parser.add_argument("message")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    with tempfile.NamedTemporaryFile() as file:
        expected = run(arguments, FAULT_COUNT=file.name)
        count = int(file.read() or 0)
    if expected.returncode != 0 or count == 0:
        sys.exit(f"without a fault, status {expected.returncode}: {expected.stderr!r}, "
                 f"{count} allocations")
    tried = min(count, arguments.first or count)
    step = 1 if arguments.all or arguments.first else max(1, count // MOST)
    messages = {}
    n_wrong = 0
    for n in range(1, tried + 1, step):
        for failing_on in "01":
            found = run(arguments, FAULT_ALLOC=str(n), FAULT_ALLOC_ON=failing_on)
            wrong = fault_of(found, expected, arguments)
            if wrong:
                n_wrong += 1
                print(f"allocation {n} of {count}{' and all after it' * int(failing_on)}: {wrong}: "
                      f"status {found.returncode}, {found.stderr[:300]!r}, {found.stdout[-200:]!r}")
            else:
                text = re.sub(r"\b\d+\b", "N", found.stderr.decode(errors="replace").strip())
                messages[text] = messages.get(text, 0) + 1
    print(f"{count} allocations, {n_wrong} wrong outcomes")
    for text, times in sorted(messages.items(), key=lambda item: -item[1]):
        print(f"{times:5}  {text[:120]}")
    sys.exit(n_wrong > 0)


if __name__ == "__main__":
    main()
