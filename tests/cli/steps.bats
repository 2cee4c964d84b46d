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

@test "step 6 answers without any layer, and with a head of its own" {
  random_model "$BATS_TEST_TMPDIR/plain" --n-layer 0 --n-head 2 --n-embd 16 --n-ctx 64 --vocab-size 600 --lm-head
  run "$BUILD/step6_forward/main" -m "$BATS_TEST_TMPDIR/plain" -o "$BATS_TEST_TMPDIR/out" "a b"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"a table of its own"* ]]
  [[ $output == *"leads from here on: embeddings"* ]]
  fits_80_columns
}

# refuses DIR PIECE...: every step refuses the folder with one line that has the pieces.
refuses() {
  local step folder=$1
  shift
  for step in $STEPS; do
    run --separate-stderr "$BUILD/$step/main" -m "$folder" x
    echo "$step: $stderr"
    [ "$status" -eq 1 ]
    [[ $stderr == error:* && $stderr != *$'\n'* ]]
    contains "$stderr" "$@"
  done
}

@test "every step refuses a folder that is not there, and says how to name or get one" {
  refuses "$BATS_TEST_TMPDIR/none" none "-m DIR" MODEL=DIR models/tiny scripts/download_model.sh
  refuses "$BATS_TEST_TMPDIR/models/gpt2" "no such folder" "run scripts/download_model.sh"
}

@test "every step refuses a folder that lacks a file, and says how to get it" {
  mkdir -p "$BATS_TEST_TMPDIR/models"
  cp -R "$MODEL" "$BATS_TEST_TMPDIR/models/gpt2"
  rm "$BATS_TEST_TMPDIR/models/gpt2/merges.txt"
  refuses "$BATS_TEST_TMPDIR/models/gpt2" merges.txt "no such file" "run scripts/download_model.sh"
}

@test "the first step says how to mend weights that are cut short" {
  local length size
  size=$(wc -c <"$MODEL/model.safetensors")
  mkdir -p "$BATS_TEST_TMPDIR/models"
  cp -R "$MODEL" "$BATS_TEST_TMPDIR/models/gpt2"
  for length in 0 7 9 500 $((size - 1)); do
    head -c "$length" "$MODEL/model.safetensors" >"$BATS_TEST_TMPDIR/models/gpt2/model.safetensors"
    STEPS=step1_explore refuses "$BATS_TEST_TMPDIR/models/gpt2" \
      "delete it and run scripts/download_model.sh"
  done
}

@test "a text that a step cannot take is refused, and the step says how to change it" {
  cd "$BATS_TEST_TMPDIR" || return
  run --separate-stderr "$BUILD/step2_bpe/main" -m "$MODEL" -o out "$(printf 'a%.0s' {1..5000})"
  [ "$status" -eq 1 ]
  contains "$stderr" "5000 bytes" 4096 "put spaces into it"
  run --separate-stderr "$BUILD/step4_attention/main" -m "$MODEL" -o out "$(printf 'Q%.0s' {1..300})"
  [ "$status" -eq 1 ]
  contains "$stderr" "300 tokens" "256 positions" "shorten it by at least 44"
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

@test "every step refuses an empty name of a folder in one line" {
  local step option
  for step in $STEPS; do
    for option in -m -o; do
      run --separate-stderr "$BUILD/$step/main" "$option" "" x
      equal "status $status" "status 2"
      equal "$output" ""
      equal "$stderr" "${step%%_*}: $option: found \"\", expected a folder's name"
    done
  done
}

@test "steps 4 and 5 refuse a model without blocks in one line" {
  local step
  random_model "$BATS_TEST_TMPDIR/flat" --n-layer 0 --n-head 4 --n-embd 32 --n-ctx 256 --vocab-size 600
  for step in step4_attention step5_block; do
    run --separate-stderr "$BUILD/$step/main" -m "$BATS_TEST_TMPDIR/flat" x
    [ "$status" -eq 1 ]
    [[ $stderr == "error: the model has no layers"*"use another one (-m DIR)" ]]
    [ "${#stderr_lines[@]}" -eq 1 ]
  done
}

@test "a picture that cannot be written is named, and the lesson goes on" {
  touch "$BATS_TEST_TMPDIR/file"
  run "$BUILD/step1_explore/main" -m "$MODEL" -o "$BATS_TEST_TMPDIR/file/out"
  [ "$status" -eq 0 ]
  [[ $output == *"no picture: $BATS_TEST_TMPDIR/file/out"* ]]
  [[ $output == *"to the bit"*ok* ]]
}

@test "step 8 refuses a model that has nothing to cache, or no room to append, in a line" {
  random_model "$BATS_TEST_TMPDIR/none" --n-layer 0 --n-ctx 64 --vocab-size 300
  run --separate-stderr "$BUILD/step8_kvcache/main" -m "$BATS_TEST_TMPDIR/none" a
  [ "$status" -eq 1 ]
  [ "$stderr" = "error: the model has 0 layers and 64 positions, this lesson needs at least 1 and 8: use another one (-m DIR)" ]
  random_model "$BATS_TEST_TMPDIR/short" --n-layer 1 --n-ctx 7 --vocab-size 300
  run --separate-stderr "$BUILD/step8_kvcache/main" -m "$BATS_TEST_TMPDIR/short" a
  [ "$status" -eq 1 ]
  [ "$stderr" = "error: the model has 1 layers and 7 positions, this lesson needs at least 1 and 8: use another one (-m DIR)" ]
  random_model "$BATS_TEST_TMPDIR/enough" --n-layer 1 --n-ctx 8 --vocab-size 300
  run "$BUILD/step8_kvcache/main" -m "$BATS_TEST_TMPDIR/enough" -o "$BATS_TEST_TMPDIR/out" "a b"
  [ "$status" -eq 0 ]
}

@test "step 8 says so and goes on where there is no memory for its measurement" {
  needs_memory_limit 400000
  run bash -c "ulimit -v 400000 && '$BUILD/step8_kvcache/main' -m '$MODEL' -o '$BATS_TEST_TMPDIR/out' a"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"left out: out of memory"* ]]
  [[ $output != *"at most"* ]]
}

