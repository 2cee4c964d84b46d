#!/usr/bin/env bats
# The modes that look at a text and generate nothing: --tokenize, --detokenize, --top, --logits.

load support

setup_file() {
  export MODEL=$BATS_FILE_TMPDIR/model
  random_model "$MODEL" # ids 0 to 255 are bytes in GPT-2's order, 256 is aa, 257 ab ... 298 bq
}

setup() { cd "$BATS_TEST_TMPDIR"; }

teardown() {
  if mountpoint -q "$BATS_TEST_TMPDIR/disk" 2>/dev/null; then umount "$BATS_TEST_TMPDIR/disk"; fi
}

# ---- --tokenize and --detokenize

@test "--tokenize prints the ids with spaces between, merged as merges.txt says" {
  run --separate-stderr gpt2 --tokenize "hello"
  fine
  equal "$output" "71 68 75 75 78"
  run --separate-stderr gpt2 --tokenize "aab abba"
  fine
  equal "$output" "256 65 220 257 282" # aa b, then a space, ab ba
}

@test "--tokenize joins words, and reads standard input for - and for no prompt" {
  equal "$(gpt2 --tokenize a b)" "64 220 65"
  equal "$(printf 'a b' | gpt2 --tokenize -)" "64 220 65"
  equal "$(printf 'a b' | gpt2 --tokenize)" "64 220 65"
  equal "$(printf 'a b\r\n' | gpt2 --tokenize)" "64 220 65 201 198"
}

@test "--tokenize of an empty text prints an empty line" {
  printf '\n' >expected
  gpt2 --tokenize "" >found
  same_bytes found expected
  gpt2 --tokenize </dev/null >found
  same_bytes found expected
}

@test "--detokenize prints the text of the ids, then a newline" {
  printf 'hello\n' >expected
  gpt2 --detokenize 71 68 75 75 78 >found
  same_bytes found expected
  gpt2 --detokenize "71 68 75 75 78" >found
  same_bytes found expected
  printf ' 71\t68\r\n75\n\n75 78\n' | gpt2 --detokenize >found
  same_bytes found expected
  printf '71 68 75 75 78' | gpt2 --detokenize - >found
  same_bytes found expected
}

@test "--detokenize knows the first and the last id" {
  run --separate-stderr gpt2 --detokenize 0 299
  fine
  equal "$output" '!<|endoftext|>'
}

@test "--detokenize of no ids prints an empty line" {
  printf '\n' >expected
  gpt2 --detokenize "" >found
  same_bytes found expected
  gpt2 --detokenize </dev/null >found
  same_bytes found expected
  printf ' \n' | gpt2 --detokenize >found
  same_bytes found expected
}

@test "--special makes <|endoftext|> one id, and without it the text comes back, too" {
  equal "$(gpt2 --special --tokenize '<|endoftext|>')" 299
  local ids
  ids=$(gpt2 --tokenize '<|endoftext|>')
  equal "$(wc -w <<<"$ids" | tr -d ' ')" 13
  equal "$(gpt2 --detokenize "$ids")" '<|endoftext|>'
}

# round_trip FILE: text -> ids -> the same text
round_trip() {
  gpt2 --tokenize <"$1" >ids
  gpt2 --detokenize <ids >found
  { cat "$1"; printf '\n'; } >expected
  same_bytes found expected
  # One line of digits and single spaces: what a program that reads it may expect.
  equal "$(wc -l <ids | tr -d ' ')" 1
  equal "$(LC_ALL=C tr -d '0-9' <ids | tr -s ' ' | tr -d ' \n')" ""
}

@test "any bytes survive --tokenize and --detokenize" {
  local name
  python3 -IS - <<'PYTHON'
import random
texts = {
    "all": bytes(range(256)), "backwards": bytes(range(255, -1, -1)), "nul": b"\0", "nuls": b"a\0\0b",
    "crlf": b"one\r\n\r\ntwo\r\n", "spaces": b"  a   b \t\n \n\n  ", "newlines": b"\n\n\n",
    "letters": "üß 漢字 кот 😀👩‍👩‍👧 é e\u0301 \u2028\u00a0\ufeff".encode(),
    "stray": b"\x80\xbf\xff\xfe", "cut": "😀".encode()[:3], "surrogate": b"\xed\xa0\x80\xed\xb0\x80",
    "overlong": b"\xc0\xaf\xe0\x80\xaf", "beyond": b"\xf4\x90\x80\x80",
    "quotes": b"it's we'll 'S '' \"\\", "digits": b"12345 007 1e9",
    "random": random.Random(1).randbytes(20000), "one letter": b"a" * 100000, "ab": b"ab" * 50000,
}
for name, text in texts.items():
    with open("text " + name, "wb") as file:
        file.write(text)
PYTHON
  for name in "text "*; do
    echo "$name"
    round_trip "$name"
  done
}

