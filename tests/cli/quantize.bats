#!/usr/bin/env bats
# Smaller weights: -w, --quantize DIR, the folder that it writes, and what --stats says of them.
# shellcheck disable=SC2154  # status, output, stderr: set by run

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model
  random_model "$MODEL" --n-head 4 --n-embd 96 --n-ctx 96 --vocab-size 700 # 2 layers; 11 panels of tokens
  for format in bf16 int8; do
    "$GPT2" -m "$MODEL" --quantize "$BATS_FILE_TMPDIR/$format" -w "$format"
  done
  export FOLDERS=$BATS_FILE_TMPDIR
}

# A folder below bats's own, in which bats leaves files.
setup() {
  mkdir "$BATS_TEST_TMPDIR/work" && cd "$BATS_TEST_TMPDIR/work" || return
  mount_point=$PWD/disk
}

teardown() {
  if mountpoint -q "$mount_point" 2>/dev/null; then umount "$mount_point"; fi
}

# greedy OPTION...: 40 tokens, always the likeliest
greedy() { "$GPT2" -T 0 -n 40 "$@" "The cache was"; }

# format_of OPTION...: the format that --stats shows
format_of() { greedy --stats "$@" 2>&1 >/dev/null | sed -n 's/^model .* weights (\(.*\))$/\1/p'; }

# ---- the folder

@test "--quantize writes a folder that holds all of a model, and says nothing" {
  umask 022
  run --separate-stderr gpt2 --quantize new/folder -w int8
  fine
  equal "$output" ""
  equal "$(ls new/folder)" $'config.json\nmerges.txt\nmodel.safetensors\nvocab.json'
  local name
  for name in config.json merges.txt vocab.json; do same_bytes "new/folder/$name" "$MODEL/$name"; done
  equal "$(find new/folder -type f ! -perm 644)" ""
}

@test "--quantize into a folder that is there, beside other files" {
  mkdir folder
  printf 'mine' >folder/notes
  run --separate-stderr gpt2 --quantize folder/ -w bf16
  fine
  equal "$(cat folder/notes)" mine
  same_bytes folder/model.safetensors "$FOLDERS/bf16/model.safetensors"
}

@test "a quantized folder opens without -w, in its format, and with its own -w" {
  local format
  for format in bf16 int8; do
    equal "$(format_of -m "$FOLDERS/$format")" "$format"
    equal "$(format_of -m "$FOLDERS/$format" -w "$format")" "$format"
    equal "$(format_of -m "$MODEL" -w "$format")" "$format"
  done
  equal "$(format_of -m "$MODEL")" f32
  equal "$(format_of -m "$MODEL" -w f32)" f32
}

@test "a quantized folder's logits and text are those of the same -w on the original" {
  local format
  gpt2 -w f32 --logits f32 "The cache was"
  for format in bf16 int8; do
    equal "$(greedy -m "$FOLDERS/$format")" "$(greedy -m "$MODEL" -w "$format")"
    gpt2 -w "$format" --logits expected "The cache was"
    "$GPT2" -m "$FOLDERS/$format" --logits found "The cache was"
    same_bytes found expected
    cp found "$format"
  done
  differ "$(cksum <bf16)" "$(cksum <f32)"
  differ "$(cksum <int8)" "$(cksum <bf16)"
  # tests/unit/test_quantize.c derives how far they may be apart.
  near bf16 f32 0.06
  near int8 f32 0.35
}

@test "any number of threads writes the same text and the same folder, in each format" {
  local format threads
  for format in f32 bf16 int8; do
    for threads in 1 2 3 4 5; do
      equal "$(greedy -m "$MODEL" -w "$format" -t "$threads")" "$(greedy -m "$MODEL" -w "$format" -t 1)"
      [ "$format" != f32 ] || continue
      rm -rf again
      gpt2 --quantize again -w "$format" -t "$threads"
      same_bytes again/model.safetensors "$FOLDERS/$format/model.safetensors"
    done
  done
}

@test "F16 and BF16 files take each -w, and quantize" {
  local dtype format
  for dtype in F16 BF16; do
    random_model "$dtype" --n-head 4 --n-embd 96 --n-ctx 96 --vocab-size 700 --dtype "$dtype" --prefix --lm-head
    equal "$(format_of -m "$dtype")" f32
    equal "$(format_of -m "$dtype" -w f32)" f32
    for format in bf16 int8; do
      "$GPT2" -m "$dtype" --quantize "$dtype$format" -w "$format"
      equal "$(format_of -m "$dtype" -w "$format")" "$format"
      equal "$(greedy -m "$dtype$format")" "$(greedy -m "$dtype" -w "$format")"
    done
  done
}

