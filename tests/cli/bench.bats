#!/usr/bin/env bats
# scripts/bench.sh: what it measures, on the small model, and in which form it says so. How fast
# anything was is not looked at: other programs may be running.
# shellcheck disable=SC2154  # status, output, stderr: set by run

load support

# One run for the whole file: a round, with a peer that knows its rates by heart.
setup_file() {
  export RESULTS=$BATS_FILE_TMPDIR/results.json
  export PEER=$BATS_FILE_TMPDIR/snail.sh BENCH_BUILT=yes
  cat >"$PEER" <<'END'
#!/bin/sh
echo "$@" >>"$0.calls"
case $1-$2 in
  version-) echo "2.0, slow but sure" ;;
  decode-f32) echo 2.5 ;;
  prefill-f32) echo 10 ;;
  start-f32) echo "7.5 3145728" ;; # 3 MiB
esac
END
  chmod +x "$PEER"
  "$ROOT/scripts/bench.sh" 1 --model "$ROOT/models/tiny" --json "$RESULTS" \
    --chart "$BATS_FILE_TMPDIR/chart.png" >"$BATS_FILE_TMPDIR/out" 2>"$BATS_FILE_TMPDIR/err" ||
    true # then the tests fail, and show why
}

setup() {
  [ -e "$RESULTS" ] || cat "$BATS_FILE_TMPDIR/out" "$BATS_FILE_TMPDIR/err"
}

# of WHAT FORMAT THREADS WHO EXPRESSION: of that measurement, which `m` stands for.
of() {
  json "[($5) for m in j['measurements'] if (m['what'], m['format'], m['threads'], m['who']) == ('$1', '$2', $3, '$4')]" "$RESULTS"
}

cores() { getconf _NPROCESSORS_ONLN; }

@test "every measurement is there, with the samples of one round" {
  local n format what
  n=$(cores)
  for format in f32 bf16 int8; do
    for what in decode prefill decode_busy prefill_busy first_token memory; do
      equal "$what $(of $what $format "$n" gpt2 "len(m['samples']), m['median'] > 0")" "$what [(1, True)]"
    done
    for what in decode prefill; do
      equal "$what $(of $what $format 1 gpt2 "m['median'] > 0")" "$what [True]"
      equal "$what $(of $what $format $((2 * n)) gpt2 "m['median'] > 0")" "$what [True]"
    done
    for what in bandwidth arithmetic; do
      equal "$what $(of $what $format "$n" machine "m['median'] > 1e6")" "$what [True]"
    done
  done
  for what in decode_near decode_far prefill_half prefill_whole; do
    equal "$what $(of $what f32 "$n" gpt2 "m['median'] > 0")" "$what [True]"
  done
}

@test "a limit is what the machine gives, divided by what a token takes" {
  local n
  n=$(cores)
  json "[(w, t) for w, t in (('decode', ('bandwidth', 'bytes_per_token')), ('prefill', ('arithmetic', 'operations_per_prompt_token')))
         for f in ('f32', 'bf16', 'int8')
         for get in [lambda what, threads, who: [m for m in j['measurements'] if (m['what'], m['format'], m['threads'], m['who']) == (what, f, threads, who)][0]]
         if abs(get(t[0], $n, 'machine')['median'] / get(t[1], 0, 'gpt2')['median'] / get(w, $n, 'gpt2')['limit'] - 1) > 1e-6
         or abs(get(w, $n, 'gpt2')['median'] / get(w, $n, 'gpt2')['limit'] / get(w, $n, 'gpt2')['share'] - 1) > 1e-6]" \
    "$RESULTS" >"$BATS_TEST_TMPDIR/wrong"
  equal "$(cat "$BATS_TEST_TMPDIR/wrong")" "[]"
}

