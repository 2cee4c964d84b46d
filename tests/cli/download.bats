#!/usr/bin/env bats
# scripts/download_model.sh: whole downloads, breaks and going on after them, two runs at once.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2086,SC2154 # sizes are numbers; output, stderr and status are bats's

load download_support

# ---- when all is well

whole_download() {
  use "$1"; hub whole
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  [ "$output" = "$DIR is ready. Try: ./gpt2 -m \"$DIR\" \"The server crashed because\"" ]
  whole
  asked "GET .*/openai-community/gpt2/resolve/$REVISION/model.safetensors "
}
@test "curl: a whole download" { whole_download curl; }
@test "wget: a whole download" { whole_download wget; }

@test "the default is gpt2 in models/gpt2 of the repository, wherever one stands" {
  hub whole
  mkdir -p "$BATS_TEST_TMPDIR/a repository/scripts"
  cp "$SCRIPT" "$BATS_TEST_TMPDIR/a repository/scripts"
  cd /
  run --separate-stderr "$BATS_TEST_TMPDIR/a repository/scripts/download_model.sh"
  [ "$status" -eq 0 ]
  [ "$output" = 'models/gpt2 is ready. Try: ./gpt2 "The server crashed because"' ]
  DIR="$BATS_TEST_TMPDIR/a repository/models/gpt2"
  whole
}

@test "each model comes from its own repository" {
  hub whole
  local model repo
  for model in gpt2-medium gpt2-large gpt2-xl distilgpt2; do
    repo=openai-community/$model
    [ $model != distilgpt2 ] || repo=distilbert/distilgpt2
    DIR=$BATS_TEST_TMPDIR/$model
    download $model "$DIR"
    [ "$status" -eq 0 ]
    whole
    asked "GET .*/$repo/resolve/main/vocab.json "
  done
}

@test "a second run fetches nothing and says so" {
  hub whole
  download gpt2 "$DIR"
  local before after
  before=$(requests | wc -l)
  touch -t 200001010000 "$DIR"/*
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  says "already complete"
  after=$(requests | wc -l)
  [ "$before" -eq "$after" ]
  [ -z "$(find "$DIR" -type f -newermt 2001-01-01)" ]
  whole
}

@test "only what is missing is fetched" {
  hub whole
  download gpt2 "$DIR"
  rm "$DIR/vocab.json"
  local before
  before=$(requests | wc -l)
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  [ "$(requests | tail -n +$((before + 1)) | cut -d ' ' -f 1)" = "HEAD
GET" ]
  [[ $(requests | tail -n 1) == *vocab.json* ]]
}

@test "a folder with blanks, umlauts and signs in its name" {
  local tool
  for tool in curl wget; do
    use $tool; hub cut
    DIR=$BATS_TEST_TMPDIR/"ein Ordner für \$HOME & #1 100%s '$tool'"
    download gpt2 "$DIR"
    [ "$status" -eq 0 ]
    whole
    download gpt2 "$DIR"
    says "already complete"
  done
}

@test "the script runs under every shell that is here" {
  local shell found=0
  for shell in dash "bash --posix" bash "busybox ash" "zsh --emulate sh" ksh; do
    command -v "${shell%% *}" >/dev/null || continue
    found=$((found + 1))
    export HF_ENDPOINT=http://127.0.0.1:$PORT/cut/$BATS_TEST_NUMBER/$found
    DIR=$BATS_TEST_TMPDIR/$found
    # shellcheck disable=SC2086 # the shell and its option
    run $shell "$SCRIPT" gpt2 "$DIR"
    echo "$shell: $output"
    [ "$status" -eq 0 ]
    whole
  done
  [ "$found" -gt 1 ]
}

@test "BusyBox's tools are enough beside curl" {
  command -v busybox >/dev/null || skip "no busybox here"
  use curl; hub cut
  ONLY_PATH=$BATS_TEST_TMPDIR/tools
  mkdir "$ONLY_PATH"
  local name
  for name in $(busybox --list); do ln -s "$(command -v busybox)" "$ONLY_PATH/$name"; done
  ln -sf "$(command -v curl)" "$ONLY_PATH/curl"
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  rm "$DIR/model.safetensors"
  hub no-head-altered
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "expected  SHA-256"
}

@test "shellcheck has nothing to say" {
  command -v shellcheck >/dev/null || skip "no shellcheck here"
  shellcheck "$SCRIPT"
}

@test "the table holds a size and a SHA-256 for each file of gpt2" {
  local name
  for name in $FILES; do
    grep -qE "^gpt2 $name [1-9][0-9]* [0-9a-f]{64}$" "$HERE/../../scripts/model_hashes.txt"
  done
}

on_a_terminal() {
  python3 -c 'import os; os.openpty()' 2>/dev/null || skip "this system gives no pseudo-terminals"
  use "$1"; hub whole
  only_weights_missing
  run python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' sh "$SCRIPT" gpt2 "$DIR"
  [ "$status" -eq 0 ]
  [[ $output == *"100"*"%"* ]]
}
@test "curl: a progress bar on a terminal" { on_a_terminal curl; }
@test "wget: a progress bar on a terminal" { on_a_terminal wget; }

@test "no progress bar elsewhere: a line for each file" {
  hub whole
  download gpt2 "$DIR"
  [ "$(wc -l <<<"$stderr")" -eq 4 ]
  says "model.safetensors: fetching bytes 0 to $WEIGHTS_SIZE"
}

# ---- breaks, and going on after them

cut_in_the_middle() {
  use "$1"; hub cut
  only_weights_missing
  download "$2" "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET .*/model.safetensors bytes=$((WEIGHTS_SIZE / 2))- .* 206"
}
@test "curl: a cut in the middle is mended with a range request" { cut_in_the_middle curl gpt2; }
@test "wget: a cut in the middle is mended with a range request" { cut_in_the_middle wget gpt2; }
@test "curl: a cut in the middle, for a model without a table" { cut_in_the_middle curl gpt2-medium; }
@test "wget: a cut in the middle, for a model without a table" { cut_in_the_middle wget gpt2-medium; }