@test "a quantized folder quantizes to the same format, and to no other" {
  "$GPT2" -m "$FOLDERS/int8" --quantize again -w int8
  same_bytes again/model.safetensors "$FOLDERS/int8/model.safetensors"
  run --separate-stderr "$GPT2" -m "$FOLDERS/int8" --quantize bf16 -w bf16
  refused 1 "$FOLDERS/int8/model.safetensors" "stored as int8" "use the folder that they were made from"
  equal "$(ls)" again
}

@test "-w of another format on a quantized folder is refused" {
  local stored wanted
  for stored in bf16 int8; do
    for wanted in f32 bf16 int8; do
      [ "$stored" != "$wanted" ] || continue
      run --separate-stderr "$GPT2" -m "$FOLDERS/$stored" -w "$wanted" hello
      refused 1 "$FOLDERS/$stored/model.safetensors" "stored as $stored" "leave out -w"
    done
  done
}

# ---- with other options

@test "--no-cache works on a quantized folder, and refuses -w bf16 and int8" {
  local format
  for format in bf16 int8; do
    # The text of the readable transformer on the same weights; the engine may round activations.
    run --separate-stderr greedy -m "$FOLDERS/$format" --no-cache
    fine
    equal "$output" "$(GPT2_KERNELS=portable greedy -m "$FOLDERS/$format")"
    run --separate-stderr gpt2 --no-cache -w "$format" hello
    refused 2 --no-cache "f32 weights only" "leave -w out"
  done
  equal "$(greedy -m "$MODEL" --no-cache -w f32)" "$(greedy -m "$MODEL")"
}

@test "the other modes work on a quantized folder" {
  local folder=$FOLDERS/int8
  printf 'The cache was cold. The cache was warm.' >text
  equal "$("$GPT2" -m "$folder" --top 3 hello)" "$(gpt2 -w int8 --top 3 hello)"
  equal "$("$GPT2" -m "$folder" --score text)" "$(gpt2 -w int8 --score text)"
  equal "$("$GPT2" -m "$folder" --tokenize "a b")" "$(gpt2 --tokenize "a b")"
  equal "$("$GPT2" -m "$folder" --json -n 5 -s 1 a | sed 's/.*"prompt"/"prompt"/; s/"timings".*//')" \
    "$(gpt2 -w int8 --json -n 5 -s 1 a | sed 's/.*"prompt"/"prompt"/; s/"timings".*//')"
}

@test "the lessons read a quantized folder, but for the first one, which says so in one line" {
  local format step
  for format in bf16 int8; do
    for step in step2_bpe step3_embeddings step4_attention step5_block step6_forward step7_generate; do
      run --separate-stderr "$BUILD/$step/main" -m "$FOLDERS/$format" -o out "The cache was"
      echo "$step: $output"
      fine
    done
    run --separate-stderr "$BUILD/step1_explore/main" -m "$FOLDERS/$format" -o out
    equal "$status" 1
    equal "$(wc -l <<<"$stderr" | tr -d ' ')" 1
    contains "$stderr" "error: $FOLDERS/$format/model.safetensors" "--quantize" "made from" "-m DIR"
  done
}

# ---- refused

@test "--quantize needs a format, a name and no prompt" {
  run --separate-stderr gpt2 --quantize new
  refused 2 "--quantize needs a format smaller than f32" "-w bf16" "-w int8"
  run --separate-stderr gpt2 --quantize new -w f32
  refused 2 "--quantize needs a format smaller than f32" "-w bf16" "-w int8"
  run --separate-stderr gpt2 --quantize new -w int8 hello
  refused 2 "--quantize writes a model and no text" "leave \"hello\" out"
  run --separate-stderr gpt2 --quantize "" -w int8
  refused 2 --quantize "expected a name"
  run --separate-stderr gpt2 -w int8 --quantize
  refused 2 "--quantize needs a value" "--quantize models/gpt2-int8"
  run --separate-stderr gpt2 --quantize new -w int4
  refused 2 "found \"int4\"" "f32, bf16 or int8"
  run --separate-stderr gpt2 --quantize new -w int8 --top 3
  refused 2 "only one of" --top --quantize
  run --separate-stderr gpt2 --quantize new -w int8 --no-cache
  refused 2 --no-cache
  equal "$(ls)" ""
}