@test "models/tiny takes the bytes and operations that a person counts" {
  # 4 blocks of 12 * 128 * 128 weights and 13 * 128 other numbers, and 2048 rows of the head; what
  # else is read (a row of each embedding, the final norm) is less than a thousandth.
  equal "$(of bytes_per_token f32 0 gpt2 "abs(m['median'] / (4 * (4 * (12 * 128 * 128 + 13 * 128) + 2048 * 128)) - 1) < 1e-3")" "[True]"
  # Prefill of 256: 2 for each weight of a block, 4 * 128 for each of 128.5 tokens seen, the head once.
  equal "$(of operations_per_prompt_token f32 0 gpt2 "abs(m['median'] - (4 * (2 * 12 * 128 * 128 + 4 * 128 * 128.5) + 2 * 2048 * 128 / 256)) < 10")" "[True]"
}

@test "the facts say what was measured and where" {
  equal "$(json "j['facts']['cores'], j['facts']['rounds'], j['facts']['prefill_tokens'], j['facts']['new_tokens']" "$RESULTS")" \
    "('$(cores)', '1', '256', '200')"
  json "all(j['facts'][name] for name in ('date', 'processor', 'compiler', 'system', 'commit', 'kernels'))" "$RESULTS" |
    grep -x True
}

@test "a peer runs in each round, and our speed is divided by its" {
  local n
  n=$(cores)
  equal "$(of decode f32 "$n" snail "m['median'], m['samples']")" "[(2.5, [2.5])]"
  equal "$(of prefill f32 "$n" snail "m['median']")" "[10]"
  equal "$(of decode bf16 "$n" snail "m")" "[]" # it printed nothing for this format
  equal "$(of first_token f32 "$n" snail "m['samples']")" "[[7.5]]"
  equal "$(of memory f32 "$n" snail "m['samples']")" "[[3145728]]"
  equal "$(of memory bf16 "$n" snail "m")" "[]"
  equal "$(json "j['peers']" "$RESULTS")" "{'snail': '2.0, slow but sure'}"
  local ours ratio
  ours=$(of decode f32 "$n" gpt2 "m['median']")
  ratio=$(of decode f32 "$n" snail "m['ratio'] * 2.5")
  python3 -IS -c 'import sys; a, b = eval(sys.argv[1])[0], eval(sys.argv[2])[0]; print(a, b); sys.exit(abs(a / b - 1) > 1e-9)' "$ours" "$ratio"
  equal "$(sort -u "$PEER.calls" | tr '\n' ,)" \
    "decode bf16 $n,decode f32 $n,decode int8 $n,prefill bf16 $n,prefill f32 $n,prefill int8 $n,start bf16 $n,start f32 $n,start int8 $n,version,"
}

@test "the table shows the rates, the limits, the peer and the growth" {
  contains "$(cat "$BATS_FILE_TMPDIR/out")" "1 thread" "and another process" "limit of the machine" \
    "gpt2's share of the limit" "gpt2 : snail" "snail: 2.0, slow but sure" "start to first token" \
    "A token at position 248 takes" "Prefill of 248 tokens"
  # One round: the least and the most of its ratio are the ratio.
  equal "$(awk '/^gpt2 : snail/ { a = $4; b = $7 } /in single rounds/ { print $7 == a "-" a, $10 == b "-" b }' \
    "$BATS_FILE_TMPDIR/out")" "1 1"
  # The peer's start and memory stand below ours.
  equal "$(grep -A 1 '^start to first token' "$BATS_FILE_TMPDIR/out" | tail -n 1 | tr -s ' ')" " snail 7.50 - -"
  equal "$(grep -A 1 '^memory, MiB' "$BATS_FILE_TMPDIR/out" | tail -n 1 | tr -s ' ')" " snail 3.00 - -"
}

@test "the table of kept results is the same" {
  run --separate-stderr "$BUILD/bench/table" "$RESULTS"
  equal "status $status" "status 0"
  equal "$output" "$(cat "$BATS_FILE_TMPDIR/out")"
}

@test "the chart is a picture" {
  [ "$(od -An -c -N 4 "$BATS_FILE_TMPDIR/chart.png" | tr -d ' ')" = '211PNG' ] ||
    skip "built without stb_image_write" # then nothing makes pictures
}