cut_without_ranges() {
  use "$1"; hub cut-no-ranges
  only_weights_missing
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET .*/model.safetensors bytes=$((WEIGHTS_SIZE / 2))- .* 200"
}
@test "curl: a server that ignores ranges starts over" { cut_without_ranges curl; }
@test "wget: a server that ignores ranges starts over" { cut_without_ranges wget; }

cut_always() {
  use "$1"; hub cut-always
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "not whole after 5 tries: found 5000 bytes, expected $WEIGHTS_SIZE"
  nothing_final
  [ "$(part_size)" -eq 5000 ]
  hub whole
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET .*/model.safetensors bytes=5000-"
}
@test "curl: after five tries it gives up, keeps the part, and the next run goes on" { cut_always curl; }
@test "wget: after five tries it gives up, keeps the part, and the next run goes on" { cut_always wget; }

busy() {
  use "$1"; hub busy
  only_weights_missing
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  says "the server answered 503"
  whole
}
@test "curl: a server that is busy is asked again" { busy curl; }
@test "wget: a server that is busy is asked again" { busy wget; }

complete_part() {
  use "$1"; hub whole
  only_weights_missing
  leave_part $WEIGHTS_SIZE
  download "$2" "$DIR"
  [ "$status" -eq 0 ]
  whole
  refute asked "GET .*/model.safetensors"
}
@test "curl: a part that is complete gets its name" { complete_part curl gpt2; }
@test "wget: a part that is complete gets its name" { complete_part wget gpt2; }
@test "curl: a complete part, for a model without a table" { complete_part curl gpt2-medium; }
@test "wget: a complete part, for a model without a table" { complete_part wget gpt2-medium; }

part_of_unknown_length() {
  use "$1"; hub no-head
  only_weights_missing
  leave_part $WEIGHTS_SIZE # complete, but nobody tells: the range request is answered 416
  download gpt2-medium "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET .*/model.safetensors bytes=$WEIGHTS_SIZE- .* 416"
  rm "$DIR/model.safetensors"
  leave_part $WEIGHTS_SIZE
  echo "too much" >>"$DIR/model.safetensors.part"
  download gpt2-medium "$DIR"
  if [ "$status" -ne 0 ]; then # wget takes 416 for "all is here" and the check finds the fault; curl starts over
    says "found     $((WEIGHTS_SIZE + 9)) bytes"
    says "expected  $WEIGHTS_SIZE bytes"
    download gpt2-medium "$DIR"
  fi
  [ "$status" -eq 0 ]
  whole
}
@test "curl: no endless 416 when no size is known" { part_of_unknown_length curl; }
@test "wget: no endless 416 when no size is known" { part_of_unknown_length wget; }

