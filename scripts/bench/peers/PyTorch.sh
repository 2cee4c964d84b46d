#!/bin/sh
# PyTorch as a peer of scripts/bench.sh: GPT-2 as torch_bench.py writes it down, run by python3.
#
#   PyTorch.sh version
#   PyTorch.sh decode|prefill|start|scores FORMAT THREADS
#
# It has f32 and bf16.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

if [ "$1" = version ]; then
  version=$(python3 -c 'import torch; print(torch.__version__)')
  echo "$version, GPT-2 written with addmm and a cache that is allocated once"
  exit
fi
[ "$2" != int8 ] || exit 0
weights=$model/model.safetensors
need "$weights"
case $1 in
  decode | prefill) python3 $here/torch_bench.py "$1" "$model" "$2" "$3" ;;
  start | scores)
    first_token "$1" "$weights" python3 $here/torch_bench.py start "$model" "$2" "$3"
    ;;
esac
