#!/bin/sh
# Fetches a GPT-2 model from the Hugging Face hub into models/NAME.
#
# The weights are half a gigabyte or more, so most of this script is about what goes wrong on the way: a line that
# breaks, a full disk, a login page in place of the file, two runs at once. One rule covers them all: a file arrives
# as FILE.part, and gets its own name only when it is whole and checked.
set -u
export LC_ALL=C

files='model.safetensors config.json vocab.json merges.txt' # the biggest first: it is the one that may not fit
tries=5                                                     # per file; each goes on where the one before stopped
spare=16384                                                 # KiB that a download must leave free on the disk
elsewhere='Give another folder: scripts/download_model.sh MODEL DIR'
install='Install curl (apt, dnf, apk, brew: install curl) and run this script again.'

usage() {
  cat <<'END'
usage: scripts/download_model.sh [gpt2|gpt2-medium|gpt2-large|gpt2-xl|distilgpt2] [DIR]

Downloads a model (gpt2: 548 MB) into DIR (models/NAME in this repository).
Run it again after a break: it goes on where it stopped. It never replaces a
file that is there. Environment:
  HF_ENDPOINT       a mirror of the hub             (https://huggingface.co)
  HF_TOKEN          an access token, for models that ask for one
  DOWNLOADER        curl or wget                    (curl where there is one)
  DOWNLOAD_PAUSE    seconds between two tries       (3)
  GPT2_MODEL_TABLE  the table of sizes and hashes   (scripts/model_hashes.txt)

Exit status: 0 complete, 1 failed, 2 wrong usage, 130 interrupted.
END
}

# Messages go to standard error; standard output is for the line that says the model is ready. An error says what is
# wrong on its first line and how to mend it on the next ones.
say() { printf '%s\n' "$@" >&2; }
die() { say "download_model.sh: $1"; shift; say "$@"; exit 1; }
wrong_usage() { say "download_model.sh: $1" "See: scripts/download_model.sh --help"; exit 2; }

has() { command -v "$1" >/dev/null 2>&1; }

# ---------------------------------------------------------------- which model, which server, which tools
# Only gpt2 is pinned to a revision: its hashes are known, and another revision might not meet them.
choose_model() {
  case $model in
    gpt2) repo=openai-community/gpt2 revision=607a30d783dfa663caf39e06633721c8d4cfcd7e ;;
    gpt2-medium | gpt2-large | gpt2-xl) repo=openai-community/$model revision=main ;;
    distilgpt2) repo=distilbert/distilgpt2 revision=main ;;
    *) wrong_usage "unknown model '$model', expected gpt2, gpt2-medium, gpt2-large, gpt2-xl or distilgpt2" ;;
  esac
  [ -r "$table" ] || die "cannot read $table, the table of sizes and hashes" "Restore it from the repository."
}

# https, unless the caller's own HF_ENDPOINT says http. The token leaves the environment, so that no program started
# below inherits it, and may hold only characters that need no quoting in a configuration file.
choose_server() {
  endpoint=${HF_ENDPOINT:-https://huggingface.co}
  endpoint=${endpoint%/}
  case $endpoint in
    https://?*) schemes='=https' ;;
    http://?*) schemes='=http,https' ;;
    *) wrong_usage "HF_ENDPOINT is '$endpoint', expected an address such as https://huggingface.co" ;;
  esac
  token=${HF_TOKEN:-}
  unset HF_TOKEN
  case $token in *[!A-Za-z0-9._~+/=-]*) wrong_usage "HF_TOKEN holds a character that no token has (a blank?)" ;; esac
}

# curl, or GNU Wget 1.x. BusyBox's wget will not do: it may not check certificates, follows redirects from https to
# http, and takes a token only as an argument, where everyone on the machine can read it.
choose_tools() {
  tool=${DOWNLOADER:-curl}
  [ -n "${DOWNLOADER:-}" ] || has curl || tool=wget
  case $tool in curl | wget) ;; *) wrong_usage "DOWNLOADER is '$tool', expected curl or wget" ;; esac
  has "$tool" || die "cannot download anything: found no ${DOWNLOADER:-curl and no wget}" "$install"
  case $tool,$(wget --version 2>/dev/null) in
    curl,* | wget,'GNU Wget 1.'*) ;;
    *) die "found another wget than GNU Wget 1.x; it cannot be held to https, or keep a token private" "$install" ;;
  esac
  has sha256sum || has shasum || has openssl ||
    die "cannot check anything: found no sha256sum, no shasum and no openssl" "Install one of them."
}

