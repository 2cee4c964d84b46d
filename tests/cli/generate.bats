#!/usr/bin/env bats
# ./gpt2 "prompt": the text that it makes, and the options that change it.

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model CHAIN=$BATS_FILE_TMPDIR/chain WIDE=$BATS_FILE_TMPDIR/wide
  random_model "$MODEL" # 2 layers, 64 positions, 300 tokens; <|endoftext|> is 299
  random_model "$WIDE" --n-layer 4 --n-head 4 --n-embd 128 --n-ctx 2048 --vocab-size 500
  chain_model "$CHAIN" abcdefghij
}

# chain OPTION... PROMPT: the program with the model that goes on with the alphabet.
chain() { "$GPT2" -m "$CHAIN" "$@"; }

# ids OPTION... PROMPT: the ids of the new tokens, as json shows them. (sed starts faster.)
ids() { gpt2 --json "$@" | sed -E -e 's/.*,"ids":(\[[0-9,]*\]).*/\1/' -e 's/,/, /g'; }

# ---- the prompt

@test "the prompt is printed, then its continuation, then a newline" {
  chain -n 3 a >"$BATS_TEST_TMPDIR/found"
  printf 'abcd\n' >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

@test "--no-prompt prints the new text only" {
  chain -n 3 --no-prompt a >"$BATS_TEST_TMPDIR/found"
  printf 'bcd\n' >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

@test "several words are joined with a space" {
  run --separate-stderr chain -n 0 one 'two  three' four
  fine
  equal "$output" "one two  three four"
}

@test "two empty words are a space" {
  run --separate-stderr chain -n 0 --json "" ""
  fine
  equal "$(json 'j["prompt"]')" " "
}

@test "options may stand behind the prompt" {
  run --separate-stderr chain a -n 3
  fine
  equal "$output" "abcd"
}

@test "what stands behind -- is prompt, even if it looks like an option" {
  run --separate-stderr chain -n 0 -- --help -n 5
  fine
  equal "$output" "--help -n 5"
}

@test "without a prompt, piped input is the prompt" {
  chain -n 3 < <(printf a) >"$BATS_TEST_TMPDIR/found"
  printf 'abcd\n' >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

@test "the prompt - is standard input" {
  run --separate-stderr chain -n 3 - < <(printf a)
  fine
  equal "$output" "abcd"
}

@test "a prompt on the command line leaves piped input alone" {
  run --separate-stderr chain -n 3 a < <(printf z)
  fine
  equal "$output" "abcd"
}

@test "piped input arrives byte for byte, with every byte there is" {
  python3 -c 'import sys
sys.stdout.buffer.write(bytes(range(256)) + b"\r\n\r\n\n" + "ü😀\u2028\ufeff".encode()
    + b"\xf0\x9f\x00\xed\xa0\x80\xc0\xaf\xff\n")' >"$BATS_TEST_TMPDIR/input"
  "$GPT2" -m "$WIDE" -n 0 <"$BATS_TEST_TMPDIR/input" >"$BATS_TEST_TMPDIR/found"
  { cat "$BATS_TEST_TMPDIR/input"; printf '\n'; } >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

@test "the model gets every byte of piped input" {
  python3 -c 'import sys; sys.stdout.buffer.write(bytes(range(1, 256)) + b"\0\r\n")' |
    "$GPT2" -m "$CHAIN" --tokenize >"$BATS_TEST_TMPDIR/found" # there, a byte's id is its value
  python3 -c 'print(*range(1, 256), 0, 13, 10)' >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

@test "a prompt on the command line may be damaged UTF-8" {
  chain -n 0 $'\xff\xc3' >"$BATS_TEST_TMPDIR/found"
  printf '\xff\xc3\n' >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

@test "the prompt \"\" starts from <|endoftext|>" {
  run --separate-stderr gpt2 --json -n 5 -s 3 ""
  fine
  equal "$(json 'j["prompt_ids"]')" "[299]"
  equal "$(json 'j["prompt"]')" ""
  equal "$(json 'len(j["ids"])')" 5
}

@test "empty piped input starts from <|endoftext|>" {
  run --separate-stderr gpt2 --json -n 5 -s 3 </dev/null
  fine
  equal "$(json 'j["prompt_ids"]')" "[299]"
  equal "$(json 'j["ids"]')" "$(ids -n 5 -s 3 "")"
  equal "$(json 'j["ids"]')" "$(ids -n 5 -s 3 --special '<|endoftext|>')"
}

@test "an empty prompt prints the new text and nothing before it" {
  run --separate-stderr chain -n 3 ""
  fine
  equal "$output" "abc"
}

@test "<|endoftext|> in a prompt is text" {
  run --separate-stderr gpt2 --json -n 0 '<|endoftext|>'
  fine
  equal "$(json 'len(j["prompt_ids"])')" 13
  equal "$(json '299 in j["prompt_ids"]')" False
}

@test "with --special, <|endoftext|> in a prompt is the special token" {
  run --separate-stderr gpt2 --json -n 0 --special 'x<|endoftext|>y<|endoftext|>'
  fine
  equal "$(json 'j["prompt_ids"]')" "[87, 299, 88, 299]"
}

# ---- options

@test "every option works in its short form, joined, long and with =" {
  local expected
  expected=$("$GPT2" -m "$MODEL" -n 9 -T 1.5 -k 20 -p 0.9 -s 5 -t 2 -w f32 --no-prompt the | od -c)
  equal "$("$GPT2" "-m$MODEL" -n9 -T1.5 -k20 -p0.9 -s5 -t2 -wf32 --no-prompt the | od -c)" "$expected"
  equal "$("$GPT2" --model "$MODEL" --max-new-tokens 9 --temperature 1.5 --top-k 20 --top-p 0.9 \
    --seed 5 --threads 2 --weights f32 --no-prompt the | od -c)" "$expected"
  equal "$("$GPT2" "--model=$MODEL" --max-new-tokens=9 --temperature=1.5 --top-k=20 --top-p=0.9 \
    --seed=5 --threads=2 --weights=f32 --no-prompt the | od -c)" "$expected"
}

@test "each option that draws tokens changes the text" {
  local base
  base=$(ids -n 30 -T 1.5 -k 20 -p 0.9 -s 5 the)
  equal "$(ids -n 30 -T 1.5 -k 20 -p 0.9 -s 5 the)" "$base"
  differ "$(ids -n 30 -T 0.3 -k 20 -p 0.9 -s 5 the)" "$base"
  differ "$(ids -n 30 -T 1.5 -k 2 -p 0.9 -s 5 the)" "$base"
  differ "$(ids -n 30 -T 1.5 -k 20 -p 0.1 -s 5 the)" "$base"
  differ "$(ids -n 30 -T 1.5 -k 20 -p 0.9 -s 6 the)" "$base"
}

@test "without options, it is -n 64 -T 0.8 -k 40 -p 1" {
  local expected
  expected=$("$GPT2" -m "$WIDE" -s 7 -n 64 -T 0.8 -k 40 -p 1 the | od -c)
  equal "$("$GPT2" -m "$WIDE" -s 7 the | od -c)" "$expected"
}

@test "when an option is given twice, the last one counts" {
  run --separate-stderr chain -n 9 -n 2 a
  fine
  equal "$output" "abc"
}

@test "-n 0 adds nothing" {
  run --separate-stderr gpt2 --json -n 0 hello
  fine
  equal "$(json 'j["ids"]')" "[]"
  equal "$(json 'j["text"]')" ""
  equal "$(json 'j["stop"]')" length
}

@test "a text that reaches the last position stops there, says so and is a success" {
  run --separate-stderr gpt2 -n 1000000000 -s 1 --json hello
  equal "$status" 0
  one_line "$stderr"
  contains "$stderr" 64
  equal "$(json 'len(j["prompt_ids"]) + len(j["ids"])')" 64
  equal "$(json 'j["stop"]')" context
}

@test "a text that ends right at the last position because of -n says nothing" {
  run --separate-stderr gpt2 -n 59 -s 1 --json hello
  fine
  equal "$(json 'len(j["ids"])')" 59
  equal "$(json 'j["stop"]')" length
}

@test "a prompt of as many tokens as the model has positions is fine" {
  local prompt
  prompt=$(printf 'Q%.0s' {1..64})
  run --separate-stderr gpt2 -n 3 --json "$prompt"
  equal "$status" 0
  contains "$stderr" 64
  equal "$(json 'len(j["prompt_ids"])')" 64
  equal "$(json 'j["stop"]')" context
  run --separate-stderr gpt2 -n 0 "$prompt"
  fine
  equal "$output" "$prompt"
}

@test "a prompt of one token less leaves room for one" {
  run --separate-stderr chain -n 3 "$(printf 'a%.0s' {1..63})"
  equal "$status" 0
  contains "$stderr" 64
  equal "$output" "$(printf 'a%.0s' {1..63})b"
}

@test "a seed gives the same text with any number of threads" {
  local expected threads
  expected=$("$GPT2" -m "$WIDE" -n 80 -T 1 -k 0 -s 11 -t 1 "the cache was empty" | od -c)
  for threads in 2 3 4 5 6 7 8; do
    equal "$("$GPT2" -m "$WIDE" -n 80 -T 1 -k 0 -s 11 -t $threads "the cache was empty" | od -c)" \
      "$expected"
  done
  equal "$("$GPT2" -m "$WIDE" -n 80 -T 1 -k 0 -s 11 "the cache was empty" | od -c)" "$expected"
}

@test "a seed gives the same text with any number of threads, in every number format of a file" {
  local dtype expected threads
  for dtype in F32 F16 BF16; do
    random_model "$BATS_TEST_TMPDIR/$dtype" --n-embd 48 --vocab-size 500 --dtype "$dtype"
    expected=$("$GPT2" -m "$BATS_TEST_TMPDIR/$dtype" -n 50 -T 1 -k 0 -s 5 -t 1 "the cache" | od -c)
    for threads in 2 3 4 5 6 7 8; do
      equal "$("$GPT2" -m "$BATS_TEST_TMPDIR/$dtype" -n 50 -T 1 -k 0 -s 5 -t $threads "the cache" |
        od -c)" "$expected"
    done
  done
}

@test "the seed that --json shows gives the same text again" {
  gpt2 --json -n 20 the >"$BATS_TEST_TMPDIR/json"
  equal "$(ids -n 20 -s "$(json 'j["seed"]' "$BATS_TEST_TMPDIR/json")" the)" \
    "$(json 'j["ids"]' "$BATS_TEST_TMPDIR/json")"
}

@test "the seed that --stats shows gives the same text again" {
  gpt2 --stats -n 20 the >"$BATS_TEST_TMPDIR/first" 2>"$BATS_TEST_TMPDIR/stats"
  seed=$(awk '$1 == "seed" { print $2 }' "$BATS_TEST_TMPDIR/stats")
  gpt2 -n 20 -s "$seed" the >"$BATS_TEST_TMPDIR/second"
  same_bytes "$BATS_TEST_TMPDIR/second" "$BATS_TEST_TMPDIR/first"
}

@test "without a seed, two runs differ" {
  gpt2 --json -n 0 the >"$BATS_TEST_TMPDIR/first"
  gpt2 --json -n 0 the >"$BATS_TEST_TMPDIR/second"
  differ "$(json 'j["seed"]' "$BATS_TEST_TMPDIR/first")" "$(json 'j["seed"]' "$BATS_TEST_TMPDIR/second")"
}

@test "a seed has all its 64 bits" {
  run --separate-stderr gpt2 --json -n 20 -s 18446744073709551615 the
  fine
  equal "$(json 'j["seed"]')" 18446744073709551615
  differ "$(json 'j["ids"]')" "$(ids -n 20 -s 18446744073709551614 the)"
  differ "$(json 'j["ids"]')" "$(ids -n 20 -s 9223372036854775807 the)"
}

@test "-T 0 takes the likeliest token, as -k 1 and a tiny -p do" {
  local greedy
  greedy=$(ids -n 40 -T 0 -s 1 the)
  equal "$(ids -n 40 -T 0 -s 2 the)" "$greedy"
  equal "$(ids -n 40 -k 1 -s 3 the)" "$greedy"
  equal "$(ids -n 40 -k 0 -p 0.000001 -s 4 the)" "$greedy"
}

@test "-k 0 and -k of more than the vocabulary mean all tokens" {
  equal "$(ids -n 40 -T 2 -k 0 -s 1 the)" "$(ids -n 40 -T 2 -k 300 -s 1 the)"
  equal "$(ids -n 40 -T 2 -k 0 -s 1 the)" "$(ids -n 40 -T 2 -k 1000000000 -s 1 the)"
}

# first_tokens OPTION...: the ids that come first with the seeds 1 to 60, each once.
first_tokens() {
  local seed
  for seed in {1..60}; do gpt2 --json -n 1 -s "$seed" "$@" the; done |
    python3 -c 'import json, sys
print(*sorted({json.loads(line)["ids"][0] for line in sys.stdin}))'
}

@test "-k N draws from the N likeliest tokens, and from each of them" {
  equal "$(first_tokens -T 1 -k 3)" "$(gpt2 --top 3 the | awk '{ print $4 }' | sort -n | xargs)"
}

@test "-p X draws from the fewest likeliest tokens that have the share X, and from each of them" {
  run gpt2 --top 300 the
  # A share in the middle of what the first three have, so that rounding does not matter.
  p=$(awk 'NR <= 2 { two += $2 } NR <= 3 { three += $2 } END { print (two + three) / 200 }' <<<"$output")
  equal "$(first_tokens -T 1 -k 0 -p "$p")" "$(head -n 3 <<<"$output" | awk '{ print $4 }' | sort -n | xargs)"
}

@test "--no-cache makes the same text as the cache" {
  equal "$(ids -n 60 -T 0 --no-cache the)" "$(ids -n 60 -T 0 the)"
  equal "$(ids -n 60 -T 1 -k 0 -s 4 --no-cache the)" "$(ids -n 60 -T 1 -k 0 -s 4 the)"
}

@test "--stats goes to standard error and leaves the text alone" {
  run --separate-stderr chain -n 3 --stats a
  equal "$status" 0
  equal "$output" "abcd"
  contains "$stderr" seed "first token" tokens/s memory
}

@test "--stats names the kernels, and GPT2_KERNELS chooses them" {
  run --separate-stderr chain -n 3 --stats a
  equal "$status" 0
  contains "$stderr" "kernels      "
  GPT2_KERNELS=portable run --separate-stderr chain -n 3 --stats a
  equal "$status" 0
  contains "$stderr" "kernels      portable"
  GPT2_KERNELS='' run --separate-stderr chain -n 3 a
  equal "$status" 0
  run --separate-stderr chain -n 3 --no-cache --stats a
  equal "$status" 0
  contains "$stderr" "kernels      none"
}

@test "each name of kernels is obeyed, or refused where this processor cannot run them" {
  local name
  for name in avx512_dot avx512 avx2 neon portable; do
    GPT2_KERNELS=$name run --separate-stderr chain -n 3 --stats a
    if [ "$status" -eq 0 ]; then
      contains "$stderr" "kernels      $name"$'\n'
    else
      refused 2 "found \"$name\"" "portable)"
      lacks "$stderr" "($name," ", $name," # among those that work
    fi
  done
}

# ---- --json

@test "--json prints one object on one line, with the fields of the manual" {
  run --separate-stderr chain --json -n 3 -s 9 a
  fine
  equal "${#lines[@]}" 1
  equal "$(json 'sorted(j)')" \
    "['ids', 'model', 'prompt', 'prompt_ids', 'seed', 'stop', 'text', 'timings']"
  equal "$(json 'j["model"]')" "$CHAIN"
  equal "$(json '[j["prompt"], j["prompt_ids"], j["text"], j["ids"], j["stop"], j["seed"]]')" \
    "['a', [97], 'bcd', [98, 99, 100], 'length', 9]"
  equal "$(json 'all(isinstance(t, (int, float)) and t >= 0 for t in j["timings"].values())')" True
  equal "$(json 'len(j["timings"]) >= 3')" True
}

@test "--json says eos when the model ends its text, and <|endoftext|> is no part of it" {
  chain_model "$BATS_TEST_TMPDIR/end" abc --end
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/end" --json a
  fine
  equal "$(json '[j["text"], j["ids"], j["stop"]]')" "['bc', [98, 99], 'eos']"
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/end" a
  fine
  equal "$output" "abc"
}

@test "the time to the first token is told also when that token ends the text" {
  chain_model "$BATS_TEST_TMPDIR/end" abc --end
  run --separate-stderr "$GPT2" -m "$BATS_TEST_TMPDIR/end" --json abc
  fine
  equal "$(json '[j["ids"], j["stop"], j["timings"]["prompt_seconds"] > 0]')" "[[], 'eos', True]"
}

@test "--json escapes quotes, backslashes and control characters" {
  prompt=$'"\\\n\t\x01\x7f</'
  chain --json -n 0 "$prompt" >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'repr(j["prompt"])' "$BATS_TEST_TMPDIR/json")" \
    "'\"\\\\\\n\\t\\x01\\x7f</'"
}

@test "--json keeps non-ASCII text" {
  chain --json -n 0 "ü😀" >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'ascii(j["prompt"])' "$BATS_TEST_TMPDIR/json")" "'\\xfc\\U0001f600'"
}

@test "--json shows bytes that are no UTF-8 as U+FFFD" {
  chain --json -n 0 $'a\xffb\xc3' >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'ascii(j["prompt"])' "$BATS_TEST_TMPDIR/json")" "'a\\ufffdb\\ufffd'"
  equal "$(json 'j["prompt_ids"]' "$BATS_TEST_TMPDIR/json")" "[97, 255, 98, 195]"
}

@test "--json shows a new text that ends in the middle of a character" {
  chain_model "$BATS_TEST_TMPDIR/emoji" 'a\xf0\x9f\x98\x80'
  "$GPT2" -m "$BATS_TEST_TMPDIR/emoji" --json -n 8 a >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'ascii(j["text"].rstrip("\ufffd"))' "$BATS_TEST_TMPDIR/json")" "'\\U0001f600a'"
  equal "$(json 'j["text"][-1] == "\ufffd"' "$BATS_TEST_TMPDIR/json")" True
}

@test "--json keeps a NUL in the prompt and what follows it" {
  printf 'a\0b' | chain --json -n 0 >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'ascii(j["prompt"])' "$BATS_TEST_TMPDIR/json")" "'a\\x00b'"
}

