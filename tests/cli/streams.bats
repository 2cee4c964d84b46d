#!/usr/bin/env bats
# Standard input, output and error when they are closed, full, broken or slow; signals.

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model CHAIN=$BATS_FILE_TMPDIR/chain LETTERS=$BATS_FILE_TMPDIR/letters
  export TEXT=$BATS_FILE_TMPDIR/text
  random_model "$MODEL"
  chain_model "$CHAIN" abcdefghij --n-ctx 16384 # takes the better part of a minute to fill
  chain_model "$LETTERS" 'a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80' # a ü € 😀
  printf 'THE CACHE WAS EMPTY.' >"$TEXT"
}

setup() { cd "$BATS_TEST_TMPDIR"; }

streams() { python3 -IS "$HERE/streams.py" "$@"; }

# each_mode COMMAND...: the command before the program, in each mode that prints something.
each_mode() {
  local mode
  for mode in "-n 3 hello" "--no-prompt -n 3 hello" "--json -n 3 hello" "--top 3 hello" \
    "--tokenize hello" "--detokenize 71 68" "--score $TEXT" --help --version; do
    echo "mode: $mode"
    # shellcheck disable=SC2086  # the words of the mode
    "$@" "$GPT2" -m "$MODEL" $mode || return
  done
}

# ---- whole characters, as they come

@test "text comes out token by token, and never a part of a character" {
  run streams pieces "$GPT2" -m "$LETTERS" -n 32 a
  equal "$status" 0
  python3 -IS - "$output" <<'PYTHON'
import ast, sys
pieces = [ast.literal_eval(line) for line in sys.argv[1].split("\n")]
texts = [piece.decode("utf-8") for piece in pieces] # fails at half a character
print(texts)
assert "".join(texts) == "aü€😀" * 3 + "aü\n", "lost text"
assert len(texts) == 15, "not one by one"
PYTHON
}

@test "a character that the prompt begins and the model ends comes out whole" {
  run streams pieces "$GPT2" -m "$LETTERS" -n 3 $'a\xf0\x9f'
  equal "$status" 0
  equal "$output" $'b\'a\'\nb\'\\xf0\\x9f\\x98\\x80\'\nb\'a\'\nb\'\\n\''
}

@test "a character that stays incomplete comes out at the end" {
  "$GPT2" -m "$LETTERS" -n 7 a >found
  printf 'aü€\xf0\x9f\n' >expected
  same_bytes found expected
  "$GPT2" -m "$LETTERS" -n 0 $'a\xf0\x9f' >found
  printf 'a\xf0\x9f\n' >expected
  same_bytes found expected
}

@test "bytes that are part of no character are not held back" {
  chain_model stray 'a\xff\x80\xc3b'
  run streams pieces "$GPT2" -m stray -n 5 a
  equal "$status" 0
  equal "$output" $'b\'a\'\nb\'\\xff\'\nb\'\\x80\'\nb\'\\xc3b\'\nb\'a\'\nb\'\\n\''
}

@test "the prompt comes out before the model has read it" {
  run streams pieces "$GPT2" -m "$CHAIN" -n 2 a
  equal "$output" $'b\'a\'\nb\'b\'\nb\'c\'\nb\'\\n\''
}

# ---- standard output

quiet_end() {
  run --separate-stderr streams unread "$@"
  fine
}

@test "a reader that has gone ends every mode quietly" {
  each_mode quiet_end
}

@test "a reader that has gone ends --logits to standard output quietly" {
  run --separate-stderr streams unread "$GPT2" -m "$MODEL" --logits /dev/stdout hello
  fine
}

@test "gpt2 | head ends at once and quietly" {
  "$GPT2" -m "$CHAIN" -n 16000 a 2>errors | head -c 5 >found
  statuses=${PIPESTATUS[*]}
  equal "$statuses" "0 0"
  equal "$(cat found)" abcde
  equal "$(cat errors)" ""
}

@test "a reader that has gone hides no wrong model" {
  run --separate-stderr streams unread "$GPT2" -m /nowhere hello
  refused 1 /nowhere
}

full_end() {
  run --separate-stderr bash -c '"$@" >/dev/full' _ "$@"
  refused 1 "standard output" "No space left" "make room on the disk"
}

@test "a full disk under standard output fails every mode with one line" {
  test -e /dev/full || skip "there is no /dev/full here"
  each_mode full_end
}

closed_end() {
  run --separate-stderr bash -c '"$@" >&-' _ "$@"
  refused 1 "standard output" "start the program with it open"
}

@test "a closed standard output fails every mode with one line" {
  each_mode closed_end
}

@test "--logits needs no standard output" {
  gpt2 --logits expected hello
  gpt2 --logits found hello >&-
  same_bytes found expected
}

