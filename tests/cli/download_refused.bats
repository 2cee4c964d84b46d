#!/usr/bin/env bats
# scripts/download_model.sh: what is not the file, what servers, networks and the machine do to it, wrong usage.
# shellcheck disable=SC2030,SC2031 # each test is a subshell, and means to be
# shellcheck disable=SC2086,SC2154 # sizes are numbers; output, stderr and status are bats's

load download_support

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
  use "$1"; needs_localhost "$1"; hub hub
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
  use "$1"; needs_localhost "$1"; hub token
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