@test "make hands PROMPT and MODEL over as they were typed" {
  local text=$'$HOME `ls` "quotes" it\'s #1 %\nnew line'
  # Relative, because the folder of the project may have spaces.
  run make -s -C "$ROOT" BUILD="${BUILD#"$ROOT"/}" step2 PROMPT="$text" MODEL="$MODEL"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *'$'*'HOME'* ]]
  [[ $output == *'`'* ]]
  [[ $output == *'↵'* ]]
  [[ $output == *"the tokens' bytes, one after the other, are the text"*ok* ]]
}

@test "step 1 counts the parameters of two models from their sizes: the published numbers" {
  run "$BUILD/step1_explore/main" -m "$MODEL" -o "$BATS_TEST_TMPDIR/out"
  echo "$output"
  [[ $output == *" 124439808 "*" 1557611200"* ]]
}

@test "step 2 says that a text is empty, and names a missing file before anything else" {
  run "$BUILD/step2_bpe/main" -m "$MODEL" ""
  [ "$status" -eq 0 ]
  [[ $output == *"the text is empty"* ]]
  run --separate-stderr "$BUILD/step2_bpe/main" -m "$BATS_TEST_TMPDIR/none"
  [ "$status" -eq 1 ]
  [[ $output != *---* ]]
}

@test "an empty text is refused by a vocabulary without <|endoftext|>" {
  local step
  cp -R "$MODEL" "$BATS_TEST_TMPDIR/m"
  edit_json "$BATS_TEST_TMPDIR/m/vocab.json" 'del j["<|endoftext|>"]'
  cd "$BATS_TEST_TMPDIR" || return
  for step in $STEPS; do
    case $step in step[12]_*) continue ;; esac # they need no token to begin with
    run --separate-stderr "$BUILD/$step/main" -m m ""
    equal "status $status" "status 1"
    equal "$stderr" "error: the text is empty, and the vocabulary has no <|endoftext|> to start from: give a text"
  done
}

# setting NAME: the text that step 7 has written with one of its six settings, on one line.
setting() {
  printf '%s\n' "$output" | awk -v name="$1" '
    index($0, sprintf("%-17s", name)) == 1 { on = 1; text = substr($0, 18); next }
    /^                 \[[0-9]+ tokens, ended by / { on = 0 }
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
  diff <(setting "temperature 2") <(continuation -T 2 -k 0 -s 24)
  diff <(setting "top-k 3") <(continuation -T 1 -k 3 -s 24)
  diff <(setting "top-p 0.9") <(continuation -T 1 -k 0 -p 0.9 -s 24)
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