@test "a megabyte of one letter is fine" {
  head -c 1000000 /dev/zero | tr '\0' a >text
  round_trip text
  equal "$(tr ' ' '\n' <ids | sort -u)" 256
}

@test "--tokenize and --detokenize need only vocab.json and merges.txt" {
  mkdir m
  cp "$MODEL/vocab.json" "$MODEL/merges.txt" m
  run --separate-stderr "$GPT2" -m m --tokenize hello
  fine
  equal "$output" "71 68 75 75 78"
  run --separate-stderr "$GPT2" -m m --detokenize 71
  fine
  equal "$output" h
}

# ---- --top

# check_table: checks the lines `rank share % id text` in $output against what the tokens are, and
# prints how many they are and what the shares add up to.
check_table() {
  printf '%s\n' "$output" >table
  python3 -IS - <<'PYTHON'
import ast, re
byte_of = [b for b in range(256) if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174]
byte_of += [b for b in range(256) if b not in byte_of] # GPT-2's order: first those that print
merged = [a + b for a in "ab" for b in "abcdefghijklmnopqrstuvwxyz"]
with open("table", "rb") as file:
    lines = file.read().decode("utf-8").rstrip("\n").split("\n") # no stray byte: all are quoted
shares = []
for rank, line in enumerate(lines, 1):
    match = re.fullmatch(r' *(\d+) +(\d+\.\d{4}) % +(\d+)  (".*")', line)
    assert match, line
    assert int(match.group(1)) == rank, line
    shares.append(float(match.group(2)))
    token = int(match.group(3))
    text = ("<|endoftext|>" if token == 299 else merged[token - 256]).encode() if token > 255 \
        else bytes([byte_of[token]])
    assert ast.literal_eval("b" + match.group(4)) == text, (line, text)
    assert not re.search(r"[\x00-\x1f\x7f]", line), line
assert shares == sorted(shares, reverse=True), "not in order"
print(len(lines), round(sum(shares), 1))
PYTHON
}

@test "--top prints the likeliest tokens in order, each quoted on a line of its own" {
  run --separate-stderr gpt2 --top 300 hello
  fine
  equal "$(check_table)" "300 100.0"
  contains "$output" '"\n"' '"\r"' '"\t"' '"\""' '"\\"' '" "' '"\x00"' '"\x1b"' '"\xf0"' '"<|endoftext|>"'
}

@test "--top N prints the first N lines of all" {
  gpt2 --top 300 hello | head -n 7 >expected
  gpt2 --top 7 hello >found
  same_bytes found expected
  equal "$(wc -l <found | tr -d ' ')" 7
}

@test "--top of more than the vocabulary prints the vocabulary" {
  gpt2 --top 300 hello >expected
  gpt2 --top=1000000000 hello >found
  same_bytes found expected
}

@test "--top shows a whole character as it is" {
  # ü as one token: its two bytes are a merge.
  cp -R "$MODEL" m
  edit_json m/vocab.json 'j["\u00c3\u00bc"] = j.pop("bq")'
  { grep -v '^b q$' "$MODEL/merges.txt"; printf '\xc3\x83 \xc2\xbc\n'; } >m/merges.txt
  equal "$("$GPT2" -m m --tokenize ü)" 298
  run "$GPT2" -m m --top 300 hello
  contains "$output" '"ü"'
}

@test "--top shows the shares that --logits has, and the token that -T 0 takes" {
  gpt2 --top 300 hello >table
  gpt2 --logits logits hello
  python3 -IS - <<'PYTHON'
import array, math
logits = array.array("f", open("logits", "rb").read())
total = math.fsum(math.exp(value) for value in logits)
seen = set()
for line in open("table", errors="replace"):
    share, token = float(line.split()[1]), int(line.split()[3])
    expected = 100 * math.exp(logits[token]) / total
    assert abs(share - expected) < 0.0001, (line, expected)
    seen.add(token)
assert seen == set(range(300))
PYTHON
  gpt2 -T 0 -n 1 --json hello >json
  equal "$(json 'j["ids"][0]' json)" "$(awk 'NR == 1 { print $4 }' table)"
}

@test "--top of an empty prompt is what may follow <|endoftext|>" {
  gpt2 --top 300 --special '<|endoftext|>' >expected
  gpt2 --top 300 "" >found
  same_bytes found expected
  gpt2 --top 300 </dev/null >found
  same_bytes found expected
  gpt2 --top 300 hello >other
  differ "$(cat found)" "$(cat other)"
}

@test "--top does not show tokens that the vocabulary lacks" {
  cp -R "$MODEL" m
  edit_json m/vocab.json 'del j["<|endoftext|>"]'
  run --separate-stderr "$GPT2" -m m --top 300 hello
  fine
  equal "${#lines[@]}" 299
  equal "$(awk '{ sum += $2 } END { print (sum > 99.98 && sum < 100.02) }' <<<"$output")" 1
}

