# shellcheck shell=sh
# What the peers share: where things lie, and how the first token is timed. Each peer begins with
#   . "$(dirname "$0")/common.sh"
# PEERS_DIR (build/peers) holds what scripts/bench/README.md makes: checkouts and builds of the other
# programs, and the weights in their formats.
set -eu
cd "$(dirname "$0")/../../.."

here=scripts/bench/peers
build=${BUILD:-build}
peers=${PEERS_DIR:-$build/peers}
model=$build/bench/model # bench.sh writes it
export here peers model

# need FILE...: ends with a message where one is missing.
need() {
  for file in "$@"; do
    [ -e "$file" ] || {
      echo "$0: $file is missing; scripts/bench/README.md says how to make it" >&2
      exit 1
    }
  done
}

# commit_of FOLDER: the commit that is checked out there, and its date.
commit_of() {
  need "$1/.git"
  git -C "$1" log -1 --abbrev=8 --date=short --format='git %h of %cd'
}

# first_token start|scores WEIGHTS COMMAND...: of a command that prints the token which follows the
# tokens 100 to 107, and the scores of the first four tokens. For "start" the seconds that it took and
# its bytes of memory, for "scores" what it printed: all peers should print about the same.
first_token() {
  what=$1 weights=$2
  shift 2
  if [ "$what" = scores ]; then
    "$@"
    return
  fi
  need "$build/bench/first_token"
  cat "$weights" >/dev/null # so that the file is in the system's cache
  answer=$("$build/bench/first_token" "$@")
  printf '%s\n' "$answer" |
    awk '$1 == "first_token" { seconds = $2 } $1 == "memory" { print seconds, $2 }'
}