@test "--json keeps a NUL in the new text and what follows it" {
  chain_model "$BATS_TEST_TMPDIR/nul" 'ab\x00cd'
  "$GPT2" -m "$BATS_TEST_TMPDIR/nul" --json -n 5 a >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'ascii(j["text"])' "$BATS_TEST_TMPDIR/json")" "'b\\x00cda'"
}

@test "--json has the text that is printed without it" {
  printf '%s\n' "$(chain --no-prompt -n 30 a)" >"$BATS_TEST_TMPDIR/text"
  chain --json -n 30 a >"$BATS_TEST_TMPDIR/json"
  equal "$(json 'j["text"]' "$BATS_TEST_TMPDIR/json")" "$(cat "$BATS_TEST_TMPDIR/text")"
}

@test "the printed text is the bytes of the ids that --json shows" {
  gpt2 --no-prompt -T 1.5 -k 0 -n 59 -s 2 hello >"$BATS_TEST_TMPDIR/found"
  ids -T 1.5 -k 0 -n 59 -s 2 hello | tr -d '[],' | gpt2 --detokenize >"$BATS_TEST_TMPDIR/expected"
  same_bytes "$BATS_TEST_TMPDIR/found" "$BATS_TEST_TMPDIR/expected"
}

# ---- --help and --version

