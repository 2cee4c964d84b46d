# shellcheck shell=sh
# What the peers share: where things lie, and how the first token is timed. Each peer begins with
#   . "$(dirname "$0")/common.sh"
# PEERS_DIR (build/peers) holds what scripts/bench/README.md makes: checkouts and builds of the other
# programs, and the weights in their formats.
set -eu
cd "$(dirname "$0")/../../.."

usage() {
  echo "usage: ${0##*/} version" >&2
  echo "       ${0##*/} decode|prefill|start|scores f32|bf16|int8 THREADS" >&2
  exit 2
}

what=${1-} format=${2-} threads=${3-}
case $what in
  version) ;;
  decode | prefill | start | scores)
    case $format in f32 | bf16 | int8) ;; *) usage ;; esac
    case $threads in '' | 0* | *[!0-9]*) usage ;; esac
    ;;
  *) usage ;;
esac

here=scripts/bench/peers
build=${BUILD:-build}
peers=${PEERS_DIR:-$build/peers}
model=$build/bench/model # random_model wrote it
python=${PYTHON:-python3}
export here peers model python threads

# Where these were set for other programs, they hold OpenBLAS back, with which PyTorch multiplies.
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE

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

# first_token WEIGHTS COMMAND...: of a command that prints the token which follows the
# tokens 100 to 107, and the scores of the first four tokens. For "start" the seconds that it took and
# its bytes of memory, for "scores" what it printed: all peers should print about the same.
first_token() {
  weights=$1
  shift
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
