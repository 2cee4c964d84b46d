#!/usr/bin/env bats
# When the system fails in the middle: no memory, no threads, short and interrupted reads and writes,
# a full disk, a sudden end. tests/faults/preload.c makes it fail; faults.py goes through the
# allocations. (test_no_memory does so for the library's functions, and finds leaks.)
# shellcheck disable=SC2154  # status, output, stderr: set by run

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model TEXT=$BATS_FILE_TMPDIR/text FAULTS_SO=$BATS_FILE_TMPDIR/faults.so
  cp "$BUILD/tests/faults.so" "$FAULTS_SO" || true # LD_PRELOAD takes a space for the end of a name
  random_model "$MODEL" --n-layer 1 --n-head 2 --n-embd 8 --n-ctx 16 --vocab-size 300
  random_model "$MODEL.small" --n-layer 1 --n-head 2 --n-embd 8 --n-ctx 16 --vocab-size 60
  printf 'the cache was empty, and so was the disk. ' >"$TEXT"
}

setup() {
  [ -e "$FAULTS_SO" ] || skip "this needs glibc's malloc and LD_PRELOAD"
  mkdir "$BATS_TEST_TMPDIR/here"
  cd "$BATS_TEST_TMPDIR/here" || exit
}

# faulty SETTING... -- ARGUMENT...: the program with these faults.
faulty() {
  local settings=()
  while [ "$1" != -- ]; do settings+=("$1"); shift; done
  shift
  env LD_PRELOAD="$FAULTS_SO" "${settings[@]}" "$GPT2" -m "$MODEL" "$@"
}

# without_memory ARGUMENT...: no allocation that fails does worse than one line and status 1.
without_memory() {
  run python3 -IS "$HERE/faults.py" --before "${BEFORE:-}" "$FAULTS_SO" 'gpt2: ' "$GPT2" -m "$MODEL.small" -t 1 "$@"
  printf '%s\n' "$output"
  equal "status $status" "status 0"
}

# nothing_else NAME...: these are all the files that are here.
nothing_else() { equal "$(ls -A)" "$(printf '%s\n' "$@" | sort)"; }

# ---- memory and threads

@test "each allocation that fails while a text is generated is a line" {
  without_memory -n 3 -T 0 '!!'
  without_memory -n 3 -T 0 -w int8 -t 3 '!!'
  without_memory -n 2 -T 0 --no-cache '!!'
}

@test "each allocation that fails while an answer in JSON is made is a line" {
  without_memory -n 3 --seed 1 --json '!!'
}

@test "each allocation that fails while a text is scored is a line" {
  printf '!!""##!!' >text
  without_memory --score text
}

@test "each allocation that fails while texts become tokens and back is a line" {
  without_memory --tokenize '!!"#'
  without_memory --detokenize '1 2'
  without_memory --top 3 '!'
}

@test "each allocation that fails while a folder is quantized is a line" {
  BEFORE='rm -rf quantized' without_memory -w int8 --quantize quantized
}

@test "each allocation that fails in a lesson is a line, and no picture" {
  for step in step1_explore step4_attention; do
    run python3 -IS "$HERE/faults.py" --lesson "$FAULTS_SO" '(error|step[0-9]): ' \
      "$BUILD/$step/main" -m "$MODEL.small" -o pictures '!!'
    printf '%s\n' "$output"
    equal "status $status" "status 0"
  done
}

@test "each allocation that fails while a model is looked for is a line, and never another model" {
  mkdir -p home/models
  cp "$GPT2" home/
  chain_model home/models/gpt2 axyz
  chain_model home/models/tiny abcd
  run python3 -IS "$HERE/faults.py" --first 40 "$FAULTS_SO" 'gpt2: (?!no model in)' home/gpt2 -t 1 -n 2 a
  printf '%s\n' "$output"
  equal "status $status" "status 0"
}

@test "a file of empty lines takes no memory for rules" {
  needs_memory_limit 300000
  cp -R "$MODEL" lines
  head -c 30000000 /dev/zero | tr '\0' '\n' >>lines/merges.txt
  (
    ulimit -v 300000 # KiB; a place for a rule for each line would take a gigabyte
    "$GPT2" -m lines --tokenize 'the cache' >found
  )
  equal "$(cat found)" "$(gpt2 --tokenize 'the cache')"
}

@test "a file that cannot be mapped is named" {
  run --separate-stderr faulty FAULT_MMAP=1 -- '!'
  refused 1 "$MODEL/model.safetensors: cannot map" "Cannot allocate memory"
}

@test "a file that is cut short while it is in use is named" {
  "$GPT2" -m "$ROOT/models/tiny" -w int8 --quantize "$BATS_TEST_TMPDIR/int8"
  for from in "$ROOT/models/tiny" "$BATS_TEST_TMPDIR/int8"; do # one is copied, one stays mapped
    rm -rf cut
    cp -R "$from" cut
    run --separate-stderr faulty FAULT_CUT=cut/model.safetensors -- -m cut 'The cache was empty'
    refused 1 "cut/model.safetensors: can no longer be read" "cut short" "get the file again"
  done
  for program in step3_embeddings step8_kvcache; do # the first two read the beginning alone
    cp "$ROOT/models/tiny/model.safetensors" cut/
    run --separate-stderr env LD_PRELOAD="$FAULTS_SO" FAULT_CUT=cut/model.safetensors \
      "$BUILD/$program/main" -m cut
    equal "status $status" "status 1"
    contains "$stderr" "error: cut/model.safetensors: can no longer be read"
  done
}