@test "--quantize writes over nothing: neither a file in DIR nor the model itself" {
  local name
  cp -R "$MODEL" own
  for name in config.json vocab.json merges.txt model.safetensors; do
    mkdir "has $name"
    printf 'mine' >"has $name/$name"
    run --separate-stderr "$GPT2" -m own --quantize "has $name" -w int8
    refused 1 "has $name/$name" "is there already" "another folder"
    equal "$(ls "has $name")" "$name"
    equal "$(cat "has $name/$name")" mine
  done
  run --separate-stderr "$GPT2" -m own --quantize own -w int8
  refused 1 own/model.safetensors "is there already"
  run --separate-stderr "$GPT2" -m own --quantize ./own/../own/ -w int8
  refused 1 own/model.safetensors "is there already"
  diff -r own "$MODEL"
}

@test "--quantize goes on in a folder where an attempt was interrupted" {
  local name
  mkdir half
  cp "$MODEL/config.json" "$MODEL/vocab.json" half/
  run --separate-stderr "$GPT2" -m "$MODEL" --quantize half -w int8
  equal "$status" 0
  for name in config.json vocab.json merges.txt; do
    cmp "$MODEL/$name" "half/$name"
  done
  run --separate-stderr "$GPT2" -m half -T 0 -n 2 "The server"
  equal "$status" 0
}

@test "--quantize to a file, or to a folder below one, is refused" {
  printf 'mine' >file
  run --separate-stderr gpt2 --quantize file -w int8
  refused 1 "file: cannot make the folder"
  run --separate-stderr gpt2 --quantize file/folder -w int8
  refused 1 file/folder "cannot make the folder"
  equal "$(cat file)" mine
  equal "$(ls)" file
}

@test "--quantize of a model that is damaged or not there makes no folder" {
  run --separate-stderr "$GPT2" -m nowhere --quantize new -w int8
  refused 1 nowhere
  cp -R "$MODEL" cut
  head -c 1000 "$MODEL/model.safetensors" >cut/model.safetensors
  run --separate-stderr "$GPT2" -m cut --quantize new -w int8
  refused 1 cut/model.safetensors
  equal "$(ls)" cut
}

@test "--quantize to a folder that may not be written is refused" {
  mkdir disk
  if [ "$(id -u)" -eq 0 ]; then
    mount -t tmpfs -o ro,size=64k tmpfs disk 2>/dev/null || skip "cannot mount a disk here, and root may write anywhere"
  else
    chmod 555 disk
  fi
  run --separate-stderr gpt2 --quantize disk -w int8
  refused 1 disk/config.json "cannot create" "choose a folder where you may write"
  run --separate-stderr gpt2 --quantize disk/new -w int8
  refused 1 disk/new "cannot make the folder" "choose a folder where you may write"
}

@test "--quantize to a full disk leaves no model.safetensors and no other piece of it" {
  mkdir disk
  mount -t tmpfs -o size=64k tmpfs disk 2>/dev/null || skip "cannot mount a small disk here"
  run --separate-stderr gpt2 --quantize disk/new -w int8
  refused 1 disk/new/model.safetensors "No space left" "make room on the disk"
  equal "$(ls disk/new)" $'config.json\nmerges.txt\nvocab.json'
}

# A limit on the size of files ends the program in the middle of the weights by a signal, which it
# cannot see coming any more than a kill -9.
@test "--quantize that is killed while it writes leaves no model.safetensors under that name" {
  run --separate-stderr bash -c 'ulimit -c 0; ulimit -f 50; exec "$@"' _ "$GPT2" -m "$MODEL" --quantize new -w int8
  [ "$status" -gt 128 ] || { echo "status $status"; return 1; }
  test -s new/vocab.json
  test ! -e new/model.safetensors
  run --separate-stderr "$GPT2" -m new hello
  refused 1 new/model.safetensors
}

@test "weights that are no numbers are noticed in every format" {
  local format value
  for value in nan inf; do
    cp -R "$MODEL" "$value"
    edit_weights "$value" "b = h['h.0.mlp.c_fc.weight']['data_offsets'][0]; d[b:b + 4] = struct.pack('<f', float('$value'))"
    for format in f32 bf16 int8; do
      run --separate-stderr "$GPT2" -m "$value" -w "$format" --top 3 hello
      refused 1 "no logit is a number" "weights are damaged"
    done
  done
}