@test "--top and --logits work without the cache" {
  gpt2 --top 300 hello >expected
  gpt2 --top 300 --no-cache hello >found
  equal "$(awk '{ print $4 }' found)" "$(awk '{ print $4 }' expected)"
  gpt2 --logits with hello
  gpt2 --logits without --no-cache hello
  near without with 0.0001
}

@test "--top takes a prompt of as many tokens as there are positions" {
  run --separate-stderr gpt2 --top 3 "$(printf 'Q%.0s' {1..64})"
  fine
  equal "${#lines[@]}" 3
}

# ---- --logits

@test "--logits writes four bytes for each token, and nothing to standard output" {
  run --separate-stderr gpt2 --logits file hello
  fine
  equal "$output" ""
  equal "$(wc -c <file | tr -d ' ')" 1200
}

@test "--logits writes the same whatever the number of threads" {
  gpt2 --logits one -t 1 hello
  gpt2 --logits four -t 4 hello
  same_bytes four one
}

@test "--logits writes the last position's, not those of another" {
  gpt2 --logits hello hello
  gpt2 --logits hell hell
  differ "$(cksum <hell)" "$(cksum <hello)"
}

@test "--logits replaces a file, and leaves no other behind" {
  head -c 5000 /dev/zero >file
  gpt2 --logits file hello
  gpt2 --logits=expected hello
  same_bytes file expected
  equal "$(ls)" $'expected\nfile'
}

@test "--logits writes with the mode that other programs would give the file" {
  (umask 027 && gpt2 --logits file hello && : >other)
  equal "$(ls -l file | cut -c 1-10)" "$(ls -l other | cut -c 1-10)"
}

# Root may write everything, unless it gives up the right to.
@test "--logits leaves a file alone that may not be written" {
  local as_others=()
  if [ "$(id -u)" -eq 0 ]; then
    as_others=(setpriv --bounding-set=-dac_override)
    "${as_others[@]}" true 2>/dev/null || skip "root may write everything"
  fi
  printf 'mine' >file
  chmod 444 file
  run --separate-stderr "${as_others[@]}" "$GPT2" -m "$MODEL" --logits file hello
  refused 1 "file: is there, and cannot be written" "Permission denied" "name another file"
  equal "$(cat file)" mine
  equal "$(ls file*)" file
}

@test "--logits can write to /dev/stdout and into a pipe" {
  gpt2 --logits expected hello
  gpt2 --logits /dev/stdout hello | cat >found
  same_bytes found expected
  mkfifo pipe
  cat pipe >found &
  gpt2 --logits pipe hello
  wait $!
  same_bytes found expected
  test -p pipe
}

# Through links of our own: were the program to replace /dev/stdout itself by a file, as root it
# would break the whole system.
@test "--logits follows a link to standard output, which is a file, and leaves the link" {
  gpt2 --logits expected hello
  ln -s /dev/fd/1 link
  { printf 'before'; gpt2 --logits link hello; printf 'after'; } >found
  test -L link
  { printf 'before'; cat expected; printf 'after'; } >whole
  same_bytes found whole
}

@test "--logits follows a link to a file and leaves the link" {
  gpt2 --logits expected hello
  mkdir folder
  printf 'old' >folder/file
  ln -s folder/file link
  gpt2 --logits link hello
  test -L link
  same_bytes folder/file expected
}

@test "--logits on a full disk leaves the old file and no other" {
  mkdir disk
  mount -t tmpfs -o size=4k tmpfs disk 2>/dev/null || skip "cannot mount a small disk here"
  printf 'old' >disk/file
  random_model m --vocab-size 1200 # 4800 bytes of logits, which are more than a page
  run --separate-stderr "$GPT2" -m m --logits disk/file hello
  refused 1 disk/file "No space left" "make room on the disk"
  equal "$(cat disk/file)" old
  equal "$(ls disk)" file
}

@test "--logits to a device that is full is refused" {
  test -e /dev/full || skip "there is no /dev/full here"
  run --separate-stderr gpt2 --logits /dev/full hello
  refused 1 /dev/full "No space left" "make room on the disk"
}

@test "--logits into a folder that is not there is refused" {
  run --separate-stderr gpt2 --logits nowhere/file hello
  refused 1 nowhere/file
}

@test "--logits to a folder is refused" {
  mkdir folder
  run --separate-stderr gpt2 --logits folder hello
  refused 1 folder
  equal "$(ls -d folder*)" folder # no temporary file beside it
  equal "$(ls folder)" ""
}

@test "--logits without a prompt to go on from leaves the old file" {
  printf 'old' >file
  run --separate-stderr gpt2 --logits file "$(printf 'Q%.0s' {1..65})"
  refused 1 65 64
  equal "$(cat file)" old
}
