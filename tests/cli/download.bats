#!/usr/bin/env bats
# scripts/download_model.sh against a server on this machine that misbehaves on request (http_server.py).
# Nothing here reaches the internet, and the model is a made-up one of 300 KB.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be

bats_require_minimum_version 1.5.0

HERE=$BATS_TEST_DIRNAME
SCRIPT=$HERE/../../scripts/download_model.sh
FILES='model.safetensors config.json vocab.json merges.txt'
WEIGHTS_SIZE=300324
REVISION=607a30d783dfa663caf39e06633721c8d4cfcd7e

setup_file() {
  export FOLDER=$BATS_FILE_TMPDIR/served TABLE=$BATS_FILE_TMPDIR/table LOG=$BATS_FILE_TMPDIR/log
  mkdir "$FOLDER"
  python3 - "$FOLDER" "$TABLE" <<'END'
import hashlib, json, os, random, sys
folder, table = sys.argv[1:]
numbers = 75000
header = json.dumps({"__metadata__": {"format": "pt"},
                     "wte.weight": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, 4 * numbers]}}).encode()
header += b" " * (256 + ord("<") - len(header)) # so that the file begins with "<", as a web page does
data = random.Random(1).getrandbits(32 * numbers).to_bytes(4 * numbers, "little")
contents = {
    "model.safetensors": len(header).to_bytes(8, "little") + header + data,
    "config.json": b'{"n_layer": 1}\n', "vocab.json": b'{"a": 0}\n', "merges.txt": b"#version: 0.2\na b\n"}
with open(table, "w") as lines:
    for name, content in contents.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
        lines.write(f"gpt2 {name} {len(content)} {hashlib.sha256(content).hexdigest()}\n")
END
  python3 "$HERE/http_server.py" "$FOLDER" "$BATS_FILE_TMPDIR/port" "$LOG" >/dev/null 2>&1 3>&- &
  export SERVER=$!
  wait_for test -s "$BATS_FILE_TMPDIR/port"
  PORT=$(cat "$BATS_FILE_TMPDIR/port")
  export PORT
}

teardown_file() {
  kill "$SERVER"
}

setup() {
  unset HF_TOKEN HF_ENDPOINT DOWNLOADER http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY WGETRC
  export no_proxy=localhost,127.0.0.1 GPT2_MODEL_TABLE=$TABLE DOWNLOAD_PAUSE=0 LC_ALL=C
  DIR=$BATS_TEST_TMPDIR/model
}

teardown() {
  if mountpoint -q "$BATS_TEST_TMPDIR/disk" 2>/dev/null; then umount "$BATS_TEST_TMPDIR/disk"; fi
}

# ---- what the tests are made of

# Repeats a command until it succeeds, for ten seconds at most.
wait_for() {
  local i
  for ((i = 0; i < 200; i++)); do
    if "$@"; then return 0; fi
    sleep 0.05
  done
  echo "waited in vain for: $*"
  return 1
}

refute() { if "$@"; then echo "should have failed: $*"; return 1; fi; }

# Points the script at one of the server's ways to misbehave; the test's number keeps its requests apart.
hub() { export HF_ENDPOINT=http://127.0.0.1:$PORT/$1/$BATS_TEST_NUMBER; }

# The lines of the server's log that this test caused; whether one of them matches a pattern.
requests() { grep -e "/$BATS_TEST_NUMBER/" "$LOG" || true; }
asked() { grep -qE -e "$1" <<<"$(requests)" || { echo "no request matches: $1"; requests; return 1; }; }

use() {
  case $1 in
    wget) [[ $(wget --version 2>/dev/null) == 'GNU Wget 1.'* ]] || skip "no GNU Wget here" ;;
    *) command -v "$1" >/dev/null || skip "no $1 here" ;;
  esac
  export DOWNLOADER=$1
}

download() {
  run --separate-stderr env PATH="${ONLY_PATH:-$PATH}" sh "$SCRIPT" "$@"
  echo "status $status, output: $output, errors: $stderr"
}

says() { [[ $stderr == *"$1"* ]] || { echo "expected on standard error: $1"; return 1; }; }

# Everything arrived unaltered, and nothing else is there.
whole() {
  local name
  for name in $FILES; do cmp "$FOLDER/$name" "$DIR/$name"; done
  [ "$(find "$DIR" | wc -l)" -eq 5 ] || { ls -lA "$DIR"; return 1; }
}