# ---- --stats

# stat_line NAME: a line of $stderr
stat_line() { grep "^$1 " <<<"$stderr"; }

@test "--stats names the model, its parameters, the bytes per token and the format" {
  run --separate-stderr greedy -m "$FOLDERS/int8" --stats
  equal "$status" 0
  local parameters=$((700 * 96 + 96 * 96 + 2 * 96 + 2 * (12 * 96 * 96 + 13 * 96)))
  # In whole panels of 64: (704 + 2 * (320 + 128 + 384 + 4 * 128)) * 96 numbers, and 1/16 of scales
  equal "$(stat_line model)" "model        $FOLDERS/int8: $parameters parameters; a token reads 0.4 MB of weights (int8)"
}

@test "--stats shows no bound where the weights fit into the processor's cache" {
  run --separate-stderr greedy -m "$MODEL" --stats
  equal "$status" 0
  contains "$stderr" tokens/s
  lacks "$stderr" bound
}

# What a token of the model below reads, in MB: linear layers and head, filled up to whole panels and
# blocks where there are such, and the small arrays.
expected_mb() { # VOCAB_SIZE FORMAT
  python3 -IS -c 'import sys
vocab, up = int(sys.argv[1]), lambda n, k: -(-n // k) * k
matrices = [(1024, vocab), (1024, 3072), (1024, 1024), (1024, 16), (16, 1024)]
size = {"f32": lambda i, o: 4 * i * o, "bf16": lambda i, o: 2 * up(i, 2) * up(o, 64),
        "int8": lambda i, o: up(i, 32) * up(o, 64) * (1 + 2 / 32)}[sys.argv[2]]
print("%.1f" % ((sum(size(*m) for m in matrices) + 4 * (9 * 1024 + 16)) / 1e6))' "$1" "$2"
}

@test "--stats shows the bound of memory where the weights are larger than the cache" {
  local cache format mb bound rate reached
  cache=$(cat /sys/devices/system/cpu/cpu0/cache/index3/size 2>/dev/null || echo 32768K)
  case $cache in *K) cache=${cache%K} ;; *) skip "the size of the last cache is $cache" ;; esac
  [ "$cache" -le 131072 ] || skip "the last cache has $cache KiB: the model would have to be larger"
  # 4 KiB of each token's embedding in F32. Half of it, and a quarter, fit into the cache.
  local vocab=$((cache / 4 + 300))
  random_model big --n-layer 1 --n-head 16 --n-embd 1024 --n-inner 16 --n-ctx 32 --vocab-size "$vocab"
  for format in bf16 int8 f32; do
    mb=$(expected_mb "$vocab" "$format")
    run --separate-stderr "$GPT2" -m big -w "$format" -T 0 -n 6 --stats hello
    equal "$status" 0
    contains "$(stat_line model)" "a token reads $mb MB of weights ($format)"
    if awk -v mb="$mb" -v k="$cache" 'BEGIN { exit !(mb * 1e6 <= k * 1024) }'; then
      lacks "$stderr" bound
      format=
    fi
  done
  equal "$format" f32
  contains "$(stat_line bound)" " tokens/s: $mb MB of weights per token, read at " "; reached "
  # The line's numbers fit together: the bound is the rate of reading by the bytes, and so on.
  bound=$(stat_line bound | awk '{ print $2 }')
  rate=$(stat_line bound | sed 's/.*read at \([0-9.]*\) GB.*/\1/')
  reached=$(stat_line bound | sed 's/.*reached \([0-9]*\) %.*/\1/')
  stat_line decode | awk -v mb="$mb" -v bound="$bound" -v rate="$rate" -v reached="$reached" \
    '{ for (i = 1; i <= NF; i++) if ($i == "tokens/s") speed = $(i - 1)
       print "bound", bound, "GB/s", rate, "reached", reached, "%, decode", speed
       a = rate * 1000 / mb; b = 100 * speed / bound # as far as the digits shown can tell
       exit !((bound - a) ^ 2 <= (0.06 + 0.06 * a / rate + 0.06 * a / mb) ^ 2 && \
              (reached - b) ^ 2 <= (0.6 + 0.06 * b / speed + 0.06 * b / bound) ^ 2) }'
  # Without the cache of keys and values the weights are not what counts.
  run --separate-stderr "$GPT2" -m big --no-cache -T 0 -n 3 --stats hello
  equal "$status" 0
  lacks "$stderr" bound
}