# ---------------------------------------------------------------- one run at a time in a folder
# True when process $1 lives and has $2 in its command line: a number alone may have passed on to another process.
runs() {
  if [ -r "/proc/$1/cmdline" ]; then tr '\0' ' ' <"/proc/$1/cmdline"; else ps -ww -o args= -p "$1"; fi 2>/dev/null |
    grep -qF -- "$2"
}

# mkdir succeeds for one process only, so a folder serves as the lock. It holds this run's scratch files, too.
take_lock() {
  until mkdir -m 700 "$lock" 2>/dev/null; do
    [ -d "$lock" ] || { mkdir -m 700 "$lock" && break; die "cannot write in $dir" "$elsewhere"; }
    owner=$(cat "$lock/owner" 2>/dev/null)
    [ -n "$owner" ] || { sleep 1; owner=$(cat "$lock/owner" 2>/dev/null); } # it may be about to write its number
    [ "$owner" = $$ ] || ! runs "${owner:-0}" download_model ||
      die "another run of this script (process $owner) is at work in $dir" "Wait until it is done."
    take_over
  done
  locked=yes
  echo $$ >"$lock/owner" || die "cannot write in $dir: a full disk, or another run" "Run this script again."
}

# Clears away what a killed run left. Its curl or wget may still be writing, and two writers would spoil the file.
# The lock is moved before it is deleted: of two runs that try, one succeeds; a lock that is new by now goes back.
take_over() {
  orphan=$(cat "$lock/child" 2>/dev/null)
  while runs "${orphan:-0}" "$dir/"; do
    say "stopping the download that a killed run left behind (process $orphan)"
    kill "$orphan" || ! runs "$orphan" "$dir/" ||
      die "cannot stop process $orphan, which writes in $dir" "Stop it, and run this script again."
    sleep 1
  done
  mv "$lock" "$lock.$$" 2>/dev/null || return 0
  if [ "$(cat "$lock.$$/owner" 2>/dev/null)" = "$owner" ]; then rm -rf "$lock.$$"; else mv "$lock.$$" "$lock"; fi
}

# Runs at every exit. A folder that this run made and that stayed empty goes away again.
clean_up() {
  [ -z "$locked" ] || rm -rf "$lock"
  [ -z "$made" ] || rmdir "$dir" 2>/dev/null
}

interrupted() {
  [ -z "$child" ] || kill "$child" 2>/dev/null
  say "" "download_model.sh: interrupted; what has arrived is kept in $dir" "Run this script again, and it goes on."
  exit 130
}

# ---------------------------------------------------------------- is a file what it should be?
size_of() { if [ -e "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }
sha256() {
  if has sha256sum; then sha256sum; elif has shasum; then shasum -a 256; else openssl dgst -sha256 -r; fi <"$1" |
    cut -d ' ' -f 1
}

# Looks $1 up in the table: sets bytes and hash, to "-" where they are not known.
look_up() {
  line=$(awk -v model="$model" -v file="$1" '$1 == model && $2 == file { print $3, $4 }' <"$table")
  bytes=${line%% *} hash=${line##* }
  [ -n "$line" ] || [ "$model" != gpt2 ] || die "$table has no line for gpt2 $1" "Restore it from the repository."
  bytes=${bytes:--} hash=${hash:--}
}

# A safetensors file says how long it is: 8 bytes hold the length of a JSON header (little-endian), and the highest
# offset in that header is the length of the rest. Prints the sum, or nothing when there is no such header.
safetensors_size() {
  header=$(od -An -tu1 -N9 "$1" | awk '{ for (i = 8; i > 0; i--) n = n * 256 + $i
    if ($9 == 123 && n >= 2 && n <= 100000000) print n }') # 123 is "{"
  [ -n "$header" ] || return 0
  head -c "$((header + 8))" "$1" | tail -c +9 | tr -cd '!-~' | grep -o '"data_offsets":\[[0-9]*,[0-9]*\]' |
    awk -v header="$header" '{ split($0, number, /[^0-9]+/); if (number[3] + 0 > data) data = number[3] + 0 }
      END { printf "%.0f\n", 8 + header + data }'
}

# Prints what is wrong with the file $2, which is or will be called $1; nothing when all is well. A model that the
# table does not know has no hash to meet, but its files must at least be of the right kind and length.
fault_of() {
  ends=$(head -c 60 "$2" | tr -cd ' -~')...$(tail -c 9 "$2" | tr -cd '!-~')
  kind='' length=$want
  case $1:$ends in
    model.safetensors:*) length=$(safetensors_size "$2")
      [ -n "$length" ] || kind="safetensors: the length of a header, then {" ;;
    *.json:'{'*'}' | merges.txt:'#version'*) ;;
    *.json:*) kind="JSON, from { to }" ;;
    *) kind="a list of merges, which begins with #version" ;;
  esac
  [ "$bytes" = - ] || length=$bytes
  if [ -n "$kind" ]; then
    case $ends in '<'*) ends="a web page: $ends" ;; esac
    differs "$ends" "$kind"
  elif [ "$length" != - ] && [ "$(size_of "$2")" != "$length" ]; then differs "$(size_of "$2") bytes" "$length bytes"
  elif [ "$hash" != - ]; then
    found=$(sha256 "$2")
    [ "$found" = "$hash" ] || differs "SHA-256 $found" "SHA-256 $hash"
  fi
}
differs() { printf '  found     %s\n  expected  %s\n' "$1" "$2"; }

