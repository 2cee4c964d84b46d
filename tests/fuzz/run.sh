#!/bin/sh
# Lets libFuzzer look for inputs that break the library, with the address and undefined-behaviour
# sanitizers watching; `make fuzz` runs this.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]     SECONDS for each target (60), all targets
#
# New inputs that reach new code stay in BUILD/fuzz/corpus for the next run. One that breaks
# something is put into found/TARGET, from where every run of the tests feeds it in again.
set -u
cd "$(dirname "$0")/../.." || exit 1
seconds=${1:-60}
case $seconds in '' | 0* | *[!0-9]*)
  echo "run.sh: found '$seconds', expected the number of seconds, such as make fuzz SECONDS=60" >&2
  exit 2
  ;;
esac
[ $# -eq 0 ] || shift
clang=${FUZZ_CC:-clang}
here=tests/fuzz
build=${BUILD:-build}/fuzz
mkdir -p "$build" || exit 1

if ! echo 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d && n > 9; }' |
  "$clang" -x c -fsanitize=fuzzer,address,undefined - -o "$build/probe" 2>"$build/probe.err"; then
  echo "run.sh: $clang cannot build with libFuzzer (see $build/probe.err); on Debian and Ubuntu:" \
    "apt-get install clang libclang-rt-dev, or FUZZ_CC=clang-14 with libclang-rt-14-dev" >&2
  exit 1
fi
make -s BUILD="$build" CC="$clang" CFLAGS='-O1 -g -fsanitize=float-cast-overflow' \
  SANITIZE=fuzzer,address,undefined FUZZ_MAIN= fuzz_targets || exit 1

if [ $# -eq 0 ]; then
  for file in "$here"/fuzz_*.c; do
    file=${file##*/fuzz_}
    set -- "$@" "${file%.c}"
  done
fi
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1
place=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || place=/dev/shm # files in memory: thousands are written every second
scratch=$(mktemp -d "$place/gpt2_fuzz.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
failed=0
for target in "$@"; do
  dict=$here/dict/${target%%_*}.dict
  mkdir -p "$build/corpus/$target" "$here/found/$target"
  set -- "$build/corpus/$target" "$here/corpus/$target" "$here/found/$target"
  [ ! -e "$dict" ] || set -- -dict="$dict" "$@"
  printf '%-22s' "$target"
  TMPDIR=$scratch "$build/tests/fuzz_$target" -max_total_time="$seconds" -max_len=20000 \
    -timeout=10 -rss_limit_mb=4096 -malloc_limit_mb=1048576 -print_final_stats=1 \
    -artifact_prefix="$here/found/$target/" "$@" >"$build/$target.log" 2>&1
  status=$?
  awk '/^#[0-9]+.*cov:/ { sub(/.*cov: /, ""); cov = $1; if (match($0, /corp: [0-9]+/))
      corp = substr($0, RSTART + 6, RLENGTH - 6) }
    /stat::number_of_executed_units/ { runs = $2 }
    END { printf "%10d runs, %5d branches covered, %5d inputs kept\n", runs, cov, corp }' \
    "$build/$target.log"
  if [ "$status" -ne 0 ]; then
    failed=1
    grep -E 'ERROR|SUMMARY|does not hold|runtime error|Test unit written' "$build/$target.log"
  fi
  rmdir "$here/found/$target" 2>/dev/null
done
exit "$failed"
