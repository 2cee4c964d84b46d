#!/bin/sh
# Checks that the pages show what the programs print. (pages.py checks the rest of the pages.)
# TAP on standard output.
set -u
cd "$(dirname "$0")/../.." || exit 1
n=0

report() { # STATUS NAME
  n=$((n + 1))
  if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

name="the output on the pages is what the programs print (make docs mends it)"
if [ "${BUILD:-build}" = build ]; then
  difference=$(python3 scripts/weave.py --check 2>&1)
  report $? "$name"
  [ -z "$difference" ] || echo "$difference" | sed 's/^/# /' | head -40
else
  report 0 "$name # SKIP the pages run what stands in build/, and this is another folder"
fi

# A program that prints something else must be noticed: the same check on a changed page.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir "$copy/scripts"
cp scripts/weave.py "$copy/scripts/"
# shellcheck disable=SC2016
printf '<!-- output: echo one 0.5001 -->\n```text\none 0.5\n```\n' >"$copy/README.md"
python3 "$copy/scripts/weave.py" --check >/dev/null 2>&1
report $? "a number that is rounded differently is let pass"
# shellcheck disable=SC2016
printf '<!-- output: echo 9.25 ms 31.5 %% of the time 7.0 %% of the FLOPs -->\n```text\n%s\n```\n' \
  '12.5 ms 4.0 % of the time 7.0 % of the FLOPs' >"$copy/README.md"
python3 "$copy/scripts/weave.py" --check >/dev/null 2>&1
report $? "a time, and a share of the time, is let pass"
# shellcheck disable=SC2016
printf '<!-- output: echo "kernels      avx2" -->\n```text\nkernels      portable\n```\n' >"$copy/README.md"
python3 "$copy/scripts/weave.py" --check >/dev/null 2>&1
report $? "the name of the processor's kernels is let pass"
# shellcheck disable=SC2016
printf '<!-- output: echo "sum (largest difference below 1e-05)   ok" -->\n```text\n%s\n```\n' \
  'sum (largest difference below 1e-06)   ok' >"$copy/README.md"
python3 "$copy/scripts/weave.py" --check >/dev/null 2>&1
report $? "the power of ten above a small difference is let pass"
# shellcheck disable=SC2016
printf '<!-- output: echo one 0.6 -->\n```text\none 0.5\n```\n' >"$copy/README.md"
python3 "$copy/scripts/weave.py" --check >/dev/null 2>&1
[ $? -eq 1 ]
report $? "a wrong number on a page is noticed"
python3 "$copy/scripts/weave.py" >/dev/null && grep -q 'one 0.6' "$copy/README.md"
report $? "weaving mends the page"

echo "1..$n"