# Nothing got a final name, and the lock is gone.
nothing_final() {
  local name
  for name in $FILES .download.lock; do refute test -e "$DIR/$name"; done
}

# Everything is there but the weights: for the tests that are about them, to be quicker.
only_weights_missing() {
  mkdir -p "$DIR"
  cp "$FOLDER"/*.json "$FOLDER/merges.txt" "$DIR"
}

# The first $1 bytes of the weights, as an interrupted run leaves them.
leave_part() { mkdir -p "$DIR"; head -c "$1" "$FOLDER/model.safetensors" >"$DIR/model.safetensors.part"; }
part_size() { wc -c <"$DIR/model.safetensors.part" | tr -d ' '; }

# Starts the script in the background with the signals of a fresh terminal (a test's background jobs ignore Ctrl-C),
# and waits until the weights are arriving.
start() {
  python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp("sh", ["sh"] + sys.argv[1:])' "$SCRIPT" "$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
  RUN=$!
  wait_for test -s "$DIR/model.safetensors.part"
}

# Leaves the script the system's tools that it needs, and those given.
only_these_tools() {
  local name
  ONLY_PATH=$BATS_TEST_TMPDIR/tools
  rm -rf "$ONLY_PATH"
  mkdir "$ONLY_PATH"
  for name in sh awk cat cut df dirname grep head mkdir mv od ps rm rmdir sleep tail tr wc "$@"; do
    # ps is not everywhere, and the script can do without it where there is /proc.
    ! command -v "$name" >/dev/null || ln -s "$(command -v "$name")" "$ONLY_PATH/$name"
  done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

# A folder of small programs that come before the real ones.
fake() {
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  cat >"$BATS_TEST_TMPDIR/bin/$1"
  chmod +x "$BATS_TEST_TMPDIR/bin/$1"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

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

# ---- what is not the file

wrong_hash() {
  use "$1"; hub no-head-altered
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  local right altered
  right=$(awk '$2 == "model.safetensors" { print $4 }' "$TABLE")
  altered=$(python3 -c 'import hashlib, sys
data = open(sys.argv[1], "rb").read()
print(hashlib.sha256(data[:-1] + bytes([data[-1] ^ 1])).hexdigest())' "$FOLDER/model.safetensors")
  says "found     SHA-256 $altered"
  says "expected  SHA-256 $right"
  says "Run this script again"
  nothing_final
  refute test -e "$DIR/model.safetensors.part"
}
@test "curl: a wrong hash" { wrong_hash curl; }
@test "wget: a wrong hash" { wrong_hash wget; }

wrong_size() {
  use "$1"; hub longer
  leave_part 1000
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "found     $((WEIGHTS_SIZE + 1)) bytes"
  says "expected  $WEIGHTS_SIZE bytes"
  refute asked GET
  [ "$(part_size)" -eq 1000 ]
  nothing_final
  rm "$DIR/model.safetensors.part"
  hub no-head-shorter
  for model in gpt2 gpt2-medium; do
    download $model "$DIR"
    [ "$status" -eq 1 ]
    says "found     $((WEIGHTS_SIZE - 1)) bytes"
    says "expected  $WEIGHTS_SIZE bytes"
    nothing_final
    refute test -e "$DIR/model.safetensors.part"
  done
}
@test "curl: a wrong size, before and after the download" { wrong_size curl; }
@test "wget: a wrong size, before and after the download" { wrong_size wget; }

no_length() {
  use "$1"; hub no-head
  for model in gpt2 gpt2-medium; do
    DIR=$BATS_TEST_TMPDIR/$model
    download $model "$DIR"
    [ "$status" -eq 0 ]
    whole
  done
}
@test "curl: a server that tells nothing in advance" { no_length curl; }
@test "wget: a server that tells nothing in advance" { no_length wget; }

web_page() {
  use "$1"
  local model mode
  for model in gpt2 gpt2-medium; do
    for mode in html hidden-html; do
      hub $mode
      download $model "$DIR"
      [ "$status" -eq 1 ]
      says "model.safetensors"
      says "web page"
      nothing_final
      refute test -e "$DIR/model.safetensors.part"
    done
    hub html
    leave_part 1000
    download $model "$DIR"
    [ "$status" -eq 1 ]
    nothing_final
    [ "$(part_size)" -eq 1000 ] # a login page must not cost what has arrived already
    hub hidden-html
    download $model "$DIR"
    [ "$status" -eq 1 ]
    nothing_final
    rm -r "$DIR"
  done
}
@test "curl: a web page with status 200 is never taken for the file" { web_page curl; }
@test "wget: a web page with status 200 is never taken for the file" { web_page wget; }

@test "a web page in place of the small files is noticed too" {
  local name
  for name in config.json vocab.json merges.txt; do
    hub hidden-html
    rm -rf "$DIR"
    mkdir "$DIR"
    cp "$FOLDER"/* "$DIR"
    rm "$DIR/$name"
    download gpt2-large "$DIR"
    [ "$status" -eq 1 ]
    says "$name"
    says "web page"
    refute test -e "$DIR/$name"
  done
}

@test "a bad file that is there is named and left alone" {
  hub whole
  mkdir "$DIR"
  printf 'mine' >"$DIR/vocab.json"
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "$DIR/vocab.json is not the file it should be"
  says "rm '$DIR/vocab.json'"
  [ "$(cat "$DIR/vocab.json")" = mine ]
  rm "$DIR/vocab.json"
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  tr 0 1 <"$FOLDER/vocab.json" >"$DIR/vocab.json" # of the right length, and still JSON
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "expected  SHA-256"
}

@test "the same for a model without a table: the weights say how long they are" {
  hub whole
  download gpt2-xl "$DIR"
  [ "$status" -eq 0 ]
  head -c 200000 "$FOLDER/model.safetensors" >"$DIR/model.safetensors"
  download gpt2-xl "$DIR"
  [ "$status" -eq 1 ]
  says "found     200000 bytes"
  says "expected  $WEIGHTS_SIZE bytes"
  printf '\377\377\377\377\377\377\377\377{' >"$DIR/model.safetensors" # a header of 2^64 - 1 bytes
  download gpt2-xl "$DIR"
  [ "$status" -eq 1 ]
  says "expected  safetensors"
}

# ---- what servers and networks answer

refused() {
  use "$1"
  local code
  for code in 401 403; do
    hub $code
    leave_part 1000
    download gpt2 "$DIR"
    [ "$status" -eq 1 ]
    says "the server answered $code"
    says HF_TOKEN
    [ "$(requests | grep -c "/$code/")" -eq 1 ] # asking again would not help
    [ "$(part_size)" -eq 1000 ]
    nothing_final
  done
}
@test "curl: 401 and 403 ask for a token" { refused curl; }
@test "wget: 401 and 403 ask for a token" { refused wget; }

not_there() {
  use "$1"; hub 404
  download gpt2-medium "$DIR"
  [ "$status" -eq 1 ]
  says "the server answered 404: there is no $HF_ENDPOINT/openai-community/gpt2-medium/resolve/main/model.safetensors"
  says "The model or its revision is not there"
  refute test -e "$DIR" # not even an empty folder stays
}
@test "curl: 404 says that the model or revision is not there" { not_there curl; }
@test "wget: 404 says that the model or revision is not there" { not_there wget; }

redirected() {
  use "$1"; hub hub
  download "$2" "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET /storage/.*signed-for=GET .* 200"
  asked "GET /whole/.*/cache/vocab.json"
}
@test "curl: redirects, to storage whose links are good for one method" { redirected curl gpt2; }
@test "wget: redirects, to storage whose links are good for one method" { redirected wget gpt2; }
@test "curl: redirects, for a model without a table" { redirected curl gpt2-medium; }
@test "wget: redirects, for a model without a table" { redirected wget gpt2-medium; }

