#!/bin/sh
# onnxruntime as a peer of scripts/bench.sh: npm's onnxruntime-node on the graph that to_onnx.py made.
#
#   onnxruntime.sh version
#   onnxruntime.sh decode|prefill|start|scores FORMAT THREADS
#
# It has no format but f32 here.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

need "$peers/node_modules/onnxruntime-node"
module=$(cd "$peers/node_modules/onnxruntime-node" && pwd)
weights=$peers/models/gpt2.onnx
if [ "$what" = version ]; then
  need "$weights"
  version=$(node -p 'require(process.argv[1] + "/package.json").version' "$module")
  echo "$version (npm onnxruntime-node), a graph exported by PyTorch, with past keys and values"
  exit
fi
[ "$format" = f32 ] || exit 0
need "$weights"
case $what in
  decode | prefill) node $here/onnx_bench.js "$module" "$what" "$weights" "$threads" ;;
  start | scores)
    first_token "$weights" node $here/onnx_bench.js "$module" start "$weights" "$threads"
    ;;
esac