@test "a closed standard output gets nothing into the file of --logits or into the model" {
  before=$(cat "$MODEL"/* | cksum)
  run bash -c '"$@" >&- 2>&-' _ "$GPT2" -m "$MODEL" -n 3 hello
  equal "$status" 1
  equal "$(cat "$MODEL"/* | cksum)" "$before"
}

# ---- standard input

@test "a closed standard input does not matter when there is a prompt" {
  run --separate-stderr bash -c '"$@" <&-' _ "$GPT2" -m "$CHAIN" -n 3 a
  fine
  equal "$output" abcd
}

@test "a closed standard input is an empty prompt when there is none" {
  run --separate-stderr bash -c '"$@" <&-' _ "$GPT2" -m "$CHAIN" -n 3
  fine
  equal "$output" abc
}

@test "input that comes in pieces is one prompt" {
  (for i in {1..2000}; do printf 'word %s ' "$i"; done) | gpt2 --tokenize >found
  (for i in {1..2000}; do printf 'word %s ' "$i"; done) >whole
  gpt2 --tokenize "$(cat whole; printf x)" | sed 's/ [0-9]*$//' >expected # the x keeps the last space
  same_bytes found expected
}

@test "two megabytes of input are fine" {
  head -c 2000000 /dev/zero | tr '\0' '\n' >long
  gpt2 --tokenize <long >ids
  equal "$(wc -w <ids | tr -d ' ')" 2000000
}

# ---- standard error

@test "a closed standard error changes nothing else" {
  run bash -c '"$@" 2>&-' _ "$GPT2" -m "$CHAIN" -n 3 --stats a
  equal "$status" 0
  equal "$output" abcd
  run bash -c '"$@" 2>&-' _ "$GPT2" -m /nowhere a
  equal "$status" 1
  equal "$output" ""
  run bash -c '"$@" 2>&-' _ "$GPT2" --nonsense
  equal "$status" 2
  equal "$output" ""
}

@test "a full standard error changes nothing else" {
  test -e /dev/full || skip "there is no /dev/full here"
  run bash -c '"$@" 2>/dev/full' _ "$GPT2" -m "$CHAIN" -n 3 --stats a
  equal "$status" 0
  equal "$output" abcd
}

@test "all three closed is an error like any other" {
  run bash -c '"$@" <&- >&- 2>&-' _ "$GPT2" -m "$CHAIN" -n 3 a
  equal "$status" 1
}

# ---- signals

# A text of `abcdefghij` again and again, however long, then a newline.
is_chain() {
  python3 -IS - "$1" <<'PYTHON'
import sys
with open(sys.argv[1], "rb") as file:
    text = file.read()
expected = (b"abcdefghij" * 2000)[:len(text) - 1] + b"\n"
print(len(text), text[-20:], expected[-20:])
sys.exit(text != expected or len(text) < 40)
PYTHON
}

@test "SIGINT ends the text where it is: all of it is printed, and the status is 130" {
  run --separate-stderr bash -c 'python3 -IS "$@" >found' _ \
    "$HERE/streams.py" interrupt "$GPT2" -m "$CHAIN" -n 16000 a
  equal "status $status, $stderr" "status 130, "
  is_chain found
}

@test "SIGINT while a reader is slow loses no text, either" {
  python3 -IS -c 'import fcntl; fcntl.F_SETPIPE_SZ' || skip "pipes have a fixed size here"
  run --separate-stderr bash -c 'python3 -IS "$@" >found' _ \
    "$HERE/streams.py" stuck "$GPT2" -m "$CHAIN" -n 16000 a
  equal "status $status, $stderr" "status 130, "
  is_chain found
}

@test "SIGINT while the program waits for input ends it with 130" {
  run --separate-stderr streams waiting "$GPT2" -m "$CHAIN" -n 3
  equal "status $status, $stderr" "status 130, "
  equal "$output" ""
}

@test "SIGINT with --json leaves an object of what there is, and the status is 130" {
  run python3 -IS - "$GPT2" -m "$CHAIN" -n 16000 --json a <<'PYTHON'
import json, signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_DFL) # here and in the program
def catches(process):
    with open(f"/proc/{process}/status") as file:
        mask = next(line.split()[1] for line in file if line.startswith("SigCgt"))
    return int(mask, 16) >> (signal.SIGINT - 1) & 1
try:
    shown = not catches("self") # an emulator catches all signals itself
except FileNotFoundError: # no /proc here
    shown = False
# It is at work once it has read the model. Then it catches SIGINT: wait for that where the system
# shows it, elsewhere for twice the time that reading and a token take.
before = time.monotonic()
if not shown:
    subprocess.run(sys.argv[1:] + ["-n", "1"], stdout=subprocess.DEVNULL)
took = time.monotonic() - before
program = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
while shown and not catches(program.pid):
    pass
time.sleep(2 * took)
time.sleep(0.05)
program.send_signal(signal.SIGINT)
j = json.loads(program.stdout.read())
print(program.wait(), j["stop"], j["text"] == ("abcdefghij" * 2000)[1:len(j["ids"]) + 1])
PYTHON
  equal "$output" "130 interrupted True"
}
