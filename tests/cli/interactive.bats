#!/usr/bin/env bats
# The session that starts without a prompt on a terminal. on_terminal.py gives the program a
# terminal, types, and prints what it shows.
# shellcheck disable=SC2030,SC2031  # output, status: set by run

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model CHAIN=$BATS_FILE_TMPDIR/chain LONG=$BATS_FILE_TMPDIR/long
  export LETTERS=$BATS_FILE_TMPDIR/letters PLAIN=$BATS_FILE_TMPDIR/plain
  random_model "$MODEL"
  chain_model "$CHAIN" abcdefghij
  chain_model "$LONG" abcdefghij --n-ctx 16384 # takes the better part of a minute to fill
  chain_model "$LETTERS" 'a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80' # a ü € 😀
  # The same program as on a system that has no libedit.
  # shellcheck disable=SC2016  # for the script
  printf '#!/bin/sh\ncase "$*" in *libedit*) exit 1 ;; esac\nexec pkg-config "$@"\n' >"$BATS_FILE_TMPDIR/pkg-config"
  chmod +x "$BATS_FILE_TMPDIR/pkg-config"
  make -s -C "$ROOT" BUILD="$PLAIN" PKG_CONFIG="$BATS_FILE_TMPDIR/pkg-config" CFLAGS=-O1 \
    -j 4 gpt2 >"$BATS_FILE_TMPDIR/make.log" 2>&1 || true # then the tests of it fail, and show why
}

setup() {
  needs_terminals
  export HOME=$BATS_TEST_TMPDIR TERM=xterm # no ~/.editrc of the user's
  # The program without standard error, so that only what libedit shows is on the terminal.
  printf '#!/bin/sh\nexec "%s" "$@" 2>/dev/null\n' "$GPT2" >"$BATS_TEST_TMPDIR/quiet"
  chmod +x "$BATS_TEST_TMPDIR/quiet"
}

# session STEP... -- [OPTION...]: the program with the model $CHAIN, or $M if that is set.
session() {
  local steps=()
  while [ "$1" != -- ]; do steps+=("$1"); shift; done
  shift
  run python3 -IS "$HERE/on_terminal.py" "${steps[@]}" -- "${PROGRAM:-$GPT2}" -m "${M:-$CHAIN}" "$@"
  printf '%s\n' "$output"
}

# ended_well: status 0, and the terminal is as it was before.
ended_well() {
  equal "status $status" "status 0"
  contains "$output" "[terminal as it was]"
}

# has_libedit PROGRAM
has_libedit() { { ldd "$1" 2>/dev/null || otool -L "$1"; } | grep -q libedit; }

needs_libedit() { has_libedit "$GPT2" || skip "this program is built without libedit"; }

# plain: lets `session` run the program without libedit.
plain() {
  PROGRAM=$PLAIN/gpt2
  cat "$BATS_FILE_TMPDIR/make.log"
  test -x "$PROGRAM"
  if has_libedit "$PROGRAM"; then false; fi
}

# A locale whose letters are UTF-8.
utf8_locale() { locale -a | grep -Eim 1 '^(C|en_US)\.utf-?8$'; }

