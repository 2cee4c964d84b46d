# What the tests of scripts/download_model.sh share: a server on this machine that misbehaves on request
# (http_server.py), and the checks. Nothing here reaches the internet, and the model is a made-up one of 300 KB.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the tests; output, stderr and status are bats's

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

# needs_localhost TOOL: skips a test whose storage has another name than the endpoint, where the
# system does not know that name (a chroot without /etc/hosts). curl knows it by itself.
needs_localhost() {
  [ "$1" = curl ] || python3 -c 'import socket; socket.gethostbyname("localhost")' 2>/dev/null ||
    skip "localhost is no known name here"
}
