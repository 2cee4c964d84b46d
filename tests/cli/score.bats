#!/usr/bin/env bats
# --score: how surprised the model is by a text.

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model SMALL=$BATS_FILE_TMPDIR/small
  random_model "$MODEL"
  random_model "$SMALL" --n-ctx 8
}

setup() { cd "$BATS_TEST_TMPDIR"; }

# check_score MODEL STRIDE: compares the score of the file `text` with one computed here, from
# --logits after each beginning of each window. The text's characters must be a token each.
check_score() {
  "$GPT2" -m "$1" --score text --stride "$2" --json >score
  python3 -IS - "$GPT2" "$1" "$2" <<'PYTHON'
import array, json, math, subprocess, sys
program, model, stride = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(model + "/config.json") as file:
    n_ctx = json.load(file)["n_ctx"]
with open(model + "/vocab.json") as file:
    vocabulary = json.load(file)
text = open("text").read()

def surprise(before, character):
    subprocess.run([program, "-m", model, "--logits", "logits", "--", before], check=True)
    logits = array.array("f", open("logits", "rb").read())
    total = math.fsum(math.exp(value) for value in logits)
    return math.log(total) - logits[vocabulary[character]]

sum_, count, done = 0.0, 0, 0
for begin in range(0, len(text), stride): # the loop of huggingface.co/docs/transformers/perplexity
    end = min(begin + n_ctx, len(text))
    for at in range(max(done, begin + 1), end):
        sum_ += surprise(text[begin:at], text[at])
        count += 1
    done = end
    if end == len(text):
        break
found = json.load(open("score"))
print("found", found, "expected", count, sum_ / count)
assert found["tokens"] == count and found["stride"] == stride
assert abs(found["mean_nll"] - sum_ / count) < 1e-5 * abs(sum_ / count)
assert abs(found["perplexity"] - math.exp(sum_ / count)) < 1e-4 * math.exp(sum_ / count)
PYTHON
}

@test "--score of a text that fits is the mean surprise of all tokens but the first" {
  printf 'THE CACHE WAS EMPTY.' | tr ' ' _ >text
  check_score "$MODEL" 64
}

@test "--score of two tokens scores one" {
  printf 'Hi' >text
  check_score "$MODEL" 64
  equal "$(json 'j["tokens"]' score)" 1
}

@test "--score goes through a longer text in windows" {
  printf 'THE_CACHE_WAS_EMPTY.' >text # 20 tokens, 8 positions
  check_score "$SMALL" 8
}

@test "--stride makes the windows overlap" {
  printf 'THE_CACHE_WAS_EMPTY.' >text
  check_score "$SMALL" 1
  check_score "$SMALL" 3
  check_score "$SMALL" 7
}

@test "a last window of one token scores nothing more" {
  printf '0123456789ABCDEFX' >text # 17 tokens: 8, 8 and 1
  check_score "$SMALL" 8
  equal "$(json 'j["tokens"]' score)" 14
}

@test "without --stride, it is the number of positions" {
  printf 'THE_CACHE_WAS_EMPTY.' >text
  equal "$("$GPT2" -m "$SMALL" --score text)" "$("$GPT2" -m "$SMALL" --score text --stride 8)"
  differ "$("$GPT2" -m "$SMALL" --score text)" "$("$GPT2" -m "$SMALL" --score text --stride 7)"
}

@test "--score prints the number of tokens, the mean and the perplexity" {
  printf 'THE_CACHE_WAS_EMPTY.' >text
  run --separate-stderr gpt2 --score text
  fine
  equal "${#lines[@]}" 3
  contains "$output" tokens 19 likelihood perplexity
  gpt2 --score text --json >score
  contains "$output" "$(json '"%.6f" % j["mean_nll"]' score)" "$(json '"%.4f" % j["perplexity"]' score)"
}

