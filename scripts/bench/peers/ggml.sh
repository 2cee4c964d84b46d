#!/bin/sh
# ggml as a peer of scripts/bench.sh: its examples/gpt-2, which ggml_bench.cpp times.
#
#   ggml.sh version
#   ggml.sh decode|prefill|start|scores FORMAT THREADS
#
# F16 stands for 16 bits, and Q8_0 for 8.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

bench=$peers/bin/ggml_bench
case ${2-} in
  f32) weights=$peers/models/ggml-f32.bin ;;
  bf16) weights=$peers/models/ggml-f16.bin ;;
  int8) weights=$peers/models/ggml-q8_0.bin ;;
esac
case $1 in
  version)
    echo "$(commit_of "$peers/ggml"), native build, examples/gpt-2; 16 bits are F16, 8 are Q8_0"
    ;;
  decode | prefill)
    need "$bench" "$weights"
    "$bench" "$1" "$weights" "$3"
    ;;
  start | scores)
    need "$bench" "$weights"
    first_token "$1" "$weights" "$bench" start "$weights" "$3"
    ;;
esac