# ---------------------------------------------------------------- talking to the server
url_of() { printf '%s\n' "$endpoint/$repo/resolve/$revision/$1"; }
origin() { rest=${url#*://}; printf '%s\n' "${url%%://*}://${rest%%/*}"; }

# Prints a line of curl's or wget's configuration ($2: the quote it wants) with the token, when $1 is an address of the
# endpoint: the servers that it redirects to get none. As an argument, everyone on the machine could read the token.
token_for() {
  case $token,$1 in ,*) ;; *,"$endpoint"/*) printf 'header = %sAuthorization: Bearer %s%s\n' "$2" "$token" "$2" ;; esac
}

# Both replace the shell they run in (a background job, a pipe's end), so that its process number is curl's or wget's.
# wget reads its configuration from a file only; this one lies in the lock, which nobody else may enter.
run_curl() { # URL OPTION...
  exec curl --config - --globoff --proto "$schemes" --connect-timeout 30 --show-error --url "$@" <<CONFIG
$(token_for "$1" '"')
CONFIG
}
run_wget() { # URL OPTION...
  (umask 077; { cat "$own_wgetrc" 2>/dev/null; echo; token_for "$1" ''; } >"$lock/wgetrc")
  WGETRC=$lock/wgetrc exec wget --tries=1 --timeout=60 --max-redirect=0 "$@"
}

# Sends a $1 (HEAD or GET) for $2, follows no redirect, keeps no body, and prints the headers of the answer.
# What went wrong, if anything, is on the last line of the log.
send() {
  case $tool,$1 in
    curl,*) run_curl "$2" --silent --max-time 60 --head --request "$1" 2>"$lock/log" ;;
    *,HEAD) (run_wget "$2" -S -o "$lock/log" --spider) ;;
    *) (run_wget "$2" -S -o "$lock/log" -O /dev/null) ;;
  esac
  cat "$lock/log"
}

# Sets status (0: no answer), size, type and location from the answer; "-" stands for "not told". x-linked-size is how
# the hub tells the size of a file that it keeps on another server.
ask() {
  answer=$(send "$1" "$2" | tr -cd '\n -~' | awk '
  BEGIN { size = linked = type = location = "-" }
  $1 ~ /^HTTP\// { status = $2; size = linked = type = location = "-" }
  tolower($1) == "content-length:" && status == 200 { size = $2 }
  tolower($1) == "x-linked-size:" { linked = $2 }
  tolower($1) == "content-type:" { type = tolower($2); sub(/;.*/, "", type) }
  tolower($1) == "location:" { location = $2 }
  END { if (linked != "-") size = linked
    if (size !~ /^[1-9][0-9]*$/) size = "-"
    print status + 0, size, type, location }')
  read -r status size type location <<ANSWER
$answer
ANSWER
}

