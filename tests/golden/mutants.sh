#!/bin/sh
# Shows that the goldens would notice a mistake: breaks the forward passes on purpose, one mistake
# at a time, and demands that some logit moves by at least 100 times the tolerance.
#
# A mutant is one sed script on one file of common/. The mutated file is compiled and linked before
# the library, so its functions take the place of the library's. TAP on standard output.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
CC=${CC:-cc}
WANTED=100
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0

flags=$(pkg-config --cflags --libs libcjson libutf8proc)

# largest_error PROGRAM PATTERN: the largest error of the golden tests whose name matches.
largest_error() {
  "$1" "$BUILD/tests/random_model" --logits tests/golden/forward/*.json |
    awk -v pattern="$2" '$0 ~ pattern && /logits/ {
      for (i = 1; i < NF; i++) if ($i == "error" && ($(i + 1) == "inf" || $(i + 1) + 0 > worst + 0)) {
        worst = $(i + 1); if (worst == "inf") worst = 1e30
      } } END { print worst + 0 }'
}

# mutant FILE NAME SED_SCRIPT: FILE is transformer, gpt2 (the engine) or attention_kernels. The last
# is a part of every table of kernels: it is changed in the portable one, and that one is run.
mutant() {
  n=$((n + 1))
  file=$1
  name="$file: $2"
  pattern=engine
  [ "$file" = transformer ] && pattern=transformer
  original=common/$file.c
  compiled=$work/$file.c
  changed=$compiled
  unset GPT2_KERNELS
  if [ "$file" = attention_kernels ]; then
    original=common/kernels/attention_kernels.h
    changed=$work/attention_kernels.h
    compiled=$work/portable.c
    cp common/kernels/portable.c "$compiled"
    export GPT2_KERNELS=portable
  fi
  sed -e "$3" "$original" >"$changed"
  if cmp -s "$original" "$changed"; then
    echo "not ok $n - $name: the sed script changes nothing; bring it up to date"
    return
  fi
  # shellcheck disable=SC2086
  if ! $CC -std=c11 -O1 -w -pthread -iquote common -iquote common/kernels -o "$work/mutant" "$compiled" \
    "$BUILD/tests/golden_forward.o" "$BUILD/libgpt2.a" $flags -lm 2>"$work/err"; then
    echo "not ok $n - $name: does not compile"
    sed 's/^/# /' "$work/err" | head -5
    return
  fi
  error=$(largest_error "$work/mutant" "$pattern")
  if awk -v e="$error" -v w="$WANTED" 'BEGIN { exit !(e >= w) }'; then
    echo "ok $n - $name: moves a logit by $error tolerances"
  else
    echo "not ok $n - $name: moves a logit by $error tolerances, expected at least $WANTED"
  fi
}

# Nothing broken: the same machinery finds no error.
n=$((n + 1))
error=$(largest_error "$BUILD/tests/golden_forward" .)
if awk -v e="$error" 'BEGIN { exit !(e > 0 && e <= 1) }'; then
  echo "ok $n - unbroken: $error of the tolerance"
else
  echo "not ok $n - unbroken: $error of the tolerance, expected more than 0 and at most 1"
fi

# The same mistakes in both, where the code reads the same.
for file in transformer gpt2; do
  mutant "$file" "layer norm with an epsilon of its own" 's|config->layer_norm_epsilon|1e-5f|; s|model->config.layer_norm_epsilon|1e-5f|'
  mutant "$file" "no bias in c_attn" 's|weights->attn_c_attn_bias|NULL|'
  mutant "$file" "no bias in attention's c_proj" 's|weights->attn_c_proj_bias|NULL|'
  mutant "$file" "no bias in c_fc" 's|weights->mlp_c_fc_bias|NULL|'
  mutant "$file" "no bias in the MLP's c_proj" 's|weights->mlp_c_proj_bias|NULL|'
  mutant "$file" "ln_1's bias in place of ln_2's" 's|weights->ln_2_bias|weights->ln_1_bias|'
  mutant "$file" "ln_2's weight in place of ln_1's" 's|weights->ln_1_weight|weights->ln_2_weight|'
  mutant "$file" "another bias in ln_f" 's|model->ln_f_bias|model->wpe|'
  mutant "$file" "position embeddings off by one" 's|model->wpe + (session->n_past + t)|model->wpe + (session->n_past + t \^ 1)|; s|model->wpe + t |model->wpe + (t \^ 1) |'
done

for file in transformer attention_kernels; do
  mutant "$file" "attention is not scaled" 's|1.0f / sqrtf((float)d_head)|1.0f|'
  mutant "$file" "scaled by the wrong number of dimensions" 's|sqrtf((float)d_head)|sqrtf((float)(d_head + 1))|'
done

mutant transformer "the exact GELU instead of the tanh form" 's|== GPT2_GELU_TANH|== GPT2_GELU_EXACT + 1|'
mutant transformer "the tanh GELU instead of the exact form" 's|== GPT2_GELU_TANH|!= GPT2_GELU_EXACT + 1|'
mutant gpt2 "the exact GELU instead of the tanh form" 's|== GPT2_GELU_EXACT|!= GPT2_GELU_EXACT + 1|'
mutant gpt2 "the tanh GELU instead of the exact form" 's|== GPT2_GELU_EXACT|== GPT2_GELU_EXACT + 1|'

mutant transformer "no residual around the MLP and attention" 's|->x\[i\] += |->x[i] = |'
mutant gpt2 "no residual around attention" 's|attn_c_proj_bias, THEN_NOTHING, true|attn_c_proj_bias, THEN_NOTHING, false|'
mutant gpt2 "no residual around the MLP" '/mlp_c_proj_bias, THEN_NOTHING,/{n;s|true|false|}'
mutant transformer "the tied head where the file has its own" 's|model->lm_head|model->wte|'
mutant gpt2 "the tied head where the file has its own" 's|{model->head,|{model->embeddings,|'

mutant transformer "a token does not see itself" \
  's|s <= t; s++) {$|s < t + (t == 0); s++) {|; s|softmax(weights, t + 1)|softmax(weights, t + (t == 0))|'
mutant transformer "no mask: a token sees the ones after it" \
  's|s <= t; s++|s < seq_len; s++|; s|softmax(weights, t + 1)|softmax(weights, seq_len)|; s|size_t s = t + 1;|size_t s = seq_len;|'
mutant gpt2 "a token does not see itself" 's|session->n_past + first + 1,|session->n_past + first + (session->n_past + first == 0),|'
mutant attention_kernels "no mask: a token sees the ones after it" 's|softmax(scores + r \* score_stride, n_keys + r)|softmax(scores + r * score_stride, most)|; s|weight_stride, more, n_rows|weight_stride, 0, n_rows|'
mutant gpt2 "the cache is written at the wrong place" 's|cache_write(\&cache, session->n_past + t,|cache_write(\&cache, t,|'
mutant attention_kernels "values of another position" 's|values + s / n \* value_row|values + (s == n ? 2 * n : s) / n * value_row|'
echo "1..$n"
