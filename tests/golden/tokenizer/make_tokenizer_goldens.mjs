#!/usr/bin/env node
// Writes real.jsonl and small.jsonl: texts, and the ids that tiktoken gives them.
//
// tiktoken is OpenAI's own tokenizer. Its npm package holds the original, compiled to
// WebAssembly. It is not part of this repository: install it in a folder of its own,
// and run this script from that folder.
//
//     npm install tiktoken@1.0.22
//     node .../tests/golden/tokenizer/make_tokenizer_goldens.mjs           writes
//     node .../tests/golden/tokenizer/make_tokenizer_goldens.mjs --check   compares
//
// With GPT2_TOKENIZER_DIR set to a folder that holds GPT-2's vocab.json and merges.txt,
// it also checks that tiktoken's vocabulary is that one, all 50,257 tokens of it.
//
// real.jsonl is on GPT-2's vocabulary, small.jsonl on small/vocab.json. A line is
//     {"hex": "<the text's UTF-8 bytes>", "ids": [...], "note": "..."}
// and has "special": true where <|endoftext|> is the special token, not text.
// The same script writes the same bytes each time: the random texts have a fixed seed.

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(process.cwd(), "package.json"));
const { Tiktoken, get_encoding } = require("tiktoken");
const END_OF_TEXT = "<|endoftext|>";

const char = (code) => String.fromCodePoint(code);

function fail(message) {
  console.error(message);
  process.exit(1);
}

// ---------------------------------------------------------- the vocabularies

// GPT-2's files write each byte as a letter that can be seen. Returns the bytes by letter.
function bytesByLetter() {
  const result = new Map();
  let others = 0;
  for (let b = 0; b < 256; b++) {
    const printable = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    result.set(printable ? char(b) : char(0x100 + others++), b);
  }
  return result;
}

// Reads vocab.json and merges.txt. Returns every token's bytes by id, without <|endoftext|>.
function readVocabulary(folder) {
  const letters = bytesByLetter();
  const vocabulary = JSON.parse(readFileSync(join(folder, "vocab.json"), "utf8"));
  const tokens = [];
  for (const [text, id] of Object.entries(vocabulary)) {
    if (text !== END_OF_TEXT) tokens[id] = Buffer.from([...text].map((letter) => letters.get(letter)));
  }
  if (vocabulary[END_OF_TEXT] !== tokens.length) fail(`${folder}: ${END_OF_TEXT} is not the last token`);
  const rules = readFileSync(join(folder, "merges.txt"), "utf8").split("\n").slice(1).filter((line) => line !== "");
  rules.forEach((rule, rank) => {
    const joined = Buffer.from([...rule.replace(" ", "")].map((letter) => letters.get(letter)));
    if (!joined.equals(tokens[256 + rank])) fail(`${folder}: the rule of rank ${rank} does not make token ${256 + rank}`);
  });
  if (tokens.length !== 256 + rules.length) fail(`${folder}: ${tokens.length} tokens, ${rules.length} rules`);
  return tokens;
}

// GPT-2's own cutting of a text into chunks, as OpenAI published it.
const GPT2_PATTERN = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

function makeEncoder(tokens) {
  const ranks = "! 0 " + tokens.map((token) => token.toString("base64")).join(" ");
  return new Tiktoken(ranks, { [END_OF_TEXT]: tokens.length }, GPT2_PATTERN);
}

const real = get_encoding("gpt2");
const smallTokens = readVocabulary(join(here, "small"));
const small = makeEncoder(smallTokens);

// ---------------------------------------------------------------- the texts

const cases = []; // { group, note, text, special }
let group = "";
const add = (note, text) => cases.push({ group, note, text, special: false });
const addSpecial = (note, text) => cases.push({ group, note, text, special: true });
const name = (code) => "U+" + code.toString(16).toUpperCase().padStart(4, "0");

