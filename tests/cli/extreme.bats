#!/usr/bin/env bats
# Models that are valid and extreme, and weights that are no numbers: a sensible answer from every
# mode and every format, or one line.
# shellcheck disable=SC2154  # status, output, stderr: set by run

load support

setup_file() {
  export TEXT=$BATS_FILE_TMPDIR/text
  printf '!!!!!' >"$TEXT"
}

setup() { cd "$BATS_TEST_TMPDIR" || exit; }

# fill DIR VALUE [TENSOR...]: every number of these tensors, or of all, becomes VALUE.
fill() {
  local dir=$1 value=$2
  shift 2
  edit_weights "$dir" "names = '''$*'''.split() or list(h)
for name in names:
    if name != '__metadata__':
        begin, end = h[name]['data_offsets']
        d[begin:end] = struct.pack('<f', float('$value')) * ((end - begin) // 4)"
}

# answers: after `run --separate-stderr`, success, a word on standard output, and none on standard error.
answers() {
  fine && [ -n "$output" ]
}

# each_mode DIR: every mode and format answers, and the tables and scores hold no "nan".
each_mode() {
  local weights
  for weights in f32 bf16 int8; do
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" -n 4 --seed 1 '!'
    answers
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" --top 3 '!'
    answers
    lacks "$output" nan inf
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" --score "$TEXT"
    answers
    lacks "$output" nan inf
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" --logits logits '!'
    fine
  done
  run --separate-stderr "$GPT2" -m "$1" --no-cache -n 4 '!'
  answers
  run --separate-stderr "$GPT2" -m "$1" --tokenize '!!'
  fine
  equal "$output" "0 0"
}

# damaged DIR: every mode and format says so, but for the two that print what is there.
damaged() {
  local weights
  for weights in f32 bf16 int8; do
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" -n 4 --no-prompt '!'
    refused 1 "no logit is a number" "damaged"
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" --top 3 '!'
    refused 1 "no logit is a number" "damaged"
    run --separate-stderr "$GPT2" -m "$1" -w "$weights" --score "$TEXT"
    refused 1 "the mean surprise is no number" "damaged"
  done
  run --separate-stderr "$GPT2" -m "$1" --no-cache -n 4 --no-prompt '!'
  refused 1 "no logit is a number" "damaged"
  run --separate-stderr "$GPT2" -m "$1" --logits logits '!'
  fine
  run --separate-stderr "$GPT2" -m "$1" --tokenize '!!'
  fine
}

@test "a model of one layer, one head and one dimension" {
  random_model ones --n-layer 1 --n-head 1 --n-embd 1 --n-inner 1 --n-ctx 8
  each_mode ones
}

@test "a model without layers" {
  random_model none --n-layer 0
  each_mode none
}

@test "a model without layers whose MLP is claimed to be wider than any memory" {
  random_model wide --n-layer 0
  edit_json wide/config.json "j['n_inner'] = 2**$([ "$(getconf LONG_BIT)" = 64 ] && echo 53 || echo 30)"
  run --separate-stderr "$GPT2" -m wide -n 4 '!'
  refused 1 "out of memory"
}

@test "10,000 layers claimed for a file of less than a kilobyte" {
  random_model claimed --n-layer 0 --n-embd 2 --n-ctx 2 --vocab-size 4
  edit_json claimed/config.json 'j["n_layer"] = 10000'
  [ "$(wc -c <claimed/model.safetensors)" -lt 1024 ]
  run --separate-stderr "$GPT2" -m claimed '!'
  refused 1 "holds 4 tensors" "10000 layers" "of one model"
  edit_json claimed/config.json 'j["n_layer"] = 2**31'
  run --separate-stderr "$GPT2" -m claimed '!'
  refused 1 "2147483648 layers"
}

@test "a vocabulary of one token" {
  random_model one --vocab-size 1
  printf '{"!": 0}' >one/vocab.json
  run --separate-stderr "$GPT2" -m one -n 3 '!'
  fine
  equal "$output" '!!!!'
  run --separate-stderr "$GPT2" -m one --top 3 '!'
  fine
  equal "$output" '   1  100.0000 %       0  "!"'
  run --separate-stderr "$GPT2" -m one --score "$TEXT"
  fine
  contains "$output" "perplexity                    1.0000"
  run --separate-stderr "$GPT2" -m one --tokenize '!!'
  fine
  equal "$output" "0 0"
}

@test "a vocabulary of <|endoftext|> alone" {
  random_model end --vocab-size 1
  run --separate-stderr "$GPT2" -m end -n 3 ''
  fine
  equal "$output" ""
  run --separate-stderr "$GPT2" -m end '!'
  refused 1 "the byte 0x21" "no token"
}

@test "a model of one position" {
  random_model short --n-ctx 1
  run --separate-stderr "$GPT2" -m short -n 3 '!'
  equal "$status $output" "0 !"
  contains "$stderr" "last position, 1"
  run --separate-stderr "$GPT2" -m short --top 3 '!'
  answers
  run --separate-stderr "$GPT2" -m short --score "$TEXT"
  refused 1 "one position only"
  run --separate-stderr "$GPT2" -m short '!!'
  refused 1 "2 tokens" "at most 1"
  run --separate-stderr "$GPT2" -m short --tokenize '!!'
  fine
}

@test "weights that are all 0 give every token the same share" {
  random_model zeros
  fill zeros 0
  each_mode zeros
  run --separate-stderr "$GPT2" -m zeros --top 1 '!'
  contains "$output" "0.3333 %"
  run --separate-stderr "$GPT2" -m zeros --score "$TEXT"
  contains "$output" "perplexity                    300.0000"
}

@test "weights that are all NaN are damaged, in every format" {
  random_model nan
  fill nan nan
  damaged nan
}

@test "weights that are all infinite are damaged, in every format" {
  random_model infinite
  fill infinite inf
  damaged infinite
}

@test "one linear layer of NaN is damage enough, in every format" {
  random_model layer
  fill layer nan h.0.mlp.c_fc.weight
  damaged layer
}

@test "weights near the smallest and the largest numbers are used or refused" {
  random_model tiny
  fill tiny 1e-40
  each_mode tiny
  random_model large
  fill large 3e38
  damaged large
}

@test "a logit of plus infinity takes all" {
  random_model head --n-layer 0 --n-embd 4 --lm-head
  fill head 0 ln_f.weight
  fill head 1 ln_f.bias
  edit_weights head 'at = h["lm_head.weight"]["data_offsets"][0] + 5 * 16
d[at:at + 16] = struct.pack("<f", float("inf")) * 4'
  run --separate-stderr "$GPT2" -m head --top 2 '!'
  fine
  equal "$output" '   1  100.0000 %       5  "&"
   2    0.0000 %     219  "\x1f"'
  run --separate-stderr "$GPT2" -m head -n 3 '!'
  fine
  equal "$output" '!&&&'
  run --separate-stderr "$GPT2" -m head --score "$TEXT"
  refused 1 "the mean surprise is no number"
}

@test "a folder of extreme weights can be quantized, and says the same" {
  random_model nan
  fill nan nan h.0.mlp.c_fc.weight
  for weights in bf16 int8; do
    run --separate-stderr "$GPT2" -m nan -w "$weights" --quantize "quantized_$weights"
    fine
    run --separate-stderr "$GPT2" -m "quantized_$weights" -n 4 --no-prompt '!'
    refused 1 "no logit is a number"
  done
}

@test "control characters in names never reach the terminal, in any encoding" {
  random_model names
  edit_weights names "h['\u009b31m\x1b[31m' + 'x' * 5] = h.pop('ln_f.bias')"
  run --separate-stderr "$GPT2" -m names '!'
  refused 1 "ln_f.bias is missing"
  random_model dtype
  edit_weights dtype "h['ln_f.bias']['dtype'] = '\u009b31m\x1b[31mF32\u0085'"
  run --separate-stderr "$GPT2" -m dtype '!'
  refused 1 "unknown dtype ??31m?[31mF32??"
}