redirected_badly() {
  use "$1"; hub to-file
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "redirects to 'file:///etc/passwd'"
  nothing_final
  hub round
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "answered 302"
  nothing_final
}
@test "curl: redirects to nowhere good" { redirected_badly curl; }
@test "wget: redirects to nowhere good" { redirected_badly wget; }

# A server with https, known to curl and wget by its own certificate.
https_server() {
  command -v openssl >/dev/null || skip "no openssl here"
  local pem=$BATS_TEST_TMPDIR/pem
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$pem.key" -out "$pem" -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null || skip "openssl cannot make one"
  cat "$pem" >>"$pem.key"
  python3 "$HERE/http_server.py" "$FOLDER" "$BATS_TEST_TMPDIR/port" "$LOG" "$pem.key" >/dev/null 2>&1 3>&- &
  HTTPS_SERVER=$!
  wait_for test -s "$BATS_TEST_TMPDIR/port"
  export CURL_CA_BUNDLE=$pem SSL_CERT_FILE=$pem WGETRC=$BATS_TEST_TMPDIR/wgetrc
  echo "ca_certificate = $pem" >"$WGETRC"
  HTTPS_ENDPOINT=https://localhost:$(cat "$BATS_TEST_TMPDIR/port")
}

https_only() {
  use "$1"; https_server
  export HF_ENDPOINT=$HTTPS_ENDPOINT/whole/$BATS_TEST_NUMBER
  download gpt2 "$DIR"
  local first=$status
  rm -rf "$DIR"
  export HF_ENDPOINT=$HTTPS_ENDPOINT/to-http/$BATS_TEST_NUMBER
  download gpt2 "$DIR"
  kill $HTTPS_SERVER
  [ "$first" -eq 0 ]
  [ "$status" -eq 1 ]
  says "redirects to 'http://127.0.0.1:9/model.safetensors', expected an https address"
}
@test "curl: from https, no redirect leads to http" { https_only curl; }
@test "wget: from https, no redirect leads to http" { https_only wget; }