@test "--score of a text that the model expects is near 1" {
  chain_model m abcdefghij
  printf 'abcdefghijabcdefghij' >text
  "$GPT2" -m m --score text --json >score
  equal "$(json 'round(j["perplexity"], 2)' score)" 1.0
  printf 'abcdefghijabcdefghix' >text
  "$GPT2" -m m --score text --json >score
  equal "$(json 'j["perplexity"] > 2' score)" True
}

@test "--score - reads standard input" {
  printf 'THE_CACHE' >text
  equal "$(gpt2 --score - <text)" "$(gpt2 --score text)"
}

@test "--score scores every byte of a file, newlines and NUL included" {
  printf 'A\r\nB\0\377\n' >text
  gpt2 --score text --json >score
  equal "$(json 'j["tokens"]' score)" 6
}

@test "--score with --special takes <|endoftext|> for the special token" {
  printf 'A<|endoftext|>B' >text
  equal "$(gpt2 --score text --json | python3 -IS -c 'import json; print(json.loads(input())["tokens"])')" 14
  equal "$(gpt2 --special --score text --json | python3 -IS -c 'import json; print(json.loads(input())["tokens"])')" 2
}

@test "--score gives the same whatever the number of threads" {
  printf 'THE_CACHE_WAS_EMPTY.' >text
  equal "$(gpt2 --score text -t 4 --json)" "$(gpt2 --score text -t 1 --json)"
}

@test "--score says nothing about its progress where nobody watches" {
  printf 'THE_CACHE_WAS_EMPTY.' >text
  run --separate-stderr "$GPT2" -m "$SMALL" --score text --stride 1
  fine
}

@test "--score shows its progress on a terminal" {
  needs_terminals
  printf 'THE_CACHE_WAS_EMPTY.' >text
  run python3 -IS "$HERE/on_terminal.py" -- "$GPT2" -m "$SMALL" --score text --stride 1
  equal "$status" 0
  contains "$output" '100 %' perplexity
}

# ---- refused

@test "--score of a text of less than two tokens is refused" {
  printf 'A' >text
  run --separate-stderr gpt2 --score text
  refused 1 "1 token" 2 "give a longer one"
  : >text
  run --separate-stderr gpt2 --score text
  refused 1 "0 tokens" 2
}

@test "--score of what is no file is refused, and standard input is offered" {
  run --separate-stderr gpt2 --score nowhere.txt
  refused 1 --score nowhere.txt "No such file" "give - and the text on standard input"
  mkdir folder
  run --separate-stderr gpt2 --score folder
  refused 1 folder "is a folder" "give - and the text on standard input"
  mkfifo pipe
  run --separate-stderr gpt2 --score pipe
  refused 1 pipe "is a pipe" "give - and the text on standard input"
}

@test "--score of a file that may not be read is refused, and how to mend it is said" {
  [ "$(id -u)" -ne 0 ] || skip "root may read everything"
  printf 'THE_CACHE' >text
  chmod 000 text
  run --separate-stderr gpt2 --score text
  refused 1 text "Permission denied" readable
}

@test "a stride of more than the number of positions is refused" {
  printf 'THE_CACHE' >text
  run --separate-stderr gpt2 --score text --stride 65
  refused 1 stride 65 64
}

@test "a stride of 0 or of no number is wrong usage" {
  printf 'THE_CACHE' >text
  local value
  for value in 0 -1 x 1.5 "" 99999999999999999999; do
    run --separate-stderr gpt2 --score text "--stride=$value"
    refused 2 --stride
  done
}

@test "--stride without --score is wrong usage" {
  run --separate-stderr gpt2 --stride 3 hello
  refused 2 --stride --score
}

@test "--score with a prompt is wrong usage" {
  printf 'THE_CACHE' >text
  run --separate-stderr gpt2 --score text hello
  refused 2 --score hello
}

@test "--score with --no-cache is refused" {
  printf 'THE_CACHE' >text
  run --separate-stderr gpt2 --score text --no-cache
  differ "$status" 0
  equal "$output" ""
  one_line "$stderr"
  contains "$stderr" --score --no-cache
}
