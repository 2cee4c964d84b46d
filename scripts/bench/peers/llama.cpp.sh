#!/bin/sh
# llama.cpp as a peer of scripts/bench.sh: its llama-bench, and llama_start.cpp for the first token.
#
#   llama.cpp.sh version
#   llama.cpp.sh decode|prefill|start|scores FORMAT THREADS
#
# BF16, which it reads and multiplies faster than F16, stands for 16 bits, and Q8_0 for 8.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

llama_bench=$peers/llama.cpp/build/bin/llama-bench
llama_start=$peers/bin/llama_start
case $format in
  f32 | bf16) weights=$peers/models/gpt2-$format.gguf ;;
  int8) weights=$peers/models/gpt2-q8_0.gguf ;;
esac

# bench OPTION...: tokens/s of the one test that the options name.
bench() {
  need "$llama_bench" "$weights"
  answer=$("$llama_bench" -m "$weights" -t "$threads" -r 1 -o json "$@" 2>/dev/null)
  printf '%s\n' "$answer" | sed -n 's/.*"avg_ts": \([0-9.]*\).*/\1/p'
}

case $what in
  version)
    need "$llama_bench" "$llama_start" "$peers"/models/gpt2-f32.gguf \
      "$peers"/models/gpt2-bf16.gguf "$peers"/models/gpt2-q8_0.gguf
    commit=$(commit_of "$peers/llama.cpp")
    echo "$commit, native build, llama-bench; 8 bits are Q8_0"
    ;;
  decode) bench -p 0 -n 200 -d 16 ;;
  prefill) bench -p 512 -n 0 ;;
  start | scores)
    need "$llama_start" "$weights"
    first_token "$weights" "$llama_start" "$weights" "$threads"
    ;;
esac