@test "medians: of an even number of samples, and of ratios round by round" {
  printf 'fact cores 2\n' >"$BATS_TEST_TMPDIR/samples"
  printf 'sample bytes_per_token f32 0 gpt2 10\n' >>"$BATS_TEST_TMPDIR/samples"
  local i
  for i in 1 2 3 4; do # the limit is 10, 20, 30, 40; decode 9, 10, 27, 20; shares 90, 50, 90, 50 %
    printf 'sample bandwidth f32 2 machine %d00\n' $i
    printf 'sample decode f32 2 gpt2 %d\n' "$((i % 2 == 1 ? 9 * i : 5 * i))"
    printf 'sample decode f32 2 snail %d\n' $i
  done >>"$BATS_TEST_TMPDIR/samples"
  run --separate-stderr "$BUILD/bench/collect" "$BATS_TEST_TMPDIR/samples" "$BATS_TEST_TMPDIR/json"
  fine
  RESULTS=$BATS_TEST_TMPDIR/json
  equal "$(of decode f32 2 gpt2 "m['median'], m['limit'], round(m['share'], 9)")" "[(15, 25, 0.7)]"
  equal "$(of decode f32 2 snail "m['median'], m['ratio']")" "[(2.5, 7)]"
}

@test "collect refuses a line that it does not know" {
  echo 'sample decode f32 2 gpt2 fast' >"$BATS_TEST_TMPDIR/samples"
  run --separate-stderr "$BUILD/bench/collect" "$BATS_TEST_TMPDIR/samples" "$BATS_TEST_TMPDIR/json"
  equal "status $status, $output" "status 1, "
  contains "$stderr" "sample decode f32 2 gpt2 fast" "expected"
}

@test "table and chart refuse what is no file of results" {
  echo '{"facts": 1}' >"$BATS_TEST_TMPDIR/json"
  local program
  for program in table chart; do
    run --separate-stderr "$BUILD/bench/$program" "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/png"
    [ $program = chart ] || run --separate-stderr "$BUILD/bench/table" "$BATS_TEST_TMPDIR/json"
    equal "status $status, $output" "status 1, "
    contains "$stderr" "$program: " "/json" "no facts and measurements" "bench.sh --json"
  done
}

@test "first_token says so when the program fails or prints nothing" {
  local command
  for command in false true; do
    run --separate-stderr "$BUILD/bench/first_token" "$command"
    equal "status $status, $output" "status 1, "
    contains "$stderr" "$command failed, or printed nothing"
  done
}

@test "bench.sh refuses a number of rounds that is none" {
  local rounds
  for rounds in 0 x -1 1.5 "" --rounds; do
    run --separate-stderr "$ROOT/scripts/bench.sh" "$rounds"
    equal "status $status, $output" "status 2, "
    contains "$stderr" "'$rounds'" "number of rounds" "scripts/bench.sh 5"
  done
}

@test "bench.sh refuses an option without its name, a model that is none, a peer that is none" {
  run --separate-stderr "$ROOT/scripts/bench.sh" --json
  equal "status $status, $output" "status 2, "
  contains "$stderr" "--json needs a name"
  run --separate-stderr "$ROOT/scripts/bench.sh" --model "$BATS_TEST_TMPDIR"
  equal "status $status, $output" "status 2, "
  contains "$stderr" "$BATS_TEST_TMPDIR" "no config.json"
  PEER=no_such_program run --separate-stderr "$ROOT/scripts/bench.sh"
  equal "status $status, $output" "status 2, "
  contains "$stderr" "no_such_program"
  printf '#!/bin/sh\nexit 3\n' >"$BATS_TEST_TMPDIR/unknown"
  chmod +x "$BATS_TEST_TMPDIR/unknown"
  PEER=$BATS_TEST_TMPDIR/unknown run --separate-stderr "$ROOT/scripts/bench.sh" # before it builds anything
  equal "status $status, $output" "status 2, "
  contains "$stderr" "unknown version failed"
}

@test "bench.sh --help tells how it is called" {
  run --separate-stderr "$ROOT/scripts/bench.sh" --help
  fine
  contains "$output" "scripts/bench.sh [ROUNDS]" "--chart" "PEER" "scripts/bench/README.md"
}

