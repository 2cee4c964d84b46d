#!/usr/bin/env bats
# What scripts/setup.sh says when it cannot go on. (download.bats has the tests of
# scripts/download_model.sh, bench.bats those of scripts/bench.sh.) Nothing here installs anything.
# shellcheck disable=SC2154  # status, output, stderr: set by run

load support

# Leaves a script only the tools that its first lines need: no compiler, no package manager.
only_these_tools() {
  mkdir "$BATS_TEST_TMPDIR/tools"
  local name
  for name in "$@"; do ln -s "$(command -v "$name")" "$BATS_TEST_TMPDIR/tools"; done
}

@test "setup.sh refuses an unknown argument, and names those it knows" {
  run --separate-stderr "$ROOT/scripts/setup.sh" --test
  equal "status $status, $output" "status 2, "
  contains "$stderr" "'--test'" --tests --check
}

@test "setup.sh says what to install where it knows no package manager" {
  only_these_tools sh dirname
  run --separate-stderr env PATH="$BATS_TEST_TMPDIR/tools" sh "$ROOT/scripts/setup.sh"
  equal "$status" 1
  contains "$stderr" "no package manager" "install" compiler make pkg-config cjson utf8proc "again"
}

@test "setup.sh --check says how to install what is missing" {
  only_these_tools sh dirname
  run --separate-stderr env PATH="$BATS_TEST_TMPDIR/tools" sh "$ROOT/scripts/setup.sh" --check
  equal "$status" 1
  contains "$output" Missing: compiler "scripts/setup.sh without --check"
}

@test "setup.sh says what to do when the packages did not bring all" {
  only_these_tools sh dirname grep id env
  printf '#!/bin/sh\nexit 0\n' >"$BATS_TEST_TMPDIR/tools/apk" # a manager that installs nothing
  printf '#!/bin/sh\nexec "$@"\n' >"$BATS_TEST_TMPDIR/tools/sudo"
  chmod +x "$BATS_TEST_TMPDIR/tools/apk" "$BATS_TEST_TMPDIR/tools/sudo"
  run --separate-stderr env PATH="$BATS_TEST_TMPDIR/tools" sh "$ROOT/scripts/setup.sh"
  equal "$status" 1
  contains "$stderr" "still missing" compiler "by hand" "again"
}

@test "make refuses a build folder that its rules cannot name" {
  cd "$ROOT"
  BUILD='two words' run --separate-stderr make help
  equal "$status" 2
  contains "$stderr" 'BUILD="two words"' "without spaces"
  BUILD='' run --separate-stderr make help
  equal "$status" 2
  contains "$stderr" 'BUILD=""'
}

@test "a big-endian processor is refused by the compiler, with the reason" {
  cd "$ROOT"
  # CC and the flags are words without quotes.
  # shellcheck disable=SC2046,SC2086
  run --separate-stderr ${CC:-cc} -std=c11 -w -fsyntax-only -U__BYTE_ORDER__ \
    -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__ $(pkg-config --cflags libcjson) common/safetensors.c
  equal "$((status > 0))" 1
  contains "$stderr" "it needs a little-endian processor"
}

@test "make finds headers in any folder, those of the tests too, and does not warn about them" {
  local tools=$BATS_TEST_TMPDIR
  printf '#!/bin/sh\ncase $* in\n*--cflags*cmocka*) echo -I/for/tests ;;\n%s\nesac\n' \
    '*--cflags*) echo -I/for/all ;;' >"$tools/pkg-config"
  chmod +x "$tools/pkg-config"
  run make -n -C "$ROOT" BUILD="$tools" PKG_CONFIG="$tools/pkg-config" "$tools/tests/unit/test_error.o"
  contains "$output" "-isystem/for/tests" "-isystem/for/all"
  lacks "$output" "-I/for/"
  run make -n -C "$ROOT" BUILD="$tools" PKG_CONFIG="$tools/pkg-config" "$tools/common/utf8.o"
  contains "$output" "-isystem/for/all"
  lacks "$output" "-I/for/" "for/tests"
}