# Stands in for the downloader and writes down what everyone on the machine can see of it: arguments and environment.
watch() {
  WATCHED=$BATS_TEST_TMPDIR/watched
  fake "$1" <<END
#!/bin/sh
{ printf '%s\n' "\$@"; env; [ ! -e "\${WGETRC:-}" ] || ls -l "\$WGETRC"; } >>"$WATCHED"
exec "$(command -v "$1")" "\$@"
END
}

token() {
  use "$1"; hub token
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  watch "$1"
  HF_TOKEN=hf_secretForTests download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET /token/.*/config.json - Bearer hf_secretForTests 307"
  asked "GET /storage/.*/model.safetensors.* - - 200" # the endpoint's token is not for the storage
  grep -q -- "/model.safetensors" "$WATCHED"
  refute grep -q secretForTests "$WATCHED"
  [ "$1" = curl ] || grep -q '^-rw-------.*wgetrc$' "$WATCHED"
  refute grep -qE '^-rw-(r|...r).*wgetrc$' "$WATCHED"
  [[ $output$stderr != *secretForTests* ]]
  refute grep -rq secretForTests "$DIR"
}
@test "curl: the token reaches the endpoint, and nobody else sees it" { token curl; }
@test "wget: the token reaches the endpoint, and nobody else sees it" { token wget; }

@test "a token that could break out of a configuration file is refused and not shown" {
  hub whole
  HF_TOKEN='hf_x"
output = "/tmp/y' download gpt2 "$DIR"
  [ "$status" -eq 2 ]
  says HF_TOKEN
  [[ $stderr != *hf_x* ]]
}

offline() {
  use "$1"
  # A port of this machine that nothing listens on: it was free a moment ago.
  local port name
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  export HF_ENDPOINT=http://127.0.0.1:$port
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "cannot reach http://127.0.0.1:$port ("
  says "onnect" # curl's or wget's own words follow
  for name in $FILES; do
    says "  http://127.0.0.1:$port/openai-community/gpt2/resolve/$REVISION/$name"
    says "    -> $DIR/$name"
  done
  refute test -e "$DIR"
  # Brought by hand, as the message says: no network is needed any more.
  mkdir "$DIR"
  cp "$FOLDER"/* "$DIR"
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
}
@test "curl: offline, the addresses and the places for them are listed" { offline curl; }
@test "wget: offline, the addresses and the places for them are listed" { offline wget; }

no_such_host() {
  use "$1"
  HF_ENDPOINT=http://no-such-host.invalid download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "cannot reach http://no-such-host.invalid ("
  says "-> $DIR/merges.txt"
}
@test "curl: a name that does not resolve" { no_such_host curl; }
@test "wget: a name that does not resolve" { no_such_host wget; }

# ---- the machine

@test "not enough space is said before anything is fetched" {
  fake df <<'END'
#!/bin/sh
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
echo "map of my disk 999999 983615 16384 99% /a disk"
END
  local model
  for model in gpt2 gpt2-medium; do
    hub hub
    download $model "$DIR"
    [ "$status" -eq 1 ]
    says "not enough space in $DIR"
    says "found     16 MiB free"
    says "Make room"
    refute asked "GET /storage"
    refute test -e "$DIR"
  done
}

full_disk() {
  use "$1"; hub no-head
  mkdir "$BATS_TEST_TMPDIR/disk"
  mount -t tmpfs -o size=160k tmpfs "$BATS_TEST_TMPDIR/disk" 2>/dev/null || skip "cannot mount a small disk here"
  DIR=$BATS_TEST_TMPDIR/disk/model
  download gpt2-medium "$DIR" # its size is not known, so the check before the download cannot help
  [ "$status" -eq 1 ]
  says "cannot write $DIR/model.safetensors.part: is the disk full?"
  nothing_final
  mount -o remount,size=1m "$BATS_TEST_TMPDIR/disk"
  download gpt2-medium "$DIR"
  [ "$status" -eq 0 ]
  whole
  asked "GET .*/model.safetensors bytes=[1-9][0-9]*- .* 206"
}
@test "curl: a full disk, and going on after making room" { full_disk curl; }
@test "wget: a full disk, and going on after making room" { full_disk wget; }

