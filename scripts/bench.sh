#!/bin/sh
# Measures how fast this machine could run GPT-2, and how fast we do, in one run.
#
#   scripts/bench.sh [ROUNDS] [--model DIR] [--json FILE] [--chart FILE.png]
#
# ROUNDS     rounds to take medians of (5), after one that is not counted
# --model    an F32 folder instead of one with the shapes of GPT-2 124M and random weights (which
#            take as long as trained ones)
# --json     keep the results; scripts/bench/results.h describes them
# --chart    draw them
#
# Each round measures, one after the other: the limits (how fast all threads together read as many
# bytes as the weights have, and multiply and add), decode and prefill in each number format with
# one thread and more, both with more threads than cores and with another busy process on the
# machine, what longer texts cost, and the time to the first token. So whatever slows the machine
# down for a while slows all of them down, and their ratios stay.
#
# Other programs run in the same rounds when PEER names them, separated by spaces (whole paths, or
# names on the PATH). They are called as
#   PROGRAM version                           prints its version, on one line
#   PROGRAM decode|prefill FORMAT THREADS     prints tokens/s as a number, or nothing where it does
#                                             not have the format: 200 tokens after a text of 16,
#                                             512 tokens at once
#   PROGRAM start FORMAT THREADS              prints the seconds from its start to the first token
#                                             after a text of 8, and the bytes of memory that took;
#                                             or nothing
# scripts/bench/README.md tells what such programs look like.
set -eu
here=$PWD
cd "$(dirname "$0")/.."

usage() {
  echo "bench.sh: $*" >&2
  exit 2
}