@test "threads that cannot be started are counted, and fewer of them offered" {
  run --separate-stderr faulty FAULT_THREADS=1 -- -t 4 '!'
  refused 1 "could not start 4 threads" "use fewer (./gpt2: -t N)"
  run --separate-stderr faulty FAULT_THREADS=1 -- -t 4 -w int8 --quantize quantized
  refused 1 "could not start 4 threads" "use fewer (./gpt2: -t N)"
  run --separate-stderr faulty FAULT_THREADS=1 -- -t 1 -n 2 -T 0 '!'
  fine
}

# ---- reads and writes

@test "reads that come in pieces or are interrupted make no difference" {
  for mode in '-n 5 -T 0 !' "--score $TEXT" '--top 3 !' '--tokenize' '--detokenize'; do
    # shellcheck disable=SC2086  # the words of a mode
    expected=$(printf '1 2 3' | gpt2 $mode)
    for how in short eintr; do
      # shellcheck disable=SC2086
      found=$(printf '1 2 3' | faulty FAULT_READ=$how -- $mode)
      equal "$found" "$expected"
    done
  done
}

@test "writes that go out in pieces or are interrupted make no difference" {
  gpt2 --logits expected '!'
  gpt2 -w int8 --quantize expected_folder
  for how in short eintr; do
    faulty FAULT_WRITE=$how -- --logits "$how" '!'
    same_bytes "$how" expected
    faulty FAULT_WRITE=$how -- -w int8 --quantize "folder_$how"
    diff -r "folder_$how" expected_folder
  done
  nothing_else expected short eintr expected_folder folder_short folder_eintr
}

@test "no call reads or writes so many bytes that a system could refuse them" {
  cp -R "$MODEL" large
  head -c 17000000 /dev/zero | tr '\0' '\n' >>large/merges.txt
  faulty FAULT_MOST=$((1 << 24)) -- -m large -w int8 --quantize out
  same_bytes out/merges.txt large/merges.txt
}

@test "a disk that fills up under --logits leaves the file that was there" {
  printf good >logits
  for room in 0 1 1000; do
    run --separate-stderr faulty FAULT_WRITE=$room -- --logits logits '!'
    refused 1 "logits: cannot write 1200 bytes" "No space left" "make room on the disk"
    equal "$(cat logits)" good
  done
  nothing_else logits
}

@test "a disk that fills up under --quantize leaves no model that looks whole" {
  for room in 0 100 5000 20000; do
    run --separate-stderr faulty FAULT_WRITE=$room -- -w int8 --quantize "out$room"
    refused 1 "No space left" "make room on the disk"
    test ! -e "out$room/model.safetensors"
    equal "$(find "out$room" -name '*.part*')" ""
    run --separate-stderr gpt2 -m "out$room" '!'
    equal "status $status" "status 1"
  done
}

@test "a disk that fills up under a picture is named, and the lesson goes on" {
  run env LD_PRELOAD="$FAULTS_SO" FAULT_WRITE=100 "$BUILD/step4_attention/main" -m "$MODEL" -o pictures '!!'
  equal "status $status" "status 0"
  contains "$output" "no picture: pictures/" "No space left" "make room on the disk"
  equal "$(ls -A pictures)" ""
}

@test "a program killed in the middle of --quantize leaves no model that looks whole" {
  for at in 0 100 5000 20000; do
    status=0
    faulty FAULT_KILL=$at -- -w int8 --quantize "out$at" || status=$?
    equal "status $status" "status 137"
    test ! -e "out$at/model.safetensors"
    run --separate-stderr gpt2 -m "out$at" '!'
    refused 1 "no such file"
    gpt2 -w int8 --quantize "out$at" # what the attempt has left is not in the way
    run --separate-stderr gpt2 -m "out$at" -n 1 -T 0 '!'
    fine
  done
}

# ends_by SIGNAL: the status of --quantize here when the signal comes in the middle of the weights.
# (The tests may run in a background where some of the signals are ignored.)
ends_by() {
  local status=0
  FAULT_SIGNAL=$1 FAULT_KILL=20000 LD_PRELOAD=$FAULTS_SO python3 -IS -c 'import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])' "$GPT2" -m "$MODEL" -w int8 --quantize out || status=$?
  equal "status $status" "status $((128 + $1))"
}

@test "a signal that ends the program in the middle of --quantize leaves no piece of the weights" {
  for signal in 1 2 15; do # a terminal that is closed, Ctrl-C, kill
    ends_by $signal
    equal "$(ls -A out)" $'config.json\nmerges.txt\nvocab.json'
  done
  gpt2 -w int8 --quantize out
  run --separate-stderr gpt2 -m out -n 1 -T 0 '!'
  fine
}

@test "a signal that is ignored leaves --quantize alone, as with nohup" {
  gpt2 -w int8 --quantize expected
  for signal in 1 2 15; do
    rm -rf out
    ( # without `env` between: an emulator forgets what was ignored when one program starts another
      trap '' $signal
      FAULT_KILL=20000 FAULT_SIGNAL=$signal LD_PRELOAD=$FAULTS_SO "$GPT2" -m "$MODEL" -w int8 --quantize out
    )
    diff -r out expected
  done
}

@test "a program killed in the middle of --logits leaves the file that was there" {
  printf good >logits
  status=0
  faulty FAULT_KILL=100 -- --logits logits '!' || status=$?
  equal "status $status" "status 137"
  equal "$(cat logits)" good
}

@test "what killed programs leave stands beside the file, each under its own name, with the usual mode" {
  umask 027
  for _ in 1 2; do
    status=0
    faulty FAULT_KILL=100 -- --logits logits '!' || status=$?
    equal "status $status" "status 137"
  done
  gpt2 --logits logits '!'
  nothing_else logits logits.part1 logits.part2
  equal "$(stat -c '%a %s' logits.part1 logits.part2 logits)" $'640 100\n640 100\n640 1200'
}
