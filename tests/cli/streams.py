#!/usr/bin/env python3
"""Runs a program with a standard input or output that a shell cannot easily make.

    streams.py unread PROGRAM ARGUMENT...     standard output is a pipe that nobody reads
    streams.py pieces PROGRAM ARGUMENT...     prints what each write to standard output has, as
                                              Python bytes on a line each
    streams.py interrupt PROGRAM ARGUMENT...  SIGINT as soon as there is some text; prints the text
    streams.py stuck PROGRAM ARGUMENT...      the same, once nobody has read for so long that the
                                              program waits in a write
    streams.py waiting PROGRAM ARGUMENT...    SIGINT while the program waits for standard input

The program's status is this program's status (128 + N for a signal).
"""
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from on_terminal import process_state

PATIENCE = 20  # seconds: far more than anything here takes


def to_the_shell(status):
    sys.exit(status if status >= 0 else 128 - status)


def default_signals():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests may run in a background that ignores it
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def start(command, **streams):
    return subprocess.Popen(command, preexec_fn=default_signals, **streams)


def wait_until_asleep(program):
    """Until it sleeps, or has ended."""
    asleep = 0
    while asleep < 3 and program.poll() is None:
        asleep = asleep + 1 if process_state(program.pid) in b"SI" else 0
        time.sleep(0.01)


def unread(command):
    reading, writing = os.pipe()
    os.close(reading)
    os.dup2(writing, 1)
    default_signals()
    os.execvp(command[0], command)


def pieces(command):
    # Each write to a socket of datagrams stays apart, where a pipe would join them.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    program = start(command, stdout=theirs)
    while True:
        over = program.poll() is not None
        while select.select([ours], [], [], 0.01)[0]:
            print(ours.recv(65536))
        if over:
            break
    to_the_shell(program.wait(PATIENCE))


def interrupt(command):
    program = start(command, stdout=subprocess.PIPE, bufsize=0)
    text = b""
    while len(text) < 40:
        text += program.stdout.read(4096)
    program.send_signal(signal.SIGINT)
    text += program.stdout.read()
    sys.stdout.buffer.write(text)
    to_the_shell(program.wait(PATIENCE))


def stuck(command):
    reading, writing = os.pipe()
    size = fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    padding = os.write(writing, b" " * (size - 100))  # so that little text fills it
    program = start(command, stdout=writing)
    os.close(writing)
    deadline = time.monotonic() + PATIENCE
    filled = b""
    while int.from_bytes(filled, sys.byteorder) < size:
        if time.monotonic() > deadline or program.poll() is not None:
            sys.exit("the program does not fill the pipe")
        time.sleep(0.01)
        filled = fcntl.ioctl(reading, termios.FIONREAD, b"\0" * 4)
    wait_until_asleep(program)
    program.send_signal(signal.SIGINT)
    wait_until_asleep(program)  # it has seen the signal before there is room again
    os.read(reading, padding)
    with os.fdopen(reading, "rb") as text:
        sys.stdout.buffer.write(text.read())
    to_the_shell(program.wait(PATIENCE))


def waiting(command):
    program = start(command, stdin=subprocess.PIPE)
    program.stdin.write(b"the beginning of a text")
    program.stdin.flush()
    wait_until_asleep(program)
    program.send_signal(signal.SIGINT)
    to_the_shell(program.wait(PATIENCE))


if __name__ == "__main__":
    globals()[sys.argv[1]](sys.argv[2:])
