#!/usr/bin/env bats
# The lessons' programs: any text, narrow terminals, files instead of terminals, make's PROMPT.
# shellcheck disable=SC2154  # status, output: set by run

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model
  random_model "$MODEL" --n-layer 3 --n-head 4 --n-embd 32 --n-ctx 256 --vocab-size 600
  export STEPS
  STEPS=$(cd "$ROOT" && ls -d step*_*/main.c | xargs -n 1 dirname)
}

# each_step TEXT: runs every step on a text; its output must be fit for a terminal.
each_step() {
  local step
  cd "$BATS_TEST_TMPDIR" || return
  for step in $STEPS; do
    run "$BUILD/$step/main" -m "$MODEL" -o out "$1"
    echo "$step: $output"
    [ "$status" -eq 0 ]
    fits_80_columns
    [[ $output != *$'\e'* ]]
  done
}

# Columns as a terminal counts them: wide characters are two.
fits_80_columns() {
  printf '%s\n' "$output" | python3 -c '
import sys, unicodedata
for line in sys.stdin.buffer.read().decode("utf-8").splitlines():
    width = sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
    if width > 80:
        sys.exit(f"{width} columns: {line}")'
}

@test "every step takes a text of one token" {
  each_step a
}

@test "every step takes a text of 200 tokens" {
  each_step "$(printf 'A b %.0s' $(seq 50))"
}

@test "every step takes emoji, accents, other scripts and newlines" {
  each_step $'caf\u00e9 \U0001f600\n\n\u670d\u52a1\u5668\ttab "quoted" \\ end'
}

@test "every step refuses a folder that is not there, on standard error" {
  local step
  for step in $STEPS; do
    run --separate-stderr "$BUILD/$step/main" -m "$BATS_TEST_TMPDIR/none" x
    [ "$status" -eq 1 ]
    [[ $stderr == *none* ]]
  done
}

@test "every step explains itself with -h and refuses unknown options" {
  local step
  for step in $STEPS; do
    run "$BUILD/$step/main" -h
    [ "$status" -eq 0 ]
    [[ $output == usage:* ]]
    run "$BUILD/$step/main" -x
    [ "$status" -eq 2 ]
  done
}

@test "a picture that cannot be written is named, and the lesson goes on" {
  touch "$BATS_TEST_TMPDIR/file"
  run "$BUILD/step1_explore/main" -m "$MODEL" -o "$BATS_TEST_TMPDIR/file/out"
  [ "$status" -eq 0 ]
  [[ $output == *"no picture: $BATS_TEST_TMPDIR/file/out"* ]]
  [[ $output == *"to the bit"*ok* ]]
}

@test "make hands PROMPT and MODEL over as they were typed" {
  local text=$'$HOME `ls` "quotes" it\'s #1 %\nnew line'
  run make -s -C "$ROOT" BUILD="$BUILD" step2 PROMPT="$text" MODEL="$MODEL"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *'$'*'HOME'* ]]
  [[ $output == *'`'* ]]
  [[ $output == *'↵'* ]]
  [[ $output == *"the tokens' bytes, one after the other, are the text"*ok* ]]
}

# setting NAME: the text that step 7 has written with one of its six settings, on one line.
setting() {
  printf '%s\n' "$output" | awk -v name="$1" '
    index($0, sprintf("%-17s", name)) == 1 { on = 1; text = substr($0, 18); next }
    on && /^                 / { text = text " " substr($0, 18); next }
    { on = 0 }
    END { sub(/<\|endoftext\|>$/, "", text); print text }'
}

# continuation OPTION...: the same from ./gpt2.
continuation() {
  local text
  text=$("$GPT2" -m "$ROOT/models/tiny" --no-prompt -n 32 "$@" "On Monday the cache")
  text=${text# }
  printf '%s\n' "${text//$'\n'/↵}"
}

@test "step 7 writes by hand what ./gpt2 writes with the same settings and seed" {
  run "$BUILD/step7_generate/main" -m "$ROOT/models/tiny" -o "$BATS_TEST_TMPDIR" "On Monday the cache"
  [ "$status" -eq 0 ]
  diff <(setting greedy) <(continuation -T 0)
  diff <(setting "temperature 2") <(continuation -T 2 -k 0 -s 3)
  diff <(setting "top-k 3") <(continuation -T 1 -k 3 -s 3)
  diff <(setting "top-p 0.9") <(continuation -T 1 -k 0 -p 0.9 -s 3)
}

@test "step 7 is as surprised by a text as ./gpt2 --score" {
  local text="The server crashed because it ran out of memory." by_hand by_engine
  run "$BUILD/step7_generate/main" -m "$ROOT/models/tiny" -o "$BATS_TEST_TMPDIR" "$text"
  by_hand=$(printf '%s\n' "$output" | sed -n 's/.*mean surprise \([0-9.]*\),.*/\1/p' | head -n 1)
  by_engine=$(printf '%s' "$text" | "$GPT2" -m "$ROOT/models/tiny" --score - |
    sed -n 's/^mean negative log-likelihood *\([0-9.]*\) nats/\1/p')
  echo "by hand $by_hand, by the engine $by_engine"
  awk -v a="$by_hand" -v b="$by_engine" 'BEGIN { exit !(a > 0 && a - b < 0.001 && b - a < 0.001) }'
}