absolute() {
  case $1 in /*) printf '%s\n' "$1" ;; *) printf '%s\n' "$here/$1" ;; esac
}

help() {
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit
}

rounds=5 model='' json='' chart=''
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) help ;;
    --model | --json | --chart)
      [ -n "${2-}" ] || usage "$1 needs a name after it, such as $1 out/bench"
      case $1 in
        --model) model=$(absolute "$2") ;;
        --json) json=$(absolute "$2") ;;
        --chart) chart=$(absolute "$2") ;;
      esac
      shift 2
      ;;
    '' | 0 | *[!0-9]*)
      usage "found '$1', expected the number of rounds, such as scripts/bench.sh 5," \
        "or --model, --json, --chart"
      ;;
    *)
      rounds=$1
      shift
      ;;
  esac
done
[ -z "$model" ] || [ -e "$model/config.json" ] ||
  usage "--model $model: no config.json in it, expected a GPT-2 folder"
for peer in ${PEER-}; do
  [ -x "$(command -v "$peer")" ] || usage "PEER: $peer is no program that can be run"
  "$peer" version >/dev/null || usage "PEER: $peer version failed: leave it out, or mend it"
done

for file in "$json" "$chart"; do
  [ -z "$file" ] || mkdir -p "$(dirname "$file")"
done

# --- the models ---------------------------------------------------------------------------------

build=${BUILD:-build}
bench=$build/bench
[ -n "${BENCH_BUILT-}" ] || make -s gpt2 tests
work=$bench/run # nothing in it is kept from run to run
mkdir -p "$work"
name='GPT-2 with the weights of '$model
if [ -z "$model" ]; then
  name='GPT-2 124M with random weights'
  model=$bench/model
  if [ ! -e "$model/model.safetensors" ]; then
    echo "Writing a model with the shapes of GPT-2 124M to $model (498 MB) ..." >&2
    rm -rf "$model.part"
    "$build/tests/random_model" "$model.part" --gpt2
    mv "$model.part" "$model"
  fi
fi
for format in bf16 int8; do
  rm -rf "${work:?}/$format"
  "$build/gpt2" -m "$model" -w $format --quantize "$work/$format" >/dev/null
done
sync # or the system writes these files to the disk while we measure

folder() {
  if [ "$1" = f32 ]; then printf '%s\n' "$model"; else printf '%s\n' "$work/$1"; fi
}

# --- measuring ----------------------------------------------------------------------------------

samples=$work/samples
cores=$(getconf _NPROCESSORS_ONLN)
busy=''
trap '[ -z "$busy" ] || kill "$busy"' EXIT
trap 'exit 130' INT TERM

# sample WHAT FORMAT THREADS WHO NUMBER: keeps a number, unless this round only warms up.
sample() {
  [ "$round" -eq 0 ] || printf 'sample %s %s %s %s %s\n' "$@" >>"$samples"
}

# engine SUFFIX FORMAT THREADS WHAT: samples of what it prints, with the suffix after their names.
engine() {
  out=$("$bench/engine" "$(folder "$2")" "$2" "$3" "$4")
  for line in $(printf '%s\n' "$out" | tr ' ' '='); do
    sample "${line%%=*}$1" "$2" "$3" gpt2 "${line#*=}"
  done
}

# field NAME TEXT: the word after the name, on the line that begins with it.
field() {
  printf '%s\n' "$2" | awk -v name="$1" '$1 == name { print $2 }'
}

# limits THREADS: what the machine can do.
limits() {
  out=$("$bench/arithmetic" "$1")
  for format in f32 bf16 int8; do
    sample arithmetic $format "$1" machine "$(field $format "$out")"
  done
  out=$("$bench/bandwidth" "$1" 536870912)
  sample bandwidth large "$1" machine "${out%% *}"
}

# ask PEER WHAT FORMAT THREADS: its answer.
ask() {
  "$@" || {
    echo "bench.sh: $* failed" >&2
    exit 1
  }
}

# peers FORMAT THREADS: their rates.
peers() {
  for peer in ${PEER-}; do
    for what in decode prefill; do
      rate=$(ask "$peer" $what "$1" "$2")
      [ -z "$rate" ] || sample $what "$1" "$2" "$(basename "$peer" .sh)" "$rate"
    done
  done
}

# peers_start FORMAT THREADS: their time to the first token, and their memory.
peers_start() {
  for peer in ${PEER-}; do
    answer=$(ask "$peer" start "$1" "$2")
    [ -n "$answer" ] || continue
    sample first_token "$1" "$2" "$(basename "$peer" .sh)" "${answer% *}"
    sample memory "$1" "$2" "$(basename "$peer" .sh)" "${answer#* }"
  done
}

# formats THREADS: decode and prefill in each format, right after the limit of its size.
formats() {
  for format in f32 bf16 int8; do
    out=$("$bench/bandwidth" "$1" "$(bytes_per_token $format)")
    sample bandwidth $format "$1" machine "${out%% *}"
    engine '' $format "$1" decode
    engine '' $format "$1" prefill
    [ "$1" -ne "$cores" ] || peers $format "$1"
  done
}

bytes_per_token() {
  awk -v f="$1" '$2 == "bytes_per_token" && $3 == f { print $6 }' "$samples"
}

# Another process takes what it can get of the processors.
with_busy_process() {
  (while :; do :; done) &
  busy=$!
  for format in f32 bf16 int8; do
    engine _busy $format "$cores" decode
    engine _busy $format "$cores" prefill
  done
  kill "$busy"
  busy=''
}

# run_program FORMAT N: starts ./gpt2 for N new tokens.
run_program() {
  "$bench/first_token" "$build/gpt2" -m "$(folder "$1")" -T 0 -n "$2" --no-prompt "$prompt"
}

# The programs as a whole: from the start to the first token, and memory, ours for a longer text.
program() {
  for format in f32 bf16 int8; do
    out=$(run_program $format 1)
    sample first_token $format "$cores" gpt2 "$(field first_token "$out")"
    out=$(run_program $format 200)
    sample memory $format "$cores" gpt2 "$(field memory "$out")"
    peers_start $format "$cores"
  done
}

one_round() {
  threads=1
  while [ "$threads" -lt "$cores" ]; do
    limits "$threads"
    formats "$threads"
    threads=$((threads * 2))
  done
  limits "$cores"
  formats "$cores"
  for format in f32 bf16 int8; do
    engine '' $format $((cores * 2)) decode
    engine '' $format $((cores * 2)) prefill
  done
  with_busy_process
  engine '' f32 "$cores" growth
  program
}

# --- what is known beforehand -------------------------------------------------------------------

processor() {
  found=$(sed -n 's/^model name.*: *//p' /proc/cpuinfo 2>/dev/null | head -n 1)
  [ -n "$found" ] || found=$(sysctl -n machdep.cpu.brand_string 2>/dev/null) || found=$(uname -m)
  printf '%s\n' "$found"
}

facts() {
  echo "fact date $(date +%Y-%m-%d)"
  echo "fact model $name"
  echo "fact rounds $rounds"
  echo "fact cores $cores"
  echo "fact processor $(processor)"
  echo "fact system $(uname -sm)"
  echo "fact compiler $(${CC:-cc} --version | head -n 1)"
  echo "fact commit $(git describe --always --dirty 2>/dev/null || echo unknown)"
  echo "fact first_token_prompt $("$build/gpt2" -m "$model" --tokenize "$prompt" | wc -w) tokens"
  "$bench/engine" "$model" f32 1 work | sed '/^bytes/d; /^operations/d; s/^/fact /'
  for peer in ${PEER-}; do
    version=$(ask "$peer" version)
    echo "peer $(basename "$peer" .sh) $version"
  done
  for format in f32 bf16 int8; do
    "$bench/engine" "$(folder $format)" $format 1 work |
      sed -n "/_token /s/\(.*\) \(.*\)/sample \1 $format 0 gpt2 \2/p"
  done
}

prompt='1 2 3 4 ' # eight tokens for a vocabulary that has no rule for digits and spaces
facts >"$samples"
round=0
while [ "$round" -le "$rounds" ]; do
  [ "$round" -eq 0 ] && echo "warming up ..." >&2 || echo "round $round of $rounds ..." >&2
  one_round
  round=$((round + 1))
done

result=${json:-$work/results.json}
"$bench/collect" "$samples" "$result"
"$bench/table" "$result"
[ -z "$chart" ] || "$bench/chart" "$result" "$chart"
