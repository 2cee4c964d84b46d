#!/bin/sh
# PyTorch as a peer of scripts/bench.sh: GPT-2 as torch_bench.py writes it down, run by python3
# (PYTHON names another).
#
#   PyTorch.sh version
#   PyTorch.sh decode|prefill|start|scores FORMAT THREADS
#
# It has f32 and bf16.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

if [ "$what" = version ]; then
  "$python" -c 'import numpy, torch' 2>/dev/null || {
    echo "$0: $python lacks numpy or torch; scripts/bench/README.md says where they come from" >&2
    exit 1
  }
  "$python" $here/torch_version.py
  exit
fi
[ "$format" != int8 ] || exit 0
weights=$model/model.safetensors
need "$weights"
case $what in
  decode | prefill) "$python" $here/torch_bench.py "$what" "$model" "$format" "$threads" ;;
  start | scores)
    first_token "$weights" "$python" $here/torch_bench.py start "$model" "$format" "$threads"
    ;;
esac
