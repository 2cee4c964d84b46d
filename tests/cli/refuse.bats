#!/usr/bin/env bats
# The texts and models that the program refuses: with one line on standard error that says what is
# wrong, nothing on standard output, and status 1. (usage.bats has the options that it refuses.)
# shellcheck disable=SC2154  # stderr is bats's

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model
  random_model "$MODEL" # 2 layers, 2 heads, 32 dimensions, 64 positions, 300 tokens
}

# A copy of the model that a test may damage.
setup() { M=$BATS_TEST_TMPDIR/m; }
copy() { cp -R "$MODEL" "$M"; }

# ---- texts

@test "a prompt of more tokens than the model has positions is refused with both numbers" {
  run --separate-stderr gpt2 "$(printf 'Q%.0s' {1..65})"
  refused 1 65 64 "shorten it by at least 1"
  run --separate-stderr gpt2 --top 3 "$(printf 'Q%.0s' {1..1000})"
  refused 1 1000 64
  run --separate-stderr gpt2 --json --no-cache - < <(printf 'Q%.0s' {1..65})
  refused 1 65 64
}

@test "an id that is none is refused and named" {
  local id
  for id in 300 301 4294967296 4294967366 18446744073709551616 18446744073709551687 \
    99999999999999999999999999999999 -1 +1 1.5 0x10 1e2 abc 1,2 ü; do
    run --separate-stderr gpt2 --detokenize -- "$id"
    echo "id: $id"
    refused 1 "$id" --detokenize 299
  done
}

@test "ids that something else than spaces separates are refused, and how they are written is said" {
  local ids
  for ids in 290,104 1,2 '[1, 2]' 1-2 1:2 abc -1; do
    run --separate-stderr gpt2 --detokenize -- "$ids"
    refused 1 --detokenize "0 to 299" "with spaces between" '"1 2 3"'
  done
  run --separate-stderr gpt2 --detokenize 300 # in digits, but of another model
  refused 1 '"300"' "0 to 299" -m
}

@test "an id that is none is refused even behind others" {
  run --separate-stderr gpt2 --detokenize 71 68 300
  equal "$status" 1
  one_line "$stderr"
  contains "$stderr" 300
}

@test "nothing is printed when one of the ids is none" {
  run --separate-stderr gpt2 --detokenize 71 68 300
  refused 1 300
}

@test "a NUL among the ids is refused" {
  run --separate-stderr gpt2 --detokenize < <(printf '71\0 68')
  refused 1 --detokenize
}

@test "a message about an id of a thousand digits is short" {
  run --separate-stderr gpt2 --detokenize "$(printf '9%.0s' {1..1000})"
  refused 1 --detokenize 999
  equal "$(( ${#stderr} < 200 ))" 1
}

@test "an empty prompt is refused by a vocabulary without <|endoftext|>" {
  copy
  edit_json "$M/vocab.json" 'del j["<|endoftext|>"]'
  run --separate-stderr "$GPT2" -m "$M" ""
  refused 1 '<|endoftext|>'
  run --separate-stderr "$GPT2" -m "$M" --json -n 3 hello
  fine
}

@test "a byte that the vocabulary lacks is refused and named" {
  copy
  edit_json "$M/vocab.json" 'j["zzz"] = j.pop("Q")'
  run --separate-stderr "$GPT2" -m "$M" "a Q"
  refused 1 0x51
}

@test "a folder as standard input is refused" {
  run --separate-stderr gpt2 -n 3 </
  refused 1 "standard input" "a file or a pipe"
}

# ---- missing and damaged files

# refuses PIECE...: the damaged model is refused with these pieces, with the cache and without.
refuses() {
  run --separate-stderr "$GPT2" -m "$M" -n 3 hello
  refused 1 "$@"
  run --separate-stderr "$GPT2" -m "$M" --json --no-cache hello
  refused 1 "$@"
}

@test "a missing folder is named, and how to get a model" {
  refuses "$M" download_model.sh
}

@test "a missing model in the usual places is refused, and how to get one is said" {
  cp "$GPT2" "$BATS_TEST_TMPDIR/gpt2"
  run --separate-stderr "$BATS_TEST_TMPDIR/gpt2" hello
  refused 1 models/gpt2 models/tiny download_model.sh
}

@test "a file in place of the folder is refused" {
  : >"$M"
  refuses "$M" "is a file" "-m names the folder"
}

@test "an empty folder is refused" {
  mkdir "$M"
  refuses "$M"
}

@test "each missing file is named" {
  local name
  for name in config.json model.safetensors vocab.json merges.txt; do
    rm -rf "$M"
    copy
    rm "$M/$name"
    refuses "$M" "$name"
  done
}

@test "each empty file is named" {
  local name
  for name in config.json model.safetensors vocab.json; do
    rm -rf "$M"
    copy
    : >"$M/$name"
    refuses "$M/$name"
  done
}

