#!/usr/bin/env python3
"""Runs a program on a terminal of its own, types keys, and prints what the terminal showed.

    on_terminal.py STEP... -- PROGRAM ARGUMENT...

A step is one of
    wait:TEXT    until TEXT has come (after what the waits before it have found); for a TEXT that
                 ends in "> ", a prompt, also until the program sleeps and so takes keys
    type:TEXT    types TEXT; \\r \\n \\t \\e \\xNN and \\\\ in it are escapes
    enter, up, ctrl-c, ctrl-d, ctrl-z    one key
    idle         until the program sleeps
    signal       SIGINT to the program alone, as `kill -INT` sends it
    hold         the terminal takes no more output, and who writes to it waits; as the first step,
                 from before the program starts
    release      the terminal goes on

The program's status is this program's status (128 + N for a signal, 99 when something did not come
in time). Line ends are printed as \\n. The last line says whether the terminal is as it was.
"""
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time

PATIENCE = 20  # seconds for one step: far more than any of them takes
KEYS = {"enter": b"\r", "up": b"\x1b[A", "ctrl-c": b"\x03", "ctrl-d": b"\x04",
        "ctrl-z": b"\x1a"}
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"e": b"\x1b", b"\\": b"\\"}


def unescape(text):
    def one(match):
        code = match.group(1)
        return bytes([int(code[1:], 16)]) if code[:1] == b"x" else ESCAPES[code]

    return re.sub(rb"\\(x[0-9a-f]{2}|.)", one, os.fsencode(text))


def process_state(pid):
    """What ps calls the state: S is asleep (and, where it exists, I: asleep for long)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1]
    except FileNotFoundError:  # a system without /proc
        return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE,
                              check=False).stdout[:1]


class Terminal:
    def __init__(self, command, held):
        self.master, self.slave = os.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.shown = b""
        self.found = 0  # where the last wait's text ended
        if held:
            termios.tcflow(self.slave, termios.TCOOFF)
        self.pid = os.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.close(self.master)
            os.setsid()
            name = os.ttyname(self.slave)
            os.close(self.slave)
            for fd in range(3):  # the first terminal that a session opens becomes its own
                opened = os.open(name, os.O_RDWR)
                if opened != fd:
                    os.dup2(opened, fd)
                    os.close(opened)
            os.closerange(3, 256)
            os.execvp(command[0], command)

    def read(self, seconds):
        """Takes what has come; False when nothing came in that time."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.shown += os.read(self.master, 65536)
        return True

    def wait(self, text):
        deadline = time.monotonic() + PATIENCE
        while (at := self.shown.find(text, self.found)) < 0:
            if time.monotonic() > deadline or (self.ended() and not self.read(0.1)):
                self.fail(f"{text!r} did not come")
            self.read(0.05)
        self.found = at + len(text)

    def type(self, keys):
        while keys:
            if not select.select([], [self.master], [], PATIENCE)[1]:
                self.fail("nobody reads what is typed")
            keys = keys[os.write(self.master, keys[:256]):]
            self.read(0)

    def ended(self):
        """Whether the program is over; it stays to be waited for."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def idle(self):
        asleep = 0
        deadline = time.monotonic() + PATIENCE
        while asleep < 3:
            if time.monotonic() > deadline:
                self.fail("the program does not wait for a key")
            asleep = asleep + 1 if process_state(self.pid) in b"SI" else 0
            self.read(0.01)

    def finish(self):
        deadline = time.monotonic() + PATIENCE
        while not self.ended():
            if time.monotonic() > deadline:
                self.fail("the program did not end")
            self.read(0.05)
        while self.read(0.02):
            pass
        restored = termios.tcgetattr(self.slave) == self.before
        self.show("[terminal as it was]" if restored else "[terminal changed]")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def show(self, last_line):
        shown = self.shown.replace(b"\r\n", b"\n")
        sys.stdout.buffer.write(shown + b"\n" + last_line.encode() + b"\n")
        sys.stdout.flush()

    def fail(self, why):
        self.show(f"[on_terminal.py: {why}]")
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
        sys.exit(99)


def main():
    end = sys.argv.index("--")
    terminal = Terminal(sys.argv[end + 1:], sys.argv[1:2] == ["hold"])
    for step in sys.argv[1:end]:
        kind, _, text = step.partition(":")
        if kind == "wait":
            terminal.wait(unescape(text).replace(b"\n", b"\r\n"))  # as terminals have it
            if text.endswith("> "):
                terminal.idle()
        elif kind == "type":
            terminal.type(unescape(text))
        elif kind == "idle":
            terminal.idle()
        elif kind in ("hold", "release"):
            termios.tcflow(terminal.slave, termios.TCOOFF if kind == "hold" else termios.TCOON)
        elif kind == "signal":
            os.kill(terminal.pid, signal.SIGINT)
        else:
            terminal.type(KEYS[kind])
    status = terminal.finish()
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
