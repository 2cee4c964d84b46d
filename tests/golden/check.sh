#!/bin/sh
# Compares both forward passes with all goldens from PyTorch. TAP on standard output.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
exec "$BUILD/tests/golden_forward" "$BUILD/tests/random_model" tests/golden/forward/*.json
