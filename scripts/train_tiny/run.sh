#!/usr/bin/env bash
# Makes models/tiny from nothing: vocabulary, training, figures, samples, model card.
# Run it again after an interruption: training goes on from its last checkpoint.
#
#   scripts/train_tiny/run.sh [WORK_DIR]        default: build/train_tiny
set -euo pipefail

case ${1-} in
-*)
	echo "usage: scripts/train_tiny/run.sh [WORK_DIR] (build/train_tiny)"
	[ "$1" = -h ] || [ "$1" = --help ] || exit 2
	exit
	;;
esac
cd "$(dirname "$0")/../.."
work=${1:-build/train_tiny}
here=scripts/train_tiny

# Old settings of the mathematics library slow it down. One thread is the fastest with matrices as small as ours.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

python=${PYTHON:-python3}
"$python" -c 'import torch' || {
	echo "run.sh: PyTorch is missing: sudo apt install python3-torch libopenblas0-openmp" >&2
	exit 1
}
mkdir -p "$work"
[ -f "$work/merges.txt" ] || "$python" $here/bpe.py --work "$work"
"$python" $here/heldout.py
"$python" $here/train.py --work "$work"
"$python" $here/export.py --work "$work" --out models/tiny
"$python" $here/probes.py --work "$work"
"$python" $here/samples.py --work "$work"
"$python" $here/slips.py --work "$work"
"$python" $here/model_card.py --work "$work" --out models/tiny
