#!/usr/bin/env bats
# Wrong usage: status 2, nothing on standard output, and one line on standard error that names the
# option, what was found and what was expected, or the option that was meant.
# shellcheck disable=SC2154  # stderr is bats's

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model
  random_model "$MODEL"
}

# usage PIECE... -- OPTION...: the program refuses the options with a line that has the pieces.
usage() {
  local pieces=()
  while [ "$1" != -- ]; do pieces+=("$1"); shift; done
  shift
  run --separate-stderr "$GPT2" -m "$MODEL" "$@"
  echo "options: $*"
  refused 2 "${pieces[@]}"
}

@test "an unknown option is named" {
  usage --colour "goes after --" "--help" -- --colour hello
  usage --colour -- --colour=red hello
  usage -x -- -x hello
  usage -x -- hello -x
  usage -y -- -n3 -y
}

@test "an unknown letter is named, whatever stands before it" {
  usage -x -- --json -xy hello
  usage -x -- --json -x hello
  usage -x -- -n 3 -xy hello
  usage -x -- hello --no-prompt -xy
}

@test "a mistyped option is named with the one it was meant to be" {
  usage --temprature "did you mean --temperature?" -- --temprature 0 hello
  usage --temprature=0 "did you mean --temperature?" -- --temprature=0 hello
  usage --sede "did you mean --seed?" -- --sede 1 hello
  usage --topk "did you mean --top-k?" -- --topk 1 hello
  usage --TOP-P "did you mean --top-p?" -- --TOP-P 1 hello
  usage --max-tokens "did you mean --max-new-tokens?" -- --max-tokens 5 hello
  usage --no_prompt "did you mean --no-prompt?" -- --no_prompt hello
  usage --josn "did you mean --json?" -- --josn hello
  usage --detokenise "did you mean --detokenize?" -- --detokenise 5
  usage --versoin "did you mean --version?" -- --versoin
}

@test "a word that is near to no option gets no guess" {
  local word
  for word in --colour --verbose --q --nonsense --0123456789 "--$(printf 'stats%.0s' {1..100})" "-- a b"; do
    usage "${word:0:20}" -- "$word" hello
    lacks "$stderr" "did you mean"
  done
}

@test "an option with one dash too few is named with both" {
  usage -temperature --temperature -- -temperature 0.5 hello
  usage -temperature=0.5 --temperature=0.5 -- -temperature=0.5 hello
  usage -model --model -- -model models/tiny hello
  usage -json --json -- -json hello
  usage -json --json -- hello --stats -json
  usage -no-prompt --no-prompt -- -no-prompt hello
}

@test "an ambiguous beginning of an option is named" {
  usage "--no- " --no-prompt --no-cache -- --no- hello
  usage "--top-=3 " --top-k --top-p -- --top-=3 hello
}

@test "an option that lacks its value is named" {
  local option
  for option in -m -n -T -k -p -s -t -w --model --max-new-tokens --temperature --top-k --top-p \
    --seed --threads --weights --top --logits --score --stride; do
    usage "$option" value "such as $option " -- hello "$option"
    lacks "$stderr" VALUE
  done
}

@test "the value that shows how an option is written is one that it takes" {
  local option example
  for option in -n -T -k -p -s -t -w --top --stride; do
    run --separate-stderr "$GPT2" "$option"
    example=${stderr##*such as "$option" }
    example=${example%% *}
    run --separate-stderr gpt2 "$option" "$example" --nonsense # the last is what is refused
    refused 2 --nonsense
  done
}

@test "an option that takes no value is named when it gets one" {
  local option
  for option in --no-prompt --no-cache --special --tokenize --detokenize --json --stats --help \
    --version; do
    usage "$option=5" "write $option (" -- "$option=5" hello
  done
}

@test "whole numbers must be whole, in digits, and in range" {
  local option value
  for option in -n -k -s -t --top; do
    for value in "" " " x 5x "5 " " 5" -1 +1 1.5 1e3 0x10 18446744073709551616 99999999999999999999999; do
      usage "$option" "found \"$value\"" "expected a whole number from " -- "$option" "$value" hello
    done
  done
}

@test "whole numbers that make no sense are refused" {
  usage -t 0 1 -- -t 0 hello
  usage --top 0 1 -- --top 0 hello
  usage -n 9223372036854775808 -- -n 9223372036854775808 hello
  usage -t 1000000000 -- -t 1000000000 hello
}

@test "a temperature must be a number of at least 0" {
  local value
  for value in "" x 0.5x -0.1 -1 nan inf 1e999; do
    usage -T --temperature "found \"$value\"" "at least 0" -- -T "$value" hello
  done
}

@test "-p must be a number greater than 0 and at most 1" {
  local value
  for value in "" x 0.5x 0 -0.5 1.0001 2 nan inf; do
    usage -p --top-p "found \"$value\"" "greater than 0 and at most 1" -- -p "$value" hello
  done
}

@test "a message about a value stays on one line, whatever the value" {
  usage -n '?' -- -n $'1\n2' hello
  lacks "$stderr" $'\e'
  usage --x '?' -- $'--x\e[31m\n' hello
  lacks "$stderr" $'\e'
}

@test "an unknown format of the weights is named" {
  usage -w f64 f32 -- -w f64 hello
  usage -w '""' f32 -- --weights= hello
}

@test "an empty name of a folder or file is refused" {
  usage -m --model -- -m "" hello
  usage --logits -- --logits= hello
  usage --score -- --score ""
}

@test "two modes at once are refused, and named" {
  local all=(--tokenize --detokenize --top=3 --logits=/nowhere/x --score=/nowhere/y) one two
  for one in "${all[@]}"; do
    for two in "${all[@]}"; do
      [ "$one" = "$two" ] || usage "${one%%=*}" "${two%%=*}" -- "$one" "$two"
    done
  done
}

@test "--json and --stats are refused by the modes that have nothing for them" {
  local mode
  for mode in --tokenize --detokenize --top=3 --logits=/nowhere/x "-w int8 --quantize=/nowhere/y"; do
    # shellcheck disable=SC2086  # the words of a mode
    usage "--json goes with new text and with --score" -- $mode --json
    # shellcheck disable=SC2086
    usage "--stats goes with new text" "leave it out" -- --stats $mode
  done
  usage "--stats goes with new text" "leave it out" -- --score=/nowhere/z --stats
}

@test "a wrong option is refused before a missing model" {
  run --separate-stderr "$GPT2" -m /nowhere --nonsense hello
  refused 2 --nonsense
}

@test "kernels that this processor cannot run are refused with those that it can" {
  export GPT2_KERNELS=abacus
  usage GPT2_KERNELS 'found "abacus"' portable -- hello
  usage GPT2_KERNELS 'found "abacus"' portable -- --tokenize hello
  export GPT2_KERNELS=portable2
  usage 'found "portable2"' -- hello
  case $(uname -m) in
    aarch64 | arm64) export GPT2_KERNELS=avx2 ;;
    *) export GPT2_KERNELS=neon ;;
  esac
  usage "found \"$GPT2_KERNELS\"" portable -- hello
  run --separate-stderr "$GPT2" --help
  equal "$status" 0
}