part_too_long() {
  use "$1"; hub whole
  only_weights_missing
  leave_part $WEIGHTS_SIZE
  echo "too much" >>"$DIR/model.safetensors.part"
  download "$2" "$DIR"
  [ "$status" -eq 0 ]
  says "starting over"
  whole
}
@test "curl: a part that is too long is fetched anew" { part_too_long curl gpt2; }
@test "wget: a part that is too long is fetched anew" { part_too_long wget gpt2; }
@test "curl: a part that is too long, for a model without a table" { part_too_long curl gpt2-medium; }

killed() {
  use "$1"; hub held
  only_weights_missing
  start gpt2 "$DIR"
  local left_behind
  left_behind=$(cat "$DIR/.download.lock/child")
  kill -9 "$RUN"
  wait "$RUN" || true
  refute gone "$left_behind" # curl or wget goes on writing
  hub whole
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  says "stopping the download that a killed run left behind (process $left_behind)"
  wait_for gone "$left_behind"
  whole
  asked "GET .*/model.safetensors bytes=[1-9][0-9]*- .* 206"
}
@test "curl: killed with -9 in the middle, then run again" { killed curl; }
@test "wget: killed with -9 in the middle, then run again" { killed wget; }

interrupted() {
  use "$1"; hub held
  start gpt2 "$DIR"
  local child code=0
  child=$(cat "$DIR/.download.lock/child")
  kill -INT "$RUN"
  wait "$RUN" || code=$?
  [ "$code" -eq 130 ]
  grep -q "Run this script again" "$BATS_TEST_TMPDIR/err"
  wait_for gone "$child"
  nothing_final
  [ "$(part_size)" -gt 0 ]
  hub whole
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET .*/model.safetensors bytes=[1-9][0-9]*- .* 206"
}
@test "curl: Ctrl-C keeps the part, and the next run goes on" { interrupted curl; }
@test "wget: Ctrl-C keeps the part, and the next run goes on" { interrupted wget; }

# ---- two at once

@test "two runs at once: one works, the other says who is at work" {
  hub held
  only_weights_missing
  start gpt2 "$DIR"
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "another run of this script (process $RUN) is at work in $DIR"
  [ -d "$DIR/.download.lock" ]
  touch "$BATS_FILE_TMPDIR/go-$BATS_TEST_NUMBER"
  wait "$RUN"
  whole
}

@test "the lock of a dead run is taken over, by one of two that try at once" {
  hub whole
  local other code
  for _ in 1 2 3 4; do
    rm -rf "$DIR"
    only_weights_missing
    mkdir "$DIR/.download.lock"
    sh -c 'echo $$' >"$DIR/.download.lock/owner"
    sh "$SCRIPT" gpt2 "$DIR" >/dev/null 2>&1 3>&- &
    other=$! code=0
    download gpt2 "$DIR"
    wait $other || code=$?
    [ "$status" -eq 0 ] || [ $code -eq 0 ]
    whole
  done
}

@test "a lock that another run has taken over a moment ago is given back" {
  hub whole
  only_weights_missing
  mkdir "$DIR/.download.lock"
  sh -c 'echo $$' >"$DIR/.download.lock/owner"
  sh -c 'sleep 20; :' download_model >/dev/null 2>&1 3>&- & # the other run, as far as its command line tells
  local other=$!
  fake mv <<END
#!/bin/sh
# Between the look at the dead run's lock and its removal, the other run is quicker.
echo $other >"\$1/owner"
exec "$(command -v mv)" "\$@"
END
  download gpt2 "$DIR"
  kill $other
  [ "$status" -eq 1 ]
  says "another run of this script (process $other) is at work in $DIR"
  [ "$(cat "$DIR/.download.lock/owner")" = $other ]
  refute test -e "$DIR/model.safetensors"
}

@test "the lock of a dead run whose number a stranger has by now is taken over" {
  hub whole
  only_weights_missing
  mkdir "$DIR/.download.lock"
  sleep 60 3>&- &
  echo $! >"$DIR/.download.lock/owner"
  cp "$DIR/.download.lock/owner" "$DIR/.download.lock/child"
  download gpt2 "$DIR"
  kill $! # the stranger is still there
  [ "$status" -eq 0 ]
  whole
}

@test "a lock without an owner is taken over" {
  hub whole
  only_weights_missing
  mkdir "$DIR/.download.lock"
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
}