@test "a folder in place of a file is named" {
  local name
  for name in config.json model.safetensors vocab.json merges.txt; do
    rm -rf "$M"
    copy
    rm "$M/$name"
    mkdir "$M/$name"
    refuses "$M/$name"
  done
}

@test "files of models/gpt2 that are missing or damaged are refused with the command that mends them" {
  mkdir "$BATS_TEST_TMPDIR/models"
  M=$BATS_TEST_TMPDIR/models/gpt2
  refuses "$M" "no such folder" "run scripts/download_model.sh"
  local name
  for name in config.json model.safetensors vocab.json merges.txt; do
    rm -rf "$M"
    copy
    rm "$M/$name"
    refuses "$M/$name" "no such file" "run scripts/download_model.sh"
    echo damaged >"$M/$name"
    refuses "$M/$name" "delete it and run scripts/download_model.sh"
    rm "$M/$name"
    mkdir "$M/$name"
    refuses "$M/$name" "is a folder" "delete it and run scripts/download_model.sh"
  done
}

@test "a pipe in place of a file is refused, not waited for" {
  local name
  for name in config.json model.safetensors vocab.json merges.txt; do
    rm -rf "$M"
    copy
    rm "$M/$name"
    mkfifo "$M/$name"
    refuses "$M/$name"
  done
}

@test "weights that are cut short are refused, wherever the cut is" {
  copy
  local size
  size=$(wc -c <"$MODEL/model.safetensors")
  for length in 1 7 8 9 500 $((size / 2)) $((size - 1)); do
    head -c "$length" "$MODEL/model.safetensors" >"$M/model.safetensors"
    refuses "$M/model.safetensors" "file has $length bytes" "the copy is incomplete" "get the file again"
  done
}

@test "bytes behind the last tensor are refused" {
  copy
  printf x >>"$M/model.safetensors"
  refuses "$M/model.safetensors"
}

@test "a web page in place of the weights is refused" {
  copy
  printf '<!DOCTYPE html><html><body>Not found</body></html>' >"$M/model.safetensors"
  refuses "$M/model.safetensors"
}

@test "a tensor of a wrong shape is named, with both shapes" {
  copy
  edit_weights "$M" 'h["h.1.mlp.c_fc.weight"]["shape"] = [128, 32]'
  refuses "$M/model.safetensors" h.1.mlp.c_fc.weight "[128, 32]" "[32, 128]"
}

@test "a tensor of a wrong number of dimensions is named" {
  copy
  edit_weights "$M" 'h["ln_f.bias"]["shape"] = [1, 32]'
  refuses "$M/model.safetensors" ln_f.bias "[1, 32]" "[32]"
}

@test "a tensor of a dtype that cannot be weights is named" {
  copy
  edit_weights "$M" 'h["wpe.weight"]["dtype"] = "I32"'
  refuses "$M/model.safetensors" wpe.weight I32
}

@test "a tensor of an unknown dtype is named" {
  copy
  edit_weights "$M" 'h["wpe.weight"]["dtype"] = "F33"'
  refuses "$M/model.safetensors" wpe.weight F33
}

@test "each missing tensor is named" {
  local name
  for name in wte.weight wpe.weight ln_f.weight ln_f.bias h.0.ln_1.weight h.1.attn.c_attn.bias \
    h.1.attn.c_proj.weight h.0.mlp.c_proj.bias; do
    rm -rf "$M"
    copy
    edit_weights "$M" "h['x.$name'] = h.pop('$name')"
    refuses "$M/model.safetensors" "$name"
  done
}

@test "weights of another model are refused" {
  copy
  random_model "$BATS_TEST_TMPDIR/other" --n-embd 48 --n-layer 3
  cp "$BATS_TEST_TMPDIR/other/model.safetensors" "$M"
  refuses "$M/model.safetensors"
}

@test "more or fewer layers than config.json says are refused" {
  copy
  edit_json "$M/config.json" 'j["n_layer"] = 1'
  refuses "$M/model.safetensors"
  edit_json "$M/config.json" 'j["n_layer"] = 3'
  refuses "$M/model.safetensors"
  edit_json "$M/config.json" 'j["n_layer"] = 1000000000'
  refuses "$M/model.safetensors"
}

@test "weights that are no numbers are refused when the first token is drawn" {
  copy
  edit_weights "$M" 'd[:] = b"\xff" * len(d)'
  run --separate-stderr "$GPT2" -m "$M" --top 3 hello
  refused 1 weights
  run --separate-stderr "$GPT2" -m "$M" --json hello
  refused 1 weights
}

# ---- config.json

# config PIECE STATEMENT: config.json, changed by the statement, is refused with the piece.
config() {
  rm -rf "$M"
  copy
  edit_json "$M/config.json" "$2"
  echo "$2"
  refuses "$M/config.json" "$1"
}