# Finds the address that really holds $1, hop by hop, so that no hop leaves https and the token stays at home. The hub
# signs its links to storage for one method: a link to download from has to come from a GET, and when the storage
# refuses a HEAD, that says nothing about a GET.
resolve() {
  url=$(url_of "$1") offered=-
  for _ in 1 2 3 4 5 6; do
    ask HEAD "$url"
    [ "$size" = - ] || offered=$size
    case $status in 3??) ask GET "$url" ;; *) break ;; esac
    [ "$location" != - ] || break
    follow "$1"
  done
  case $url,$status in "$endpoint"/* | *,0 | *,[23]??) ;; *) status=200 type=- ;; esac
}

# Moves url to location, which is a whole address or a path on the same server.
follow() {
  case $location in
    //*) url=${url%%:*}:$location ;;
    /*) url=$(origin)$location ;;
    *) url=$location ;;
  esac
  case ${url%%://*},$schemes in
    https,* | http,=http,*) ;;
    *) die "$1: the server redirects to '${url%%\?*}', expected an https address" \
      "Nothing was fetched from there. Try another network, or another HF_ENDPOINT." ;;
  esac
}

# An answer that will be the same next time ends the run; one that may change asks for another try (status 1).
judge() {
  case $status in
    405 | 501) return 0 ;; # a server without HEAD: GET will tell
    0) say "$1: no answer from $(origin)"; return 1 ;;
    408 | 429 | 5??) say "$1: the server answered $status"; return 1 ;;
    401 | 403) die "$1: the server answered $status to $(url_of "$1")" \
      "It wants an access token, or another one: set HF_TOKEN (https://huggingface.co/settings/tokens makes them)." \
      "The hub gives the same answer for a repository that is not there." ;;
    404 | 410) die "$1: the server answered $status: there is no $(url_of "$1")" \
      "The model or its revision is not there. Is HF_ENDPOINT, if you set it, a mirror of the hub?" ;;
    2??) ;;
    *) die "$1: the server answered $status to $(url_of "$1"), expected 200" "Try later, or another HF_ENDPOINT." ;;
  esac
  case $type in
    text/html | application/xhtml*) die "$1: found a web page ($type) at $(url_of "$1"), expected the file" \
      "A network with a login page does this: open any page in a browser, log in, run this script again." ;;
  esac
  [ "$bytes" = - ] || [ "$offered" = - ] || [ "$bytes" = "$offered" ] ||
    die "$1: the server offers another file" "$(differs "$offered bytes" "$bytes bytes")" \
      "Nothing was fetched. Try another network, or another HF_ENDPOINT."
}

# ---------------------------------------------------------------- downloading
# True when FILE.part is as long as it has to be. One that is longer cannot be the beginning of the file.
arrived() {
  have=$(size_of "$part")
  [ "$want" != - ] || return 1
  [ "$have" -le "$want" ] || { say "$1: found $have bytes, expected $want: starting over"; rm -f "$part"; have=0; }
  [ "$have" -eq "$want" ]
}

# Half a gigabyte should not fail at its end for want of space. Where the size or the space is not known, it goes on.
check_space() {
  [ "$want" != - ] || return 0
  need=$(((want - have) / 1024 + spare))
  free=$(df -Pk "$dir" 2>/dev/null | # the column before the percentage: a name with a blank shifts the others
    awk 'NR == 2 { for (i = 2; i <= NF; i++) if ($i ~ /^[0-9]+%$/) { print $(i - 1); exit } }')
  [ "${free:-$need}" -ge "$need" ] ||
    die "$1: not enough space in $dir" "$(differs "$((free / 1024)) MiB free" "$((need / 1024)) MiB")" \
      "Make room. $elsewhere"
}

# Fetches url into FILE.part, going on at its end. It runs in the background so that a signal is heard at once.
transfer() {
  set -- --quiet --silent # without a terminal: wget and curl say nothing but what went wrong
  [ ! -t 2 ] || set -- --show-progress --progress-bar
  case $tool in
    curl) run_curl "$url" "$2" --fail --location --speed-limit 1 --speed-time 60 --continue-at - --output "$part" & ;;
    wget) run_wget "$url" --quiet "$1" --continue -O "$part" & ;;
  esac
  child=$!
  echo "$child" >"$lock/child"
  wait "$child"
  ended=$? child=''
  return "$ended"
}

# One try at getting FILE.part whole; status 1 asks for another.
attempt() {
  resolve "$1"
  judge "$1" || return 1
  [ "$want" != - ] || want=$offered
  ! arrived "$1" || return 0
  check_space "$1"
  end=${want#-}
  say "$1: fetching bytes $have to ${end:-the last one}"
  ! transfer || return 0
  case $tool$ended,$want,$have in
    curl33,* | curl22,-,[1-9]*) say "$1: the server cannot go on at byte $have: starting over"; rm -f "$part" ;;
    curl23,* | wget3,*) die "cannot write $part: is the disk full?" "Make room and run this script again." ;;
    *) say "$1: the transfer broke off at byte $(size_of "$part") ($tool ended with status $ended)" ;;
  esac
  return 1
}

# Whoever has another way to the files (another machine, a browser behind a proxy) can bring them by hand.
give_up() {
  end=${want#-}
  [ "$status" -eq 0 ] || die "$1: not whole after $tries tries: found $(size_of "$part") bytes, expected ${end:-more}" \
    "Run this script again, and it goes on from there. If it never gets further, delete $part first."
  say "download_model.sh: cannot reach $(origin) ($(grep . "$lock/log" | tail -n 1 | tr -cd ' -~'))" \
    "Check the network and run this script again. Or open these addresses in a browser, put each file where its arrow" \
    "points, and run this script again to check them:"
  for file in $files; do [ -e "$dir/$file" ] || say "  $(url_of "$file")" "    -> $dir/$file"; done
  exit 1
}

# Brings a file that is missing: in as many tries as it takes to FILE.part, through the checks, to its own name.
fetch() {
  part=$dir/$1.part want=$bytes try=1
  until arrived "$1" || attempt "$1"; do
    [ "$try" -lt "$tries" ] || give_up "$1"
    try=$((try + 1))
    say "$1: try $try of $tries in $pause s"
    sleep "$pause"
  done
  fault=$(fault_of "$1" "$part")
  if [ -n "$fault" ]; then
    rm -f "$part"
    die "$1: what came from $endpoint is not the file" "$fault" \
      "It was removed. Run this script again; if the same happens, that server does not have the right file."
  fi
  mv "$part" "$dir/$1" || die "cannot rename $part to $dir/$1" "Rename it by hand: it is whole."
}

# A file that is there is checked and never touched: its owner may have put it there, and may want to look at it.
keep() {
  say "$1: already there, checking it"
  want=-
  fault=$(fault_of "$1" "$dir/$1")
  [ -z "$fault" ] || die "$dir/$1 is not the file it should be" "$fault" \
    "It was left as it is. Delete it and run this script again: rm '$dir/$1'"
}

# ---------------------------------------------------------------- from top to bottom
case ${1:-},${2:-} in
  -h,* | --help,* | *,-h | *,--help) usage; exit 0 ;;
  -*,* | *,-*) wrong_usage "unknown option in '$*'" ;;
esac
[ $# -le 2 ] || wrong_usage "found $# arguments, expected at most two: the model and the folder"
case ${1-x},${2-x} in ,* | *,) wrong_usage "an argument is an empty string" ;; esac

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 1
model=${1:-gpt2} table=${GPT2_MODEL_TABLE:-$root/scripts/model_hashes.txt} pause=${DOWNLOAD_PAUSE:-3}
own_wgetrc=${WGETRC:-${HOME:-}/.wgetrc}
choose_model
choose_server
choose_tools

dir=${2:-$root/models/$model} made='' locked='' child=''
[ -d "$dir" ] || made=yes
mkdir -p -- "$dir" || die "cannot make the folder $dir" "$elsewhere"
dir=$(CDPATH='' cd -- "$dir" && pwd -P) || exit 1
lock=$dir/.download.lock
trap clean_up EXIT
trap interrupted INT TERM HUP
take_lock

missing=''
for file in $files; do
  look_up "$file"
  if [ -e "$dir/$file" ]; then keep "$file"; else missing="$missing $file"; fi
done
for file in $missing; do
  look_up "$file"
  fetch "$file"
done
[ -n "$missing" ] || say "already complete: $dir"

shown=${dir#"$root"/}
if [ "$shown" = models/gpt2 ]; then option=''; else option="-m \"$shown\" "; fi
printf '%s is ready. Try: ./gpt2 %s"The server crashed because"\n' "$shown" "$option"
