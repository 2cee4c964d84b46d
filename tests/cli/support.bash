# What the tests of ./gpt2 share: where the program is, and the checks.
# shellcheck shell=bash
# shellcheck disable=SC2154  # output, stderr and status are bats's
#
# Each check is a function that prints both sides before it fails: `[[ ]]` in the middle of a test
# would not stop it in the bash 3.2 of macOS, and would not say what it saw.

bats_require_minimum_version 1.5.0

HERE=$BATS_TEST_DIRNAME
ROOT=$(cd "$HERE/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
GPT2=$BUILD/gpt2
unset PROMPT
export LC_ALL=C BUILD

# ---- programs

# The program with the model that the file's tests share.
gpt2() { "$GPT2" -m "$MODEL" "$@"; }

# random_model DIR OPTION...: a model with random weights.
random_model() { "$BUILD/tests/random_model" "$@"; }

# chain_model DIR TEXT [--end] [--n-ctx N]: a model that writes TEXT again and again.
chain_model() { python3 -IS "$HERE/chain_model.py" "$@"; }

# json EXPRESSION [FILE]: a value of the object in a file (default: $output), which `j` stands for.
json() {
  if [ $# -gt 1 ]; then cat "$2"; else printf '%s\n' "$output"; fi |
    python3 -IS -c 'import json, sys
j = json.loads(sys.stdin.buffer.read().decode("utf-8"))
print(eval(sys.argv[1]))' "$1"
}

# edit_json FILE STATEMENT: changes the object in a file, which `j` stands for.
edit_json() {
  python3 -IS -c 'import json, sys
with open(sys.argv[1], "rb") as file:
    j = json.load(file)
exec(sys.argv[2])
with open(sys.argv[1], "w") as file:
    json.dump(j, file)' "$1" "$2"
}

# edit_weights DIR STATEMENT: changes the header `h` (an object) or the data `d` (a bytearray) of
# model.safetensors.
edit_weights() {
  python3 -IS -c 'import json, struct, sys
with open(sys.argv[1], "rb") as file:
    whole = file.read()
end = 8 + int.from_bytes(whole[:8], "little")
h, d = json.loads(whole[8:end]), bytearray(whole[end:])
exec(sys.argv[2])
head = json.dumps(h).encode()
with open(sys.argv[1], "wb") as file:
    file.write(len(head).to_bytes(8, "little") + head + d)' "$1/model.safetensors" "$2"
}

# ---- checks

# equal FOUND EXPECTED
equal() {
  [ "$1" = "$2" ] && return 0
  printf 'found    %q\nexpected %q\n' "$1" "$2"
  return 1
}

# differ A B
differ() {
  [ "$1" != "$2" ] && return 0
  printf 'the same twice: %q\n' "$1"
  return 1
}

# contains TEXT PIECE...
contains() {
  local text=$1 piece
  shift
  for piece in "$@"; do
    case $text in
      *"$piece"*) ;;
      *) printf 'not found %q\nin        %q\n' "$piece" "$text"; return 1 ;;
    esac
  done
}

# lacks TEXT PIECE...
lacks() {
  local text=$1 piece
  shift
  for piece in "$@"; do
    case $text in
      *"$piece"*) printf 'found %q\nin    %q\n' "$piece" "$text"; return 1 ;;
    esac
  done
}

# same_bytes FOUND EXPECTED: two files
same_bytes() {
  cmp "$1" "$2" && return 0
  printf 'found:\n'; od -c "$1" | head -8
  printf 'expected:\n'; od -c "$2" | head -8
  return 1
}

# near FOUND EXPECTED LARGEST: two files of floats of the same size, of which no two differ by more
# than LARGEST times the standard deviation of the expected ones.
near() {
  python3 -IS -c 'import array, statistics, sys
found, expected = (array.array("f", open(path, "rb").read()) for path in sys.argv[1:3])
largest = max(abs(a - b) for a, b in zip(found, expected)) / statistics.pstdev(expected)
print("values", len(found), len(expected), found[:4], expected[:4])
print("largest difference", largest, "standard deviations")
sys.exit(len(found) != len(expected) or not largest <= float(sys.argv[3]))' "$@"
}

# one_line TEXT: a message on one line that names the program.
one_line() {
  case $1 in
    *$'\n'*) printf 'more than one line:\n%s\n' "$1"; return 1 ;;
    'gpt2: '?*) ;;
    *) printf 'not a line that begins with "gpt2: ": %q\n' "$1"; return 1 ;;
  esac
}

# refused STATUS PIECE...: after `run --separate-stderr`, the program has ended with the status, a
# single line on standard error that has all the pieces, and nothing on standard output.
refused() {
  local expected=$1
  shift
  equal "status $status" "status $expected" && equal "$output" "" && one_line "${stderr:-}" &&
    contains "$stderr" "$@"
}

# fine: after `run --separate-stderr`, the program has succeeded without a word on standard error.
fine() { equal "status $status, ${stderr:-}" "status 0, "; }

# needs_terminals: skips a test where no pseudo-terminal is to be had (a chroot without /dev/pts).
needs_terminals() {
  python3 -c 'import os; os.openpty()' 2>/dev/null || skip "this system gives no pseudo-terminals"
}

# needs_memory_limit KIB: skips a test where a program can take more memory than `ulimit -v` says, as
# on macOS, and in an emulator that does not hand this limit on.
needs_memory_limit() {
  if (ulimit -v "$1"; python3 -IS -c 'import sys; bytearray(int(sys.argv[1]) << 10)' "$1") 2>/dev/null; then
    skip "this system does not limit a program's memory"
  fi
}
