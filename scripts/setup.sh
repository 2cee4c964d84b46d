#!/bin/sh
# Installs what building needs: a C compiler, make, pkg-config and four libraries.
#
#   scripts/setup.sh            what ./gpt2 and the lessons need
#   scripts/setup.sh --tests    also what the tests need
#   scripts/setup.sh --check    installs nothing, says what is missing; exit status 1 if something is
#
# It says what it will do before it does it, and does nothing when everything is there.
set -eu

usage() {
  echo "usage: scripts/setup.sh [--tests] [--check]"
}

tests=no
check=no
for argument in "$@"; do
  case $argument in
    --tests) tests=yes ;;
    --check) check=yes ;;
    -h | --help) usage; exit 0 ;;
    *) echo "setup.sh: unknown argument '$argument', expected --tests, --check or none" >&2; exit 2 ;;
  esac
done

have() {
  command -v "$1" >/dev/null 2>&1
}

have_library() {
  pkg-config --exists "$1" 2>/dev/null
}

have_stb() {
  have_library stb || [ -e /usr/include/stb/stb_image_write.h ] ||
    [ -e /usr/include/stb_image_write.h ]
}

# The things that are not there, one word each.
missing() {
  compiler=${CC:-cc}
  have "${compiler%% *}" || echo compiler
  have make || echo make
  have pkg-config || echo pkg-config
  have_library 'libcjson >= 1.7.13' || echo cjson
  have_library libutf8proc || echo utf8proc
  have_library libedit || echo libedit
  have_stb || echo stb
  # The compiler alone is not enough: the C library's headers come in another package.
  if have "${compiler%% *}" && ! echo '#include <stdio.h>' | $compiler -E - >/dev/null 2>&1; then
    echo headers
  fi
  [ "$tests" = yes ] || return 0
  have_library cmocka || echo cmocka
  have bats || echo bats
  have python3 || echo python3
  have curl || echo curl
  have wget || echo wget
  have shellcheck || echo shellcheck
}

# packages MANAGER THING...: the packages that bring these things.
packages() {
  manager=$1
  shift
  for thing in "$@"; do
    case $manager:$thing in
      apt:compiler) [ "${CC:-cc}" = clang ] && echo clang || echo gcc ;;
      apt:headers) echo libc6-dev ;;
      apt:pkg-config) echo pkg-config ;;
      apt:cjson) echo libcjson-dev ;;
      apt:utf8proc) echo libutf8proc-dev ;;
      apt:libedit) echo libedit-dev ;;
      apt:stb) echo libstb-dev ;;
      apt:cmocka) echo libcmocka-dev ;;
      dnf:compiler) echo gcc ;;
      dnf:headers) echo glibc-devel ;;
      dnf:pkg-config) echo pkgconf-pkg-config ;;
      dnf:cjson) echo cjson-devel ;;
      dnf:utf8proc) echo utf8proc-devel ;;
      dnf:libedit) echo libedit-devel ;;
      dnf:stb) echo stb_image_write-devel ;;
      dnf:cmocka) echo libcmocka-devel ;;
      dnf:shellcheck) echo ShellCheck ;;
      pacman:compiler) echo gcc ;;
      pacman:headers) echo glibc ;;
      pacman:pkg-config) echo pkgconf ;;
      pacman:utf8proc) echo libutf8proc ;;
      pacman:bats) echo bash-bats ;;
      pacman:python3) echo python ;;
      apk:compiler) echo gcc ;;
      apk:headers) echo musl-dev ;;
      apk:pkg-config) echo pkgconf ;;
      apk:cjson) echo cjson-dev ;;
      apk:utf8proc) echo utf8proc-dev ;;
      apk:libedit) echo libedit-dev ;;
      apk:stb) echo stb ;;
      apk:cmocka) echo cmocka-dev ;;
      brew:compiler | brew:headers) echo gcc ;;
      brew:pkg-config) echo pkgconf ;;
      brew:bats) echo bats-core ;;
      brew:python3) echo python ;;
      *) echo "$thing" ;;
    esac
  done
}

package_manager() {
  for manager in apt-get dnf pacman apk brew; do
    if have "$manager"; then
      [ "$manager" = apt-get ] && manager=apt
      echo "$manager"
      return
    fi
  done
}

# as_root COMMAND...: says the command, then runs it, with sudo where that is needed.
as_root() {
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || {
      echo "setup.sh: this needs root, and sudo is not there. Run as root: $*" >&2
      exit 1
    }
    set -- sudo "$@"
  fi
  echo "  $*"
  "$@"
}

install_packages() {
  manager=$1
  shift
  case $manager in
    apt)
      as_root apt-get update -q
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
      ;;
    dnf) as_root dnf install -y "$@" ;;
    pacman) as_root pacman -Sy --needed --noconfirm "$@" ;;
    apk) as_root apk add "$@" ;;
    brew) echo "  brew install $*" && brew install "$@" ;;
  esac
}

things=$(missing)
if [ -z "$things" ]; then
  echo "Everything is there."
  exit 0
fi
# A compiler that is not there has no headers that could be tried.
case $things in compiler*) things="$things headers" ;; esac
# Each of these is a word without spaces.
# shellcheck disable=SC2086
set -- $things
if [ "$check" = yes ]; then
  echo "Missing: $*"
  echo "scripts/setup.sh without --check installs them."
  exit 1
fi
manager=$(package_manager)
if [ -z "$manager" ]; then
  echo "setup.sh: no package manager that it knows (apt, dnf, pacman, apk, brew)." >&2
  echo "Please install these, with their headers, and run it again to check: $*" >&2
  exit 1
fi
echo "Missing: $*"
# shellcheck disable=SC2046
set -- $(packages "$manager" "$@")
echo "Installing with $manager: $*"
install_packages "$manager" "$@"

# stb and libedit are extras: without them pictures and line editing are left out, all else works.
left=$(missing | grep -v -e '^stb$' -e '^libedit$' || true)
if [ -n "$left" ]; then
  echo "setup.sh: still missing after the installation:" >&2
  echo "$left" >&2
  echo "Read what $manager has said above; install these by hand, then run this script again." >&2
  exit 1
fi
