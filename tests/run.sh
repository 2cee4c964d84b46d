#!/bin/sh
# Runs all tests and counts them. Every suite speaks TAP ("ok 1 - name", "not ok 2 - name"), so one
# count serves all; the last line is "N passed, N failed, N skipped".
#
#   tests/run.sh            everything
#   tests/run.sh unit cli   some suites: unit golden cli fuzz docs sanitize threads
# BUILD is the folder that `make` built in; `make tests gpt2` has to come first.
# SUITE_SECONDS is how long one suite may take, for machines on which 15 minutes are not enough.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
export BUILD
LOG=$BUILD/tests/log
mkdir -p "$LOG" || exit 1
rm -f "$LOG"/*.tap

# No suite takes minutes: one that hangs is ended. (macOS has no timeout command.)
limit=
command -v timeout >/dev/null 2>&1 && limit="timeout ${SUITE_SECONDS:-900}"

# run_suite NAME COMMAND...: runs one TAP producer, shows its failures, keeps its output. A
# producer that ends badly without a "not ok" line (a crash) counts as one failure.
run_suite() {
  name=$1
  shift
  printf '%-28s' "$name"
  # shellcheck disable=SC2086
  $limit "$@" >"$LOG/$name.tap" 2>"$LOG/$name.err"
  status=$?
  # cmocka calls a test that it skips "not ok 3 # SKIP name".
  sed -i.raw 's/^not ok \([0-9]*\) # SKIP \(.*\)/ok \1 - \2 # SKIP/' "$LOG/$name.tap"
  if [ "$status" -ne 0 ] && ! grep -q '^not ok' "$LOG/$name.tap"; then
    echo "not ok 0 - $name ended with status $status" >>"$LOG/$name.tap"
  fi
  if ! grep -Eq '^(ok|not ok)' "$LOG/$name.tap"; then
    echo "not ok 0 - $name ran no test" >>"$LOG/$name.tap"
  fi
  awk '/^ok.*# [Ss][Kk][Ii][Pp]/ { s++; next } /^ok/ { p++ } /^not ok/ { f++ }
    END { printf "%4d passed, %d failed, %d skipped\n", p, f, s }' "$LOG/$name.tap"
  if grep -q '^not ok' "$LOG/$name.tap"; then
    grep -A 12 '^not ok' "$LOG/$name.tap" | head -60
    head -40 "$LOG/$name.err"
  fi
}

# left_out SUITE REASON: one skipped test stands for what cannot run here.
left_out() {
  printf '%-28s left out: %s\n' "$1" "$2"
  echo "ok - $1 # SKIP $2" >"$LOG/$1.tap"
}

# bats and the sanitizers read /proc. In a bare chroot it can be missing: say so and go on.
lacks_proc() { # SUITE
  [ "$(uname)" = Linux ] && [ ! -e /proc/self ] || return 1
  left_out "$1" "there is no /proc (mount -t proc proc /proc)"
}

unit() {
  for program in "$BUILD"/tests/test_*; do
    case $program in *.*) continue ;; esac
    CMOCKA_MESSAGE_OUTPUT=TAP run_suite "unit-$(basename "$program")" "$program"
  done
}

golden() {
  run_suite golden-forward tests/golden/check.sh
  run_suite golden-mutants tests/golden/mutants.sh
  run_suite golden-facts tests/golden/check_facts.sh
}

cli() {
  lacks_proc cli && return
  for file in tests/cli/*.bats; do
    run_suite "cli-$(basename "$file" .bats)" bats --tap "$file"
  done
}

# Inputs that fuzzing began with or found, each a test. Looking for new ones is `make fuzz`.
fuzz() { # [FOLDER NAME]: the build with its fuzz targets, and what to call the suites
  for program in "${1:-$BUILD}"/tests/fuzz_*; do
    case $program in *.*) continue ;; esac
    target=${program##*/fuzz_}
    # The names of the inputs have no spaces.
    # shellcheck disable=SC2046
    run_suite "${2:-fuzz}-$target" "$program" $(find "tests/fuzz/corpus/$target" \
      "tests/fuzz/found/$target" -type f 2>/dev/null | sort)
  done
}

docs() {
  run_suite docs-woven tests/docs/check.sh
  # A model with the shapes of GPT-2 124M that cuts texts like models/tiny does. It takes seconds
  # and half a gigabyte, so it is made once.
  [ -e "$BUILD/tests/gpt2_shapes/model.safetensors" ] ||
    "$BUILD/tests/random_model" "$BUILD/tests/gpt2_shapes" --gpt2 --masks \
      --rules models/tiny/merges.txt
  run_suite docs-pages tests/docs/pages.py "$BUILD/tests/gpt2_shapes"
}

# sanitizer_works KIND: whether a program that it watches comes to a good end. Some systems lack a
# sanitizer, some kernels place memory where it cannot work, and under a debugger or an emulator it
# cannot look for leaks.
sanitizer_works() {
  echo 'int main(void) { return 0; }' |
    ${CC:-cc} -x c "-fsanitize=$1" - -o "$LOG/probe" 2>"$LOG/probe.err" &&
    "$LOG/probe" 2>"$LOG/probe.err"
}

# All unit tests and goldens again, with the compiler watching memory and undefined behaviour.
sanitize() {
  lacks_proc sanitize && return
  watching=address,undefined
  if ! sanitizer_works $watching; then
    export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
    if ! sanitizer_works $watching; then
      left_out sanitize "the address sanitizer does not work here"
      return
    fi
    left_out sanitize-leaks "the address sanitizer cannot look for leaks here"
  fi
  make -s BUILD="$BUILD/sanitize" CFLAGS="-O3 -g1" SANITIZE=$watching gpt2 tests || {
    echo "not ok 0 - the build with sanitizers failed" >"$LOG/sanitize.tap"
    return
  }
  for program in "$BUILD"/sanitize/tests/test_*; do
    case $program in *.*) continue ;; esac
    CMOCKA_MESSAGE_OUTPUT=TAP run_suite "sanitize-$(basename "$program")" "$program"
  done
  BUILD="$BUILD/sanitize" run_suite sanitize-forward tests/golden/check.sh
  fuzz "$BUILD/sanitize" sanitize-fuzz
}

# What several threads do, with the compiler watching for accesses that nothing orders.
threads() {
  lacks_proc threads && return
  if ! sanitizer_works thread; then
    left_out threads "the thread sanitizer does not work here"
    return
  fi
  watched="$BUILD/threads"
  make -s BUILD="$watched" CFLAGS="-O1 -g1" SANITIZE=thread "$watched/tests/test_threads" \
    "$watched/tests/test_gpt2" "$watched/tests/random_model" || {
    echo "not ok 0 - the build with the thread sanitizer failed" >"$LOG/threads.tap"
    return
  }
  for name in threads gpt2; do
    CMOCKA_MESSAGE_OUTPUT=TAP run_suite "threads-test_$name" "$watched/tests/test_$name"
  done
}

[ $# -gt 0 ] || set -- unit golden cli fuzz docs sanitize threads
for suite in "$@"; do
  "$suite"
done

if grep -q '^not ok' "$LOG"/*.tap; then
  echo
  echo "Failed:"
  grep -H '^not ok' "$LOG"/*.tap | sed "s|^$LOG/||"
fi
echo
cat "$LOG"/*.tap | awk '/^ok.*# [Ss][Kk][Ii][Pp]/ { s++; next } /^ok/ { p++ } /^not ok/ { f++ }
  END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0 }'
