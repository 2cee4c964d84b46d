#!/bin/sh
# Checks models against facts that others computed: a random model always, the real GPT-2 and the
# bundled model where they are. TAP on standard output.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
facts=tests/golden/facts
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The arguments stand in the file as "arguments": ["--n-layer", "2", ...]; none has a space.
arguments=$(tr -d '\n' <$facts/random.json | sed 's/.*"arguments": *\[\([^]]*\)\].*/\1/; s/[",]/ /g')
# shellcheck disable=SC2086
"$BUILD/tests/random_model" "$work/model" $arguments
"$BUILD/tests/facts" "$work/model" $facts/random.json

# The checker itself must notice a wrong fact.
sed 's/"top_id": [0-9]*/"top_id": 1/' $facts/random.json >"$work/wrong.json"
if "$BUILD/tests/facts" "$work/model" "$work/wrong.json" >/dev/null; then
  echo "not ok - wrong facts are noticed"
else
  echo "ok - wrong facts are noticed"
fi

for name in gpt2 tiny; do
  [ -e $facts/$name.json ] || continue
  if [ -e models/$name/model.safetensors ]; then
    "$BUILD/tests/facts" models/$name $facts/$name.json
  else
    echo "ok - facts about models/$name # SKIP models/$name is not here"
  fi
done

# The bundled model is the one that its model card describes.
if [ -e models/tiny/README.md ]; then
  grep -E '^[0-9a-f]{64}  ' models/tiny/README.md >"$work/hashes"
  if command -v sha256sum >/dev/null; then sum=sha256sum; else sum='shasum -a 256'; fi
  if [ "$(wc -l <"$work/hashes")" -eq 4 ] && (cd models/tiny && $sum -c "$work/hashes") >/dev/null; then
    echo "ok - the files of models/tiny have the hashes of its model card"
  else
    echo "not ok - the files of models/tiny have the hashes of its model card"
  fi
fi