// Ids that OpenAI's encoder is known to give, published by others. Checked below.
group = "facts";
const FACTS = [
  ["The server crashed", [464, 4382, 14997]],
  ["Hello, world!", [15496, 11, 995, 0]],
  ["\n\n", [628]],
  ["a\n\nb", [64, 198, 198, 65]],
  ["   a", [220, 220, 257]],
  ["a  ", [64, 220, 220]],
  [" \n x", [220, 198, 2124]],
  ["hello\r\nworld", [31373, 201, 198, 6894]],
  ["I'm", [40, 1101]],
  ["I'M", [40, 6, 44]],
  ["'tis", [470, 271]],
  [" 's", [705, 82]],
  ["you'll've", [5832, 1183, 1053]],
  [" don\u2019t", [836, 447, 247, 83]],
  ["caf\u00e9", [66, 1878, 2634]],
  ["cafe\u0301", [66, 8635, 136, 223]],
  ["\u4f60\u597d", [19526, 254, 25001, 121]],
  ["\u{1f600}", [47249, 222]],
  ["x\u00b2", [87, 31185]],
  ["\u00bd cup", [23141, 6508]],
  ["\u00a0a", [1849, 64]],
  ["a\u00a0 b", [64, 1849, 275]],
  ["1234567890", [10163, 2231, 30924, 3829]],
  ["\0", [188]],
  [" ".repeat(20), Array(20).fill(220)],
  [END_OF_TEXT, [27, 91, 437, 1659, 5239, 91, 29]],
  ["Alan Turing theorized that computers would one day become",
    [36235, 39141, 18765, 1143, 326, 9061, 561, 530, 1110, 1716]],
  ["The dog", [464, 3290]],
  ["Hello", [15496]],
  [" the most powerful machines on the planet.\n\nThe computer is a machine that can perform complex " +
   "calculations, and it can perform these calculations in a way that is very similar to the human brain.\n",
    [262, 749, 3665, 8217, 319, 262, 5440, 13, 198, 198, 464, 3644, 318, 257, 4572, 326, 460, 1620, 3716,
     16765, 11, 290, 340, 460, 1620, 777, 16765, 287, 257, 835, 326, 318, 845, 2092, 284, 262, 1692, 3632,
     13, 198]],
];
for (const [text] of FACTS) add("published ids", text);

group = "plain";
add("an empty text", "");
for (const text of [
  "low lower lowest", "lowlowerlowest", " lowest", "newer newest new", "wider widest", "the", " the", "  the", "The",
  "THE SERVER", "serverServerSERVER", "it's the server's fault", "supercalifragilisticexpialidocious", "antidisestablishmentarianism",
  "Hello, my dog is a little", "Today, I", "Data visualization empowers users to",
  "The server crashed because it ran out of memory.", "one\ntwo\nthree\n", "Wait... what?! No!!! (really)", "e.g. i.e. etc. vs.",
  "a-b_c/d\\e|f", "--help --version -n 64", "~`!@#$%^&*()-_=+[]{}\\|;:'\",.<>/?", "#hash ##two ###three #!/bin/sh", "# # ## ## #",
  "########", " ################ ", "#version: 0.2",
]) add("plain text", text);

group = "lowest rank first";
for (const text of ["ther", "thereth", "inging", "ererer", "estest", "hehe", "thethethe", "ononon", "reserverer", "ststst", "lolowerest",
  "Schl\u00fcssel\u00fcber", "0000000", "00100200", "==-==--==", "..--..--", "\u670d\u52a1\u5668\u5f88\u6162\u670d\u52a1\u5668"]) {
  add("the lowest rank merges first, anywhere in the chunk", text);
}

group = "one letter";
for (let n = 1; n <= 40; n++) add(`${n} times the letter a`, "a".repeat(n));