@test "a model that is not GPT-2 is refused by name" {
  config llama 'j["model_type"] = "llama"'
  config model_type 'del j["model_type"]'
  config model_type 'j["model_type"] = 2'
}

@test "dimensions that the heads cannot share are refused with both numbers" {
  config 32 'j["n_head"] = 5'
  contains "$stderr" n_embd n_head 5
}

@test "sizes in config.json that are missing or make no sense are named" {
  local name
  for name in vocab_size n_embd n_head n_layer; do
    config "$name" "del j['$name']"
  done
  local value
  for name in vocab_size n_positions n_embd n_head; do
    for value in 0 -1 1.5; do
      config "$name" "j['$name'] = $value"
    done
  done
  config n_embd 'j["n_embd"] = "32"'
}

@test "a model of absurd sizes is refused, not tried" {
  copy
  edit_json "$M/config.json" 'j["n_embd"] = 2**62; j["n_head"] = 2'
  refuses "$M"
  edit_json "$M/config.json" 'j["n_embd"] = 32; j["n_positions"] = 2**62'
  refuses "$M"
  edit_json "$M/config.json" 'j["n_positions"] = 64; j["vocab_size"] = 2**62'
  refuses "$M"
}

@test "an activation function that is not GPT-2's is named" {
  config relu 'j["activation_function"] = "relu"'
}

@test "an epsilon that is none is refused" {
  config layer_norm_epsilon 'j["layer_norm_epsilon"] = -1'
  config layer_norm_epsilon 'j["layer_norm_epsilon"] = "small"'
}

@test "settings that would change the arithmetic are named" {
  config scale_attn_weights 'j["scale_attn_weights"] = False'
  config scale_attn_by_inverse_layer_idx 'j["scale_attn_by_inverse_layer_idx"] = True'
}

@test "a config.json that is no JSON object is refused" {
  copy
  local content
  for content in '{' '[]' 'null' '{"model_type": "gpt2"' 'not found' '{"model_type": "gpt2"} x'; do
    printf '%s' "$content" >"$M/config.json"
    refuses "$M/config.json"
  done
}

# ---- vocab.json and merges.txt

# vocabulary PIECE STATEMENT: vocab.json, changed by the statement, is refused with the piece.
vocabulary() {
  rm -rf "$M"
  copy
  edit_json "$M/vocab.json" "$2"
  echo "$2"
  refuses "$M/vocab.json" "$1"
  run --separate-stderr "$GPT2" -m "$M" --tokenize hello
  refused 1 "$M/vocab.json" "$1"
}

@test "a hole in vocab.json is refused" {
  vocabulary 300 'j["bq"] = 300'
  vocabulary 299 'del j["a"]'
}

@test "an id that two tokens have is refused" {
  vocabulary 71 'j["bq"] = 71'
}

@test "an id that is none is refused" {
  vocabulary bq 'j["bq"] = -1'
  vocabulary bq 'j["bq"] = 298.5'
  vocabulary bq 'j["bq"] = "298"'
  vocabulary bq 'j["bq"] = 1e30'
}

@test "a token with a character that stands for no byte is refused" {
  vocabulary 298 'j["\u4e00"] = j.pop("bq")'
}

@test "a token that stands twice in vocab.json is refused" {
  copy
  sed 's/"bq"/"bp"/' "$MODEL/vocab.json" >"$M/vocab.json"
  refuses "$M/vocab.json" bp
}

@test "a vocab.json that is no JSON object is refused" {
  copy
  local content
  for content in '{' '[]' '{}' '"a"' '{"a": 0,}' '<html>'; do
    printf '%s' "$content" >"$M/vocab.json"
    refuses "$M/vocab.json"
  done
}

@test "a vocabulary of more tokens than the model knows is refused with both numbers" {
  copy
  edit_json "$M/vocab.json" 'j["zzz"] = 300'
  refuses vocab.json 301 300
}

# merges PIECE LINE: merges.txt with this line added is refused with the piece and the line's number.
merges() {
  rm -rf "$M"
  copy
  printf '%s\n' "$2" >>"$M/merges.txt"
  echo "line: $2"
  refuses "$M/merges.txt" "$1" "$(wc -l <"$M/merges.txt" | tr -d ' ')"
}

@test "a merge of symbols that vocab.json lacks is refused with its line" {
  merges "zz" "zz a"
  merges "zz" "a zz"
  merges "z z" "z z"
}

@test "a line of merges.txt that is no pair is refused" {
  merges "lonely" "lonely"
  merges "a b c" "a b c"
}

@test "a merge that stands twice is refused" {
  merges "a b" "a b"
}

@test "names of files in messages cannot fake lines or colours" {
  M=$BATS_TEST_TMPDIR/$'bad\n\e[31mname'
  copy
  rm "$M/config.json"
  run --separate-stderr "$GPT2" -m "$M" hello
  refused 1 config.json
  lacks "$stderr" $'\e'
}
