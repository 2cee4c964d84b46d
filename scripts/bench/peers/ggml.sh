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
case $format in
  f32) weights=$peers/models/ggml-f32.bin ;;
  bf16) weights=$peers/models/ggml-f16.bin ;;
  int8) weights=$peers/models/ggml-q8_0.bin ;;
esac
case $what in
  version)
    need "$bench" "$peers"/models/ggml-f32.bin "$peers"/models/ggml-f16.bin \
      "$peers"/models/ggml-q8_0.bin
    commit=$(commit_of "$peers/ggml")
    echo "$commit, native build, examples/gpt-2; 16 bits are F16, 8 are Q8_0"
    ;;
  decode | prefill)
    need "$bench" "$weights"
    "$bench" "$what" "$weights" "$threads"
    ;;
  start | scores)
    need "$bench" "$weights"
    first_token "$weights" "$bench" start "$weights" "$threads"
    ;;
esac