@test "--help fits 80 columns and goes to standard output" {
  run --separate-stderr "$GPT2" --help
  fine
  equal "$(awk 'length > 80' <<<"$output")" ""
  contains "$output" usage
  equal "$("$GPT2" -h)" "$output"
}

@test "--help names every option" {
  run "$GPT2" --help
  local option
  for option in "-m, --model" "-n, --max-new-tokens" "-T, --temperature" "-k, --top-k" \
    "-p, --top-p" "-s, --seed" "-t, --threads" "-w, --weights" --no-prompt --no-cache --special \
    "--top N" --logits --tokenize --detokenize --score --stride --json --stats "-h, --help" \
    "-V, --version" "--  "; do
    contains "$output" "$option"
  done
}

@test "--help shows three examples, which are understood" {
  run "$GPT2" --help
  local examples
  examples=$(sed -n '/^Examples/,$p' <<<"$output" | grep -c gpt2)
  equal "$examples" 3
  # Run as they stand, with the model put in. (The third reads the repository's log.)
  cd "$BATS_TEST_TMPDIR"
  printf '#!/bin/sh\nexec "%s" -m "%s" "$@"\n' "$GPT2" "$WIDE" >gpt2
  chmod +x gpt2
  git() { echo "a commit"; }
  while read -r line; do
    eval "$line" >"$BATS_TEST_TMPDIR/found" 2>/dev/null
    test -s "$BATS_TEST_TMPDIR/found"
  done < <(sed -n '/^Examples/,$p' <<<"$output" | grep gpt2)
}

@test "--help needs no model, and wins over what stands behind it" {
  run --separate-stderr "$GPT2" --help -m /nowhere --nonsense
  fine
}

@test "--version prints the program's name and a number" {
  run --separate-stderr "$GPT2" --version
  fine
  equal "$(grep -Ec '^gpt2 [0-9]+\.[0-9]+\.[0-9]+$' <<<"$output")" 1
  equal "$("$GPT2" -V)" "$output"
}

@test "the example of the README, the library in thirty lines, writes what ./gpt2 writes" {
  run "$BUILD/tests/example" "$MODEL" hello
  [ "$status" -eq 0 ]
  local found=$output
  run "$GPT2" -m "$MODEL" -T 0.8 -k 40 -s 1 -n 20 --no-prompt hello
  equal "$found" "$output"
}

@test "the example refuses a folder that is not there" {
  run "$BUILD/tests/example" "$BATS_TEST_TMPDIR/none" hello
  equal "$status" 1
  contains "$output" none
}