@test "a peer that fails ends the run with a message" {
  # shellcheck disable=SC2016
  printf '#!/bin/sh\n[ "$1" = version ] && echo 1 || exit 3\n' >"$BATS_TEST_TMPDIR/broken"
  chmod +x "$BATS_TEST_TMPDIR/broken"
  PEER=$BATS_TEST_TMPDIR/broken run --separate-stderr "$ROOT/scripts/bench.sh" 1 --model "$ROOT/models/tiny"
  equal "status $status" "status 1"
  contains "$stderr" "broken decode f32" "failed"
}

# --- the peers of the repository, with stand-ins for what they run ------------------------------

peer() {
  local name=$1
  shift
  PEERS_DIR=$BATS_TEST_TMPDIR/peers "$ROOT/scripts/bench/peers/$name.sh" "$@"
}

@test "scripts/bench/peers: what a peer lacks is named" {
  local name
  for name in llama.cpp ggml onnxruntime; do
    run --separate-stderr peer $name decode f32 2
    equal "$name: status $status, $output" "$name: status 1, "
    contains "$stderr" "$BATS_TEST_TMPDIR/peers/" "is missing" "scripts/bench/README.md"
    run --separate-stderr peer $name version
    equal "$name: status $status, $output" "$name: status 1, "
    contains "$stderr" "$BATS_TEST_TMPDIR/peers/" "is missing"
  done
  PYTHON=false run --separate-stderr peer PyTorch version
  equal "status $status, $output" "status 1, "
  contains "$stderr" "false lacks numpy or torch" "scripts/bench/README.md"
}

@test "scripts/bench/peers: a call that is none is wrong usage" {
  local name call
  for name in llama.cpp ggml onnxruntime PyTorch; do
    for call in '' 'speed f32 2' 'decode f16 2' 'decode f32' 'decode f32 two'; do
      # shellcheck disable=SC2086
      run --separate-stderr peer $name $call
      equal "$name: status $status, $output" "$name: status 2, "
      contains "$stderr" "usage: $name.sh version"
    done
  done
}

@test "scripts/bench/peers: a format that a peer does not have is no failure" {
  mkdir -p "$BATS_TEST_TMPDIR/peers/node_modules/onnxruntime-node"
  local what
  for what in decode prefill start; do
    equal "$(peer PyTorch $what int8 2) $(peer onnxruntime $what bf16 2)" " "
  done
}

@test "scripts/bench/peers: rates and the first token, as bench.sh wants them" {
  local peers=$BATS_TEST_TMPDIR/peers
  mkdir -p "$peers/bin" "$peers/models" "$peers/llama.cpp/build/bin"
  touch "$peers/models/gpt2-q8_0.gguf"
  printf '#!/bin/sh\necho "7 0.1 0.2 0.3 0.4"\n' >"$peers/bin/llama_start"
  cat >"$peers/llama.cpp/build/bin/llama-bench" <<'END'
#!/bin/sh
echo "$@" >"$0.call"
printf '[\n  {\n    "avg_ns": 5,\n    "avg_ts": 12.345,\n    "stddev_ts": 0.0\n  }\n]\n'
END
  chmod +x "$peers/bin/llama_start" "$peers/llama.cpp/build/bin/llama-bench"
  equal "$(peer llama.cpp decode int8 3)" 12.345
  equal "$(cat "$peers/llama.cpp/build/bin/llama-bench.call")" \
    "-m $peers/models/gpt2-q8_0.gguf -t 3 -r 1 -o json -p 0 -n 200 -d 16"
  equal "$(peer llama.cpp scores int8 3)" "7 0.1 0.2 0.3 0.4"
  run peer llama.cpp start int8 3
  equal "$status, $(printf '%s\n' "$output" | sed 's/^[0-9.e-]* [0-9][0-9]*$/SECONDS BYTES/')" "0, SECONDS BYTES"
}

@test "scripts/bench/peers: shellcheck has nothing to say" {
  command -v shellcheck >/dev/null || skip "no shellcheck here"
  shellcheck "$ROOT"/scripts/bench/peers/*.sh
}