@test "neither curl nor wget" {
  only_these_tools sha256sum
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "found no curl and no wget"
  says "Install curl"
  export DOWNLOADER=curl
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "found no curl"
  refute test -e "$DIR"
}

@test "wget alone is enough, if it is GNU Wget" {
  use wget; unset DOWNLOADER; hub cut
  only_these_tools wget sha256sum
  download gpt2 "$DIR"
  [ "$status" -eq 0 ]
  whole
  rm "$ONLY_PATH/wget"
  printf '#!/bin/sh\necho "BusyBox v1.35.0 multi-call binary."\n' >"$ONLY_PATH/wget"
  chmod +x "$ONLY_PATH/wget"
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "found another wget than GNU Wget 1.x"
  says "Install curl"
}

@test "without sha256sum: shasum, or openssl, or a message" {
  local tool
  for tool in shasum openssl; do
    command -v $tool >/dev/null || skip "no $tool here"
    only_these_tools curl $tool perl # shasum is a Perl script
    hub whole
    download gpt2 "$DIR"
    [ "$status" -eq 0 ]
    rm -r "$DIR"
    hub no-head-altered
    download gpt2 "$DIR"
    [ "$status" -eq 1 ]
    says "expected  SHA-256"
  done
  only_these_tools curl
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "found no sha256sum, no shasum and no openssl"
}

@test "a folder that cannot be made or written" {
  hub whole
  touch "$BATS_TEST_TMPDIR/file"
  download gpt2 "$BATS_TEST_TMPDIR/file/model"
  [ "$status" -eq 1 ]
  says "cannot make the folder $BATS_TEST_TMPDIR/file/model"
  [ "$(id -u)" -ne 0 ] || return 0 # root may write anywhere
  mkdir -m 555 "$DIR"
  download gpt2 "$DIR"
  [ "$status" -eq 1 ]
  says "cannot write in $DIR"
}

# ---- usage

@test "help goes to standard output and fits 80 columns" {
  local option
  for option in -h --help; do
    download $option
    [ "$status" -eq 0 ]
    [[ $output == "usage: scripts/download_model.sh [gpt2|gpt2-medium|gpt2-large|gpt2-xl|distilgpt2] [DIR]"* ]]
    [ -z "$stderr" ]
    refute grep -qE '.{81}' <<<"$(tail -n +2 <<<"$output")"
  done
}

wrong() { # what the message must name, then the arguments
  local what=$1
  shift
  download "$@"
  [ "$status" -eq 2 ]
  [ -z "$output" ]
  says "$what"
  says "--help"
  refute test -e "$DIR"
}

@test "wrong usage: status 2, and what was wrong" {
  wrong "unknown model 'gpt3', expected gpt2, " gpt3 "$DIR"
  wrong "unknown model '../x'" ../x "$DIR"
  wrong "unknown option in '--force'" --force
  wrong "unknown option in 'gpt2 -x'" gpt2 -x
  wrong "found 3 arguments" gpt2 "$DIR" more
  wrong "empty" gpt2 ""
  wrong "empty" "" "$DIR"
  HF_ENDPOINT=ftp://127.0.0.1 wrong "HF_ENDPOINT is 'ftp://127.0.0.1'" gpt2 "$DIR"
  DOWNLOADER=fetch wrong "DOWNLOADER is 'fetch'" gpt2 "$DIR"
}