group = "contractions";
for (const ending of ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"]) {
  add("alone", ending);
  add("after a word, a digit, a space, a sign", `it${ending} 1${ending} ${ending} !${ending}`);
  add("inside a word, doubled, after another apostrophe", `x${ending}x ${ending}${ending} '${ending} y'${ending}`);
  add("upper case and mixed case are no contractions", `IT${ending.toUpperCase()} It'${ending.slice(1, 2).toUpperCase()}${ending.slice(2)}`);
}
for (const text of ["'tomato", "'sudo", "'dog", "'mother", "'revert", "'llama", "'velvet", "'l", "'r", "'v", "'", "''", "'''s", " '", "' s",
  "\n's", "\t'll", "\u00a0't", "o'clock", "rock'n'roll", "'tis 'twas", "I'd've", "y'all'd've", "we'Ll", "we'lL", "we'rE", "can'T",
  "\u00e9's", "\u4f60's", "\u2019s", "it\u2019s", "it\u2018s", "it\u02bcs", "it`s", "it\uff07s", "it'\u017f", "it'\uff53", "it'\u0455",
  "'s'", "('s)", "\"'s\"", "''ll''", "1'000'000", "5'd", "'90s", "s'"]) add("contractions and what looks like one", text);

const WHITE_SPACE = [0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x85, 0xa0, 0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005,
  0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000];
group = "white space";
for (const code of WHITE_SPACE) {
  const c = char(code);
  add(`${name(code)} alone`, c);
  add(`${name(code)} doubled`, c + c);
  add(`${name(code)} before words`, `a${c}b${c}${c}c 1${c}2${c}!`);
  add(`${name(code)} at the end`, `end${c}${c}${c}`);
  add(`${name(code)} beside spaces`, `x ${c}y${c} z ${c} `);
}
for (const text of ["  ", "   ", " a", "  a", "a ", "a  b", "a   b", " \n", "\n ", "\n\n\n", "a\n\n\nb", "a\n \nb", "a \n\n b", "\t\ta", "\t a", " \ta",
  "\r\n", "\r\n\r\n", "a\r\nb\r\n", "a\rb", "\r\r\n", "a \r\n b", "  \r\n  ", "\n\n  x", "x\n\n  ", " ! ?  .", "  !", "   1", "   '", "  's",
  " \u00a0a", "\u00a0 a", "\u3000\u3000\u4f60", "\u2028a", "a\u2029 b", " \u2003 \u2003x"]) add("runs of white space", text);

group = "no white space";
for (const code of [0x00, 0x01, 0x08, 0x0e, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x7f, 0x80, 0x84, 0x86, 0x9f, 0xad, 0x180e, 0x200b, 0x200c,
  0x200d, 0x200e, 0x2060, 0xfeff, 0xfffc]) {
  const c = char(code);
  add(`${name(code)} is no white space`, `${c} a${c}b ${c}c ${c}${c}  ${c}`);
}

group = "numbers";
for (const text of ["0", "7 77 777", "12345678901234567890", "3.14159", "1,000,000", "1e-5", "0x1F", "v2.0", "2023-01-15", "10:00:01", "a1b2c3",
  "1st 2nd 3rd", "\u0661\u0662\u0663", "x\u0664", "\u0967\u0968\u0969 \u096a", "\u0e51\u0e52", "\uff11\uff12\uff13", "\u{1d7d8}\u{1d7d9}",
  "\u2160\u2161\u2163 \u2174", "\u3007\u3021", "\u16ee", "\u{10140}", "x\u00b2 y\u00b3 z\u00b9", "\u00bc\u00bd\u00be 1\u00bd", "\u2070\u2074\u2089",
  "\u2460\u2461 \u2474", "\u2776\u3220\u3280", "\u0bf0", "\u09f4", "\u{1f100}", "1\u0660\u2163\u00b2a", " \u00b2", "  \u2163", "\u4e00\u4e8c\u4e09",
  "\u20ac100", "100%", "\u21161", "\u00aa\u00ba"]) add("numbers of the kinds Nd, Nl, No, and neighbours", text);

