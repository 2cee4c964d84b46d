#!/bin/sh
# Measures how fast ./gpt2 is on a model with the shapes of GPT-2 124M (random weights, which take
# the same time as trained ones): tokens per second for a prompt (prefill) and for new text (decode).
#
#   scripts/bench.sh [RUNS]     medians of RUNS runs (5), after one that is not counted
set -eu
cd "$(dirname "$0")/.."
runs=${1-5}
case $runs in '' | 0 | *[!0-9]*)
  echo "bench.sh: found '$runs', expected the number of runs, such as scripts/bench.sh 5" >&2
  exit 2
  ;;
esac
model=build/bench_model

make -s gpt2 tests
if [ ! -e $model/model.safetensors ]; then
  echo "Writing a model with the shapes of GPT-2 124M to $model (498 MB) ..."
  rm -rf $model.part
  build/tests/random_model $model.part --gpt2
  mv $model.part $model
fi

# field NAME JSON: a number of the "timings" object.
field() {
  printf '%s\n' "$2" | sed "s/.*\"$1\":\([0-9.e+-]*\).*/\1/"
}

median() {
  sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# measure THREADS: prints "prefill decode load", medians.
measure() {
  threads=$1
  prompt=$(awk 'BEGIN { for (i = 0; i < 256; i++) printf "zz " }') # 512 tokens: "zz" and a space
  i=0
  : >build/bench.txt
  while [ "$i" -le "$runs" ]; do
    long=$(./gpt2 -m $model -t "$threads" -T 0 -n 1 --json "$prompt")
    short=$(./gpt2 -m $model -t "$threads" -T 0 -n 64 --json "a b c d e f g h")
    n=$(printf '%s\n' "$long" | sed 's/.*"prompt_ids":\[\([^]]*\)\].*/\1/' | tr ',' '\n' | wc -l)
    # The first run warms the file cache up.
    [ "$i" -eq 0 ] || awk -v n="$n" -v p="$(field prompt_seconds "$long")" \
      -v d="$(field tokens_per_second "$short")" -v l="$(field load_seconds "$short")" \
      'BEGIN { print n / p, d, l }' >>build/bench.txt
    i=$((i + 1))
  done
  for column in 1 2 3; do
    cut -d ' ' -f $column build/bench.txt | median
  done | tr '\n' ' '
}

printf '%-8s %18s %18s %10s\n' threads 'prefill tokens/s' 'decode tokens/s' 'load s'
threads=1
while [ "$threads" -le "$(getconf _NPROCESSORS_ONLN)" ]; do
  # measure prints the three numbers of a row.
  # shellcheck disable=SC2046,SC2183
  printf '%-8s %18.1f %18.1f %10.3f\n' "$threads" $(measure "$threads")
  threads=$((threads * 2))
done
