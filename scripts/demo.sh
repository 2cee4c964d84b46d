#!/bin/sh
# From a fresh clone to text: installs what building needs, builds ./gpt2, and runs it.
#
#   scripts/demo.sh                                   with a prompt of ours
#   scripts/demo.sh "The queue filled up because"     with yours
set -eu
cd "$(dirname "$0")/.."

scripts/setup.sh
make -s -j2 gpt2

prompt=${1-The server crashed because}
if [ -e models/gpt2/model.safetensors ] || [ -e models/tiny/model.safetensors ]; then
  set -- ./gpt2 -s 3 # the seed makes it the same text every time, the one on the page
else
  # No trained model is here: one with random weights shows that all parts work, but it has
  # learned nothing and writes noise.
  make -s tests
  build/tests/random_model build/random_model --n-layer 4 --n-head 4 --n-embd 128 --n-ctx 256 \
    --vocab-size 1024
  echo "No trained model is here yet, so this one has random weights: expect noise, not text."
  echo "scripts/download_model.sh gets the real GPT-2 (548 MB)."
  set -- ./gpt2 -s 3 -m build/random_model
fi
printf '\n  %s "%s"\n\n' "$*" "$prompt"
exec "$@" -- "$prompt"