group = "marks and joiners";
for (const text of ["e\u0301", "\u0301", " \u0301", "a\u0301b\u0302c", "n\u0303o", "\u1e69 s\u0323\u0307", "x\u20dd", "a\u0300\u0301\u0302\u0303\u0304",
  "1\u20e3 2\ufe0f\u20e3", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}\u200d\u{1f466}", "\u{1f44d}\u{1f3fd}", "\u{1f1e9}\u{1f1ea}\u{1f1eb}\u{1f1f7}",
  "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "\u2764\ufe0f", " \u{1f600} \u{1f600}\u{1f600}", "a\u{1f600}b", "\u{1f600}1",
  "\u{1f680}\u{1f680}\u{1f680}!", "\u{1fae0}", "\u2600 \u2601", "\u00a9\u00ae\u2122", "\u2190\u2192 \u21d2", "\u2200x\u2208S"]) {
  add("combining marks, joiners, emoji, signs", text);
}

group = "scripts";
for (const [what, text] of [
  ["German", "\u00dcber die \u00c4nderung: gr\u00f6\u00dfere Br\u00fccken, M\u00fcller\u2019s Stra\u00dfe"],
  ["French", "\u00ab Voil\u00e0 \u00bb, dit-elle, l\u2019\u0153uvre c'est \u00e7a"],
  ["Spanish", "\u00bfQu\u00e9 pas\u00f3, ni\u00f1o? \u00a1Nada!"],
  ["Polish", "Za\u017c\u00f3\u0142\u0107 g\u0119\u015bl\u0105 ja\u017a\u0144"],
  ["Turkish", "\u0130stanbul \u0131l\u0131k \u015fi\u015fe"],
  ["Vietnamese", "Ti\u1ebfng Vi\u1ec7t r\u1ea5t \u0111\u1eb9p"],
  ["Greek", "\u039a\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5"],
  ["Russian", "\u0421\u0435\u0440\u0432\u0435\u0440 \u0443\u043f\u0430\u043b, \u0434\u0440\u0443\u0437\u044c\u044f!"],
  ["Hebrew", "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd"],
  ["Arabic", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627 \u0661\u0662"],
  ["Devanagari", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e \u0967\u0968"],
  ["Tamil", "\u0bb5\u0ba3\u0b95\u0bcd\u0b95\u0bae\u0bcd"],
  ["Thai", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01 \u0e17\u0e35\u0e48"],
  ["Hangul", "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4 \u1112\u1161\u11ab"],
  ["Japanese", "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\uff01 \u30b5\u30fc\u30d0\u30fc \uff76\uff9e"],
  ["Chinese", "\u670d\u52a1\u5668\u5d29\u6e83\u4e86,\u56e0\u4e3a\u5b83\u7684\u5185\u5b58\u4e0d\u591f\u3002\u4f60\u597d,\u4e16\u754c!"],
  ["Chinese with Latin and digits", "\u7528 gpt2 \u751f\u6210100\u4e2a\u8bcd abc\u4f60\u597ddef"],
  ["full-width forms", "\uff28\uff45\uff4c\uff4c\uff4f\u3000\uff37\uff4f\uff52\uff4c\uff44\uff01"],
  ["Georgian and Armenian", "\u10d2\u10d0\u10db\u10d0\u10e0\u10ef\u10dd\u10d1\u10d0 \u0532\u0561\u0580\u0565\u0582"],
  ["Ethiopic and Cherokee", "\u1230\u120b\u121d \u13a3\u13ce"],
  ["Gothic, outside the first plane", "\u{10330}\u{10331} \u{10332}"],
  ["mathematical letters", "\u{1d400}\u{1d401}c \u{1d7ce}"],
  ["rare Chinese, outside the first plane", "\u{20000}\u{2a6d6} \u{2f800}"],
  ["title case and modifier letters", "\u01c5 \u02b0\u02b1 \u1d2c \u2071"],
  ["ligatures", "\ufb01le o\ufb03ce \ufdfa"],
]) add(what, text);

group = "edges of Unicode";
for (const code of [0x7f, 0x80, 0xff, 0x100, 0x7ff, 0x800, 0xd7fb, 0xd7ff, 0xe000, 0xf8ff, 0xfdd0, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1ffff, 0xe0001,
  0xf0000, 0xffffd, 0x10fffd, 0x10fffe, 0x10ffff]) {
  add(name(code), `${char(code)} a${char(code)}${char(code)} 1`);
}

group = "bytes";
add("NUL bytes between words", "a\0b \0 c\0\0\0");
add("ends with a NUL byte", "end\0");
add("every ASCII byte", Array.from({ length: 128 }, (_, i) => char(i)).join(""));
add("U+0080 to U+00FF", Array.from({ length: 128 }, (_, i) => char(128 + i)).join(""));
add("U+0100 to U+0143, GPT-2's letters for bytes, as text", Array.from({ length: 68 }, (_, i) => char(0x100 + i)).join(""));
add("U+0120 as text is not a space", "\u0120the \u0120 \u010a\u010d");

group = "code";
for (const [what, text] of [
  ["C", "int main(void) {\n    for (int i = 0; i < SIZE; i++) {\n        printf(\"%d\\n\", i);\n    }\n    return 0;\n}\n"],
  ["C with tabs and CRLF", "if (x) {\r\n\treturn y;\r\n\t}\r\n"],
  ["Python", "def f(x):\n    return [i**2 for i in range(x) if i % 2 == 0]\n"],
  ["shell", "#!/bin/sh\nfor f in *.c; do\n\techo \"$f\" | sed 's/\\.c$//' >> \"$OUT\"\ndone\n"],
  ["JSON", "{\"id\": 100, \"name\": \"server-1\", \"tags\": [\"new\", \"slow\"], \"load\": 0.25, \"note\": null}"],
  ["indented JSON", "{\n  \"a\": {\n    \"b\": [\n      1,\n      2\n    ]\n  }\n}"],
  ["XML", "<?xml version=\"1.0\"?><a href='x'>b &amp; c</a><!-- d -->"],
  ["SQL", "SELECT * FROM users WHERE name = 'O''Brien' AND id IN (1,2,3);--"],
  ["URL", "https://example.com:8080/servers/100?load=0.25&tags=new%20slow#top"],
  ["e-mail", "root@example.com <root+test@mail.example.co.uk>"],
  ["path", "/usr/local/lib/libfoo.so.1.2.3 C:\\Windows\\System32"],
  ["hex and UUID", "deadbeef 0xDEADBEEF 123e4567-e89b-12d3-a456-426614174000"],
  ["base64", "SGVsbG8sIHdvcmxkIQ=="],
  ["LaTeX", "\\frac{1}{2} $x^2_i$ \\alpha"],
  ["Markdown", "# Title\n\n* one\n* **two**\n\n```c\nx;\n```\n\n| a | b |\n|---|---|\n"],
  ["log lines", "2023-01-15 10:00:01 GET /index.html 200 1024\n2023-01-15 10:00:02 GET /status.html 404 512\n"],
  ["makefile", "all: a.o b.o\n\t$(CC) -o $@ $^\n\n.PHONY: all\n"],
  ["terminal colours", "\x1b[1;31mred\x1b[0m"],
]) add(what, text);

group = "long runs";
for (const [what, text] of [
  ["1000 spaces", " ".repeat(1000)], ["1000 spaces and a word", " ".repeat(1000) + "end"], ["500 line ends", "\n".repeat(500)],
  ["1000 times the letter a", "a".repeat(1000)], ["1000 times the letter z", "z".repeat(1000)], ["500 times ab", "ab".repeat(500)],
  ["1000 digits", "1234567890".repeat(100)], ["1000 zeros", "0".repeat(1000)], ["500 times !", "!".repeat(500)], ["600 times =", "=".repeat(600)],
  ["200 times U+4F60", "\u4f60".repeat(200)], ["200 times U+1F600", "\u{1f600}".repeat(200)], ["300 times U+00FC", "\u00fc".repeat(300)],
  ["300 combining marks", "e" + "\u0301".repeat(300)], ["300 times 's", "'s".repeat(300)], ["200 words", "lower ".repeat(200)],
  ["a long word of mixed letters", "theservernewestlowerschl\u00fcssel\u670d\u52a1\u5668".repeat(20)], ["300 times CRLF", "\r\n".repeat(300)],
  ["300 NUL bytes", "\0".repeat(300)], ["200 tabs and a word", "\t".repeat(200) + "x"],
]) add(what, text);

group = "endoftext";
for (const text of [END_OF_TEXT, `a${END_OF_TEXT}b`, ` ${END_OF_TEXT} `, `${END_OF_TEXT}${END_OF_TEXT}`, `The end.${END_OF_TEXT}The server`, `a  ${END_OF_TEXT}`,
  `${END_OF_TEXT}\n\n`, `a \n\n${END_OF_TEXT}  b`, "<|endoftext|", "|endoftext|>", "<|endoftext>", "<<|endoftext|>>", "<|EndOfText|>", "< |endoftext|>",
  `it${END_OF_TEXT}'s`, `\u4f60${END_OF_TEXT}\u597d`, "<|endof<|endoftext|>text|>", `1 ${END_OF_TEXT} 2 ${END_OF_TEXT}`]) {
  add("as plain text", text);
  addSpecial("as the special token", text);
}
addSpecial("special tokens allowed, none there", "The server crashed");
addSpecial("special tokens allowed, an empty text", "");

// mulberry32, a small generator with a 32-bit state: the same numbers everywhere.
let state = 20240229;
function random(below) {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
}
const NASTY = ["a", "b", "e", "s", "t", "l", "m", "d", "r", "v", "S", "T", "L", "0", "1", "9", " ", " ", " ", "  ", "\n", "\r", "\r\n", "\t", "\u000b", "\u000c",
  "\0", "'", "'", "'s", "'ll", "'re", "\u2019", ".", ",", "!", "#", "##", "-", "_", "<", "|", ">", "\"", "\\", "{", "}", "\u001c", "\u001f", "\u0085", "\u00a0",
  "\u00ad", "\u00b2", "\u00bd", "\u00df", "\u00e9", "\u00fc", "\u0120", "\u0301", "\u0308", "\u0661", "\u0939\u093f", "\u0e33", "\u1680", "\u180e", "\u2003",
  "\u200b", "\u200d", "\u2028", "\u2029", "\u202f", "\u205f", "\u2163", "\u3000", "\u4e16", "\u4f60", "\u670d", "\uac00", "\ud7fb", "\ue000", "\ufe0f", "\ufeff",
  "\ufffd", "\uffff", "\u{10330}", "\u{1d7d8}", "\u{1f1e9}", "\u{1f3fd}", "\u{1f600}", "\u{20000}", "\u{10ffff}"];
const WORDS = ["the", " the", " lower", "est", " server", "er", "00", "10", " a", "low", "new", "\u00fcber", " \u00fc", "\u670d\u52a1\u5668", "aaa", "====", "...",
  "\u{1f680}", " \u{1f600}", "tion", "in", "Schl\u00fcssel", "\u4e16\u754c", "\n\n", "    ", "#!/", "### ", "--", "2023", "isn't", "we'll", "'t", "ing", "://"];
group = "random";
for (let n = 0; n < 160; n++) {
  const alphabet = n < 110 ? NASTY : [...WORDS, ...NASTY];
  const letters = 1 + random(40);
  let text = "";
  for (let i = 0; i < letters; i++) text += alphabet[random(n < 110 || random(3) == 0 ? alphabet.length : WORDS.length)];
  add(n < 110 ? "random letters" : "random pieces of words", text);
}
// Tokens drawn at random, joined to a text: that text rarely comes apart into the same tokens.
for (const [what, encoder, size, lines] of [["GPT-2's", real, 50256, 40], ["the small vocabulary's", small, smallTokens.length, 30]]) {
  for (let n = 0; n < lines; ) {
    const drawn = Array.from({ length: 1 + random(25) }, () => Buffer.from(encoder.decode_single_token_bytes(random(size))));
    const bytes = Buffer.concat(drawn);
    if (isUtf8(bytes)) {
      add(`random tokens of ${what}`, bytes.toString("utf8"));
      n++;
    }
  }
}

// --------------------------------------------------------------- the checks

if (process.env.GPT2_TOKENIZER_DIR) {
  const tokens = readVocabulary(process.env.GPT2_TOKENIZER_DIR);
  tokens.forEach((token, id) => {
    if (!token.equals(Buffer.from(real.decode_single_token_bytes(id)))) fail(`token ${id} is not tiktoken's`);
  });
  const broken = tokens.filter((token) => !isUtf8(token));
  console.log(`${tokens.length + 1} tokens of GPT2_TOKENIZER_DIR are tiktoken's; ${broken.length} are not whole UTF-8`);
  // The files alone, without tiktoken's own copy of the vocabulary, must give the same ids.
  const fromFiles = makeEncoder(tokens);
  for (const { text } of cases) {
    if (String(fromFiles.encode_ordinary(text)) !== String(real.encode_ordinary(text))) fail(`the files give other ids for ${JSON.stringify(text)}`);
  }
}

// -------------------------------------------------------------- the goldens

function encode(encoder, { text, special }) {
  const ids = [...(special ? encoder.encode(text, [END_OF_TEXT], []) : encoder.encode_ordinary(text))];
  if (!Buffer.from(encoder.decode(ids)).equals(Buffer.from(text, "utf8"))) fail(`lost bytes of ${JSON.stringify(text)}`);
  return ids;
}

for (const [text, ids] of FACTS) {
  const found = encode(real, { text, special: false });
  if (String(found) !== String(ids)) fail(`${JSON.stringify(text)}: tiktoken says ${found}, published is ${ids}`);
}
if (String(encode(real, { text: END_OF_TEXT, special: true })) !== "50256") fail("<|endoftext|> is not 50256");
for (const { text } of cases) if (!text.isWellFormed()) fail(`half a surrogate pair in ${JSON.stringify(text)}`);

let different = 0;
for (const [file, encoder] of [["real.jsonl", real], ["small.jsonl", small]]) {
  const used = new Set();
  let total = 0;
  const lines = cases.map((entry) => {
    const ids = encode(encoder, entry);
    ids.forEach((id) => used.add(id));
    total += ids.length;
    const line = { hex: Buffer.from(entry.text, "utf8").toString("hex"), ids, note: `${entry.group}: ${entry.note}` };
    return JSON.stringify(entry.special ? { ...line, special: true } : line) + "\n";
  });
  const content = lines.join("");
  const path = join(here, file);
  if (process.argv.includes("--check")) {
    const same = existsSync(path) && readFileSync(path, "utf8") === content;
    if (!same) different++;
    console.log(`${file}: ${same ? "as it should be" : "DIFFERENT"}`);
  } else {
    writeFileSync(path, content);
  }
  console.log(`${file}: ${lines.length} lines, ${total} ids, ${used.size} different tokens, ${content.length} bytes, ` +
    `SHA-256 ${createHash("sha256").update(content).digest("hex").slice(0, 16)}`);
}
const counts = new Map();
for (const entry of cases) counts.set(entry.group, (counts.get(entry.group) ?? 0) + 1);
console.log([...counts].map(([what, count]) => `  ${String(count).padStart(4)}  ${what}`).join("\n"));
process.exit(different ? 1 : 0);
