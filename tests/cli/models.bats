#!/usr/bin/env bats
# The models that ./gpt2 takes: number formats, names, line ends, sizes; and the one it finds alone.
# shellcheck disable=SC2154  # status, output: set by run

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model CHAIN=$BATS_FILE_TMPDIR/chain
  random_model "$MODEL" # 2 layers, 64 positions, 300 tokens; <|endoftext|> is 299
  chain_model "$CHAIN" abcdefghij
}

# ids OPTION... PROMPT: the ids of the new tokens, as json shows them.
ids() { gpt2 --json "$@" | sed -E -e 's/.*,"ids":(\[[0-9,]*\]).*/\1/' -e 's/,/, /g'; }

@test "a model of one layer and one head works" {
  random_model "$BATS_TEST_TMPDIR/m" --n-layer 1 --n-head 1 --n-embd 8
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/m" --json -n 5 hello
  fine
  equal "$(json 'len(j["ids"])')" 5
}

@test "F16 and BF16 weights give nearly the logits of F32" {
  gpt2 --logits "$BATS_TEST_TMPDIR/F32" hello
  local dtype
  for dtype in F16 BF16; do
    random_model "$BATS_TEST_TMPDIR/m$dtype" --dtype "$dtype"
    run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/m$dtype" --logits "$BATS_TEST_TMPDIR/$dtype" hello
    fine
    differ "$(cksum <"$BATS_TEST_TMPDIR/$dtype")" "$(cksum <"$BATS_TEST_TMPDIR/F32")"
    near "$BATS_TEST_TMPDIR/$dtype" "$BATS_TEST_TMPDIR/F32" 0.3
  done
}

@test "names with transformer. and mask buffers make no difference" {
  random_model "$BATS_TEST_TMPDIR/m" --prefix
  equal "$("$GPT2" -m "$BATS_TEST_TMPDIR/m" -s 1 hello 2>&1 | od -c)" "$(gpt2 -s 1 hello 2>&1 | od -c)"
  random_model "$BATS_TEST_TMPDIR/masks" --masks
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/masks" -n 5 hello
  fine
}

@test "merges.txt may have Windows line ends" {
  cp -R "$MODEL" "$BATS_TEST_TMPDIR/m"
  awk '{ printf "%s\r\n", $0 }' "$MODEL/merges.txt" >"$BATS_TEST_TMPDIR/m/merges.txt"
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/m" --json -n 9 -s 1 "aab abba"
  fine
  equal "$(json 'j["prompt_ids"]')" "[256, 65, 220, 257, 282]" # aa b, then a space, ab ba
  equal "$(json 'j["ids"]')" "$(ids -n 9 -s 1 "aab abba")"
}

@test "a folder's name may have spaces and other letters" {
  cp -R "$CHAIN" "$BATS_TEST_TMPDIR/my models für 😀"
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/my models für 😀" --json -n 2 a
  fine
  equal "$(json 'j["text"]')" bc
  equal "$(json 'j["model"].endswith("/my models f\u00fcr \U0001f600")')" True
}

@test "a folder's name may end with /" {
  run --separate-stderr "$GPT2" -m "$CHAIN/" -n 2 a
  fine
  equal "$output" abc
}

@test "a folder's name is relative to the current folder" {
  cd "$CHAIN"
  run --separate-stderr "$GPT2" -m . -n 2 a
  fine
  equal "$output" abc
  mkdir -p "$BATS_TEST_TMPDIR/other"
  cp -R "$CHAIN" "$BATS_TEST_TMPDIR/m"
  cd "$BATS_TEST_TMPDIR/other"
  run --separate-stderr "$GPT2" -m ../m -n 2 a
  fine
  equal "$output" abc
}

@test "without -m, the model is models/tiny beside the program, from any folder" {
  mkdir -p "$BATS_TEST_TMPDIR/home/models"
  cp "$GPT2" "$BATS_TEST_TMPDIR/home/"
  cp -R "$CHAIN" "$BATS_TEST_TMPDIR/home/models/tiny"
  cd /
  run --separate-stderr "$BATS_TEST_TMPDIR/home/gpt2" -n 2 a
  fine
  equal "$output" abc
  cd "$BATS_TEST_TMPDIR/home"
  run --separate-stderr ./gpt2 -n 2 a
  fine
  equal "$output" abc
}

@test "without -m, models/gpt2 comes before models/tiny" {
  mkdir -p "$BATS_TEST_TMPDIR/home/models"
  cp "$GPT2" "$BATS_TEST_TMPDIR/home/"
  cp -R "$CHAIN" "$BATS_TEST_TMPDIR/home/models/tiny"
  chain_model "$BATS_TEST_TMPDIR/home/models/gpt2" axyz
  run --separate-stderr "$BATS_TEST_TMPDIR/home/gpt2" -n 2 a
  fine
  equal "$output" axy
}

@test "a models/gpt2 that is still being downloaded does not hide models/tiny" {
  mkdir -p "$BATS_TEST_TMPDIR/home/models/gpt2"
  cp "$GPT2" "$BATS_TEST_TMPDIR/home/"
  cp -R "$CHAIN" "$BATS_TEST_TMPDIR/home/models/tiny"
  printf 'half' >"$BATS_TEST_TMPDIR/home/models/gpt2/model.safetensors.part"
  run --separate-stderr "$BATS_TEST_TMPDIR/home/gpt2" -n 2 a
  fine
  equal "$output" abc
}