@test "the session says how to use it, asks for a line, and prints it with its continuation" {
  session 'wait:Ctrl-D' 'wait:> ' type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "each line is a new text" {
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' type:cd enter 'wait:\ncdefghi\n> ' ctrl-d -- -n 5
  ended_well
}

@test "a new line knows nothing of the one before" {
  local expected
  expected=$("$GPT2" -m "$MODEL" -T 0 -n 5 world | od -An -c)
  M=$MODEL session 'wait:> ' type:hello enter 'wait:\n> ' type:world enter 'wait:\nworld' 'wait:\n> ' ctrl-d -- -T 0 -n 5
  ended_well
  local found
  found=$(sed -n '/^world/,/^> /p' <<<"$output" | sed '$d' | od -An -c)
  equal "$found" "$expected"
}

@test "an empty line continues the text where it was" {
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' enter 'wait:\nghija\n> ' enter 'wait:\nbcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "a text continued by an empty line is the text that one run writes" {
  local all
  all=$("$GPT2" -m "$MODEL" -T 0 -n 20 hello)
  M=$MODEL session 'wait:> ' type:hello enter 'wait:\nhello' 'wait:\n> ' enter 'wait:\n> ' ctrl-d -- -T 0 -n 10
  ended_well
  # The lines between the prompts: the first ten tokens, then the next ten.
  equal "$(python3 -IS -c 'import sys
text = sys.argv[1].encode("utf-8", "surrogateescape")
_, first, second, _ = text.split(b"\n> ")
part = lambda shown: shown.split(b"\n", 1)[1]
print(part(first) + part(second) == sys.argv[2].encode("utf-8", "surrogateescape"))' "$output" "$all")" True
}

@test "an empty line before any text asks again" {
  session 'wait:> ' enter 'wait:\n> ' type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "--no-prompt leaves the line out" {
  session 'wait:> ' type:a enter 'wait:\nbcdef\n> ' ctrl-d -- -n 5 --no-prompt
  ended_well
}

@test "spaces around a line belong to the text" {
  session 'wait:> ' 'type:  a ' enter 'wait:\n  a abcde\n> ' ctrl-d -- -n 5
  ended_well
}

@test "with --special, <|endoftext|> in a line is the special token" {
  chain_model "$BATS_TEST_TMPDIR/end" abc --end
  M=$BATS_TEST_TMPDIR/end session 'wait:> ' 'type:b<|endoftext|>' enter \
    'wait:\nb<|endoftext|>abc\n' 'wait:> ' ctrl-d -- --special
  ended_well
  M=$BATS_TEST_TMPDIR/end session 'wait:> ' 'type:b<|endoftext|>' enter \
    'wait:\nb<|endoftext|>abc\n' 'wait:> ' ctrl-d -- # the text ends with > and goes on with a, too
  ended_well
}

@test "the session says when the model ended its text" {
  chain_model "$BATS_TEST_TMPDIR/end" abc --end
  M=$BATS_TEST_TMPDIR/end session 'wait:> ' type:a enter 'wait:\nabc\n' 'wait:ended' 'wait:> ' ctrl-d --
  ended_well
}

@test "the session says when the last position is reached, and goes on" {
  session 'wait:> ' type:a enter 'wait:64' 'wait:> ' enter 'wait:64' 'wait:> ' \
    type:b enter 'wait:\nbcdef' 'wait:> ' ctrl-d -- -n 1000
  ended_well
}

@test "a line that is too long is reported with both numbers, and the session goes on" {
  session 'wait:> ' "type:$(printf 'a%.0s' {1..65})" enter 'wait:65' 'wait:64' 'wait:> ' \
    type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "an empty line after one that was refused continues the last text that was taken" {
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' "type:$(printf 'a%.0s' {1..65})" enter 'wait:65' \
    'wait:> ' enter 'wait:\nghija\n> ' type:c enter 'wait:\ncdefgh\n> ' ctrl-d -- -n 5
  ended_well
}

@test "an empty line after a first one that was refused asks again" {
  session 'wait:> ' "type:$(printf 'a%.0s' {1..65})" enter 'wait:65' 'wait:> ' enter 'wait:\n> ' \
    type:c enter 'wait:\ncdefgh\n> ' ctrl-d -- -n 5
  ended_well
}

# ---- Ctrl-Z and fg

# in_shell STEP... -- [OPTION...]: a session that was started from a shell with job control.
in_shell() {
  local steps=()
  while [ "$1" != -- ]; do steps+=("$1"); shift; done
  shift
  # The quotes in the middle keep what is typed apart from what is answered.
  run python3 -IS "$HERE/on_terminal.py" "type:PS1=rea''dy:\\r" wait:ready: \
    "type:'$GPT2' -m '${M:-$CHAIN}' $*\\r" 'wait:> ' "${steps[@]}" wait:ready: 'type:exit\r' \
    -- bash --norc --noprofile --noediting -i
  printf '%s\n' "$output"
}

@test "Ctrl-Z while the prompt is shown stops the session, and fg goes on with the line" {
  needs_libedit
  in_shell type:x idle ctrl-z wait:Stopped wait:ready: 'type:fg\r' 'wait:> x' idle type:a enter \
    'wait:xabcdefg\n> ' ctrl-d -- -n 6
  ended_well
  contains "$output" $'> xa\nxabcdefg\n> ' # the line is on the terminal once, and is one text
}

@test "Ctrl-Z while a text is written stops it, and fg goes on with it" {
  M=$LONG in_shell type:a enter 'wait:abcd' ctrl-z wait:Stopped wait:ready: 'type:fg\r' 'wait:abcd' \
    ctrl-c 'wait:\n> ' ctrl-d -- -n 16000
  ended_well
  # What came before and after is one text; a letter can come after the key that stops it, and the
  # terminal throws away what it has not shown yet when the key is typed: here a few letters.
  text=$(printf '%s\n' "$output" | grep -E '^[a-j]+(\^[ZC][a-j]*)?$' | sed 's/\^Z//; s/\^C.*//' | tr -d '\n')
  printf '%s' "$text" | python3 -IS -c 'import sys
text = sys.stdin.read()
assert len(text) > 8, text
jumps = [(ord(b) - ord(a) - 1) % 10 for a, b in zip(text, text[1:])]  # 0: the next letter
assert sum(jump > 0 for jump in jumps) <= 1 and max(jumps) <= 4, text[:200]'
}

# ---- long sessions

@test "hundreds of texts in one session take no more memory than the first" {
  [ -r /proc/self/status ] || skip "this needs Linux's /proc"
  local seed
  for seed in 1 2; do
    run python3 -IS "$HERE/soak.py" 500 "$seed" "$GPT2" -m "$ROOT/models/tiny"
    printf '%s\n' "$output"
    equal "status $status" "status 0"
  done
}

# ---- Ctrl-C and Ctrl-D

@test "Ctrl-C stops the text and keeps the session" {
  M=$LONG session 'wait:> ' type:a enter 'wait:abcdefghijabcdefghij' ctrl-c 'wait:\n> ' \
    type:d enter 'wait:\ndefghijabcdefghij' ctrl-c 'wait:\n> ' ctrl-d -- -n 16000
  ended_well
}

# A terminal throws away what it has not shown yet when Ctrl-C comes, so a few letters may lack there.
@test "a text that Ctrl-C stopped can be continued" {
  M=$LONG session 'wait:> ' type:a enter 'wait:abcdefghijabcdefghij' ctrl-c 'wait:\n> ' \
    enter 'wait:cdefghij' ctrl-c 'wait:\n> ' idle ctrl-d -- -n 16000
  ended_well
  equal "$(python3 -IS -c 'import sys
_, first, second, _ = sys.argv[1].split("\n> ")
pieces = [p for shown in (first, second) for p in shown.split("\n", 1)[1].split("^C")]
print(all(p in "abcdefghij" * 2000 for p in pieces) and len("".join(pieces)) > 20)' "$output")" True
}

@test "Ctrl-C at the prompt drops the line and keeps the session" {
  session 'wait:> ' type:xyz 'wait:xyz' idle ctrl-c 'wait:\n> ' type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
  session 'wait:> ' idle ctrl-c 'wait:\n> ' idle ctrl-c 'wait:\n> ' idle ctrl-c 'wait:\n> ' \
    type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "Ctrl-C at the prompt keeps the text that an empty line continues" {
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' type:xyz 'wait:xyz' idle ctrl-c 'wait:\n> ' \
    enter 'wait:\nghija\n> ' ctrl-d -- -n 5
  ended_well
}

# The terminal is held so that the signal comes while the prompt is being shown, before any key is
# waited for. (In the first session libedit alone writes to it.)
@test "SIGINT while the prompt is shown drops the line, and waits for no key" {
  needs_libedit
  PROGRAM=$BATS_TEST_TMPDIR/quiet session hold idle signal release 'wait:> ' type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "without libedit, SIGINT while the prompt is shown waits for no key, either" {
  plain
  session 'wait:> ' hold enter idle signal release 'wait:> ' idle type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "Ctrl-D on an empty line ends the session" {
  session 'wait:> ' ctrl-d --
  ended_well
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

# ---- words that other programs take for commands

@test "quit, exit and help are no texts: the session says how to end it, and goes on" {
  local word
  for word in quit exit help /quit /exit /help; do
    session 'wait:> ' "type:$word" enter 'wait:\n(Ctrl-D ends the session' "wait:\"$word\"" 'wait:)\n> ' \
      type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
    ended_well
    lacks "$output" "${word}a" # no continuation
  done
}

@test "an empty line after such a word continues the text before it" {
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' type:quit enter 'wait:Ctrl-D' 'wait:\n> ' \
    enter 'wait:\nghija\n> ' ctrl-d -- -n 5
  ended_well
}

@test "lines that only look like such a word are texts" {
  local line
  for line in ' quit' 'quit ' Quit quits 'help me' /quit/ q; do
    session 'wait:> ' "type:$line" enter "wait:\n$line" 'wait:\n> ' ctrl-d -- -n 5
    ended_well
    lacks "$output" "makes it a text"
  done
}

# ---- editing

@test "arrow-up recalls the lines before" {
  needs_libedit
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' type:c enter 'wait:\ncdefgh\n> ' \
    up up enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "a line can be corrected" {
  session 'wait:> ' 'type:ax\x7f' enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

@test "the cursor moves within the line" {
  needs_libedit
  session 'wait:> ' 'type:bc\x01a\x05d' enter 'wait:\nabcdefghi\n> ' ctrl-d -- -n 5
  ended_well
}

@test "a terminal that can do nothing is fine" {
  local kind
  for kind in dumb "" no-such-terminal; do
    TERM=$kind session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' enter 'wait:\nghija\n> ' ctrl-d -- -n 5
    ended_well
  done
}

@test "without TERM, the session works" {
  unset TERM
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' ctrl-d -- -n 5
  ended_well
}

# ---- what is typed reaches the model as it is

@test "letters beyond ASCII reach the model as they are" {
  local name
  name=$(utf8_locale) || skip "there is no UTF-8 locale here"
  LC_ALL=$name M=$LETTERS session 'wait:> ' 'type:ßa' enter 'wait:\nßaü€😀a\n> ' \
    'type:漢😀' enter 'wait:\n漢😀aü€😀\n> ' ctrl-d -- -n 10
  ended_well
}

@test "letters beyond ASCII reach the model as they are in the C locale, too" {
  LC_ALL=C M=$LETTERS session 'wait:> ' 'type:ü' enter 'wait:\nü€😀aü\n> ' \
    'type:漢€' enter 'wait:\n漢€😀aü€\n> ' ctrl-d -- -n 10
  ended_well
}

@test "letters beyond ASCII reach the model as they are in locales with other letters, too" {
  local charset
  for charset in ISO-8859-1 EUC-JP; do
    localedef -i en_US -f "$charset" "$BATS_TEST_TMPDIR/en_US.$charset" 2>/dev/null ||
      localedef -c -i POSIX -f "$charset" "$BATS_TEST_TMPDIR/en_US.$charset" 2>/dev/null ||
      skip "localedef cannot make a locale here"
    printf '#!/bin/sh\nLOCPATH="%s" LC_ALL="en_US.%s" exec "%s" "$@"\n' "$BATS_TEST_TMPDIR" "$charset" \
      "$GPT2" >"$BATS_TEST_TMPDIR/elsewhere"
    chmod +x "$BATS_TEST_TMPDIR/elsewhere"
    PROGRAM=$BATS_TEST_TMPDIR/elsewhere M=$LETTERS session 'wait:> ' 'type:ü' enter \
      'wait:\nü€😀aü\n> ' 'type:漢€' enter 'wait:\n漢€😀aü€\n> ' ctrl-d -- -n 10
    ended_well
  done
}

@test "a pasted text is a text for each of its lines" {
  needs_libedit
  session 'wait:> ' 'type:a\rc\re\r' 'wait:\nabcdef\n' 'wait:\ncdefgh\n' 'wait:\nefghij\n' 'wait:> ' \
    idle ctrl-d -- -n 5
  ended_well
}

@test "lines pasted while a text is being written wait for their turn" {
  needs_libedit
  session 'wait:> ' 'type:a\r' 'wait:\nabc' 'type:c\re\r' 'wait:\ncdefgh' 'wait:\nefghij' 'wait:> ' idle ctrl-d -- -n 5
  ended_well
}

@test "a Windows line end is no part of the line" {
  session 'wait:> ' 'type:a\r\n' 'wait:\nabcdef\n> ' idle ctrl-d -- -n 5
  ended_well
  lacks "$output" aabcde
}

# ---- when there is no session

@test "a prompt on the command line starts no session on a terminal" {
  session -- -n 3 a
  ended_well
  equal "$(head -n 1 <<<"$output")" abcd
}

@test "- on a terminal reads the text until Ctrl-D, and says so" {
  session 'wait:gpt2: reading from the terminal; Ctrl-D' 'wait:\n' idle type:a ctrl-d ctrl-d 'wait:abcd\n' -- -n 3 -
  ended_well
}

@test "--json on a terminal reads the text until Ctrl-D, and says so" {
  session 'wait:terminal; Ctrl-D' idle type:a ctrl-d ctrl-d 'wait:"prompt":"a"' -- -n 3 --json
  ended_well
}

@test "the modes that generate nothing read the text from a terminal until Ctrl-D, and say so" {
  session 'wait:terminal; Ctrl-D' idle type:a enter ctrl-d 'wait:\n' -- --tokenize
  ended_well
  session 'wait:terminal; Ctrl-D' idle type:0 enter ctrl-d 'wait:\n' -- --detokenize
  ended_well
  session 'wait:terminal; Ctrl-D' idle type:a ctrl-d ctrl-d 'wait:%' -- --top 1
  ended_well
  session 'wait:terminal; Ctrl-D' idle type:a ctrl-d ctrl-d -- --logits "$BATS_TEST_TMPDIR/logits"
  ended_well
  session 'wait:terminal; Ctrl-D' idle type:abc ctrl-d ctrl-d 'wait:perplexity' -- --score -
  ended_well
}

@test "a session of lines does not say that it reads from the terminal" {
  session 'wait:> ' ctrl-d -- --no-prompt
  ended_well
  lacks "$output" "reading from"
}

@test "a session whose model is missing ends before it asks for a line" {
  M=/nowhere session --
  equal "$status" 1
  contains "$output" /nowhere
  lacks "$output" "> "
}

# ---- without libedit

@test "without libedit, the session works on plain lines" {
  plain
  session 'wait:> ' type:a enter 'wait:\nabcdef\n> ' enter 'wait:\nghija\n> ' 'type:ü😀a' enter \
    'wait:\nü😀abcdef\n> ' 'type:c\r\n' 'wait:\ncdefgh\n> ' idle ctrl-d -- -n 5
  ended_well
}

@test "without libedit, Ctrl-C drops the line or stops the text, and Ctrl-D ends the session" {
  plain
  M=$LONG session 'wait:> ' idle type:xyz 'wait:xyz' ctrl-c 'wait:\n> ' type:a enter 'wait:abcdefghijabcdefghij' \
    ctrl-c 'wait:\n> ' idle ctrl-c 'wait:\n> ' type:b enter 'wait:bcdefghij' ctrl-c 'wait:\n> ' idle ctrl-d -- -n 16000
  ended_well
}
