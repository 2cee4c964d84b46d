/*
 * ops.h - the arithmetic of a transformer, as readable loops.
 *
 * These few functions are all the mathematics that GPT-2 needs. They are written to be read and
 * quoted: straight loops, no tricks. The fast versions live in kernels/ and are tested against
 * these. Input and output arrays must not overlap unless a comment says that they may.
 */
#ifndef COMMON_OPS_H
#define COMMON_OPS_H

#include <stddef.h>

/* The sum of a[i] * b[i]: large when two vectors point the same way. a, b: [n] */
float dot(const float *a, const float *b, size_t n);

/*
 * Turns scores into shares, in place: every share is between 0 and 1 and they sum to 1, like the
 * weights of a load balancer. x: [n], n >= 1
 *     share[i] = exp(x[i]) / sum of exp(x[j])
 * A score of -INFINITY gets a share of 0; at least one score must be finite.
 */
void softmax(float *x, size_t n);

/*
 * Minus the natural logarithm of the share that softmax would give to element id: 0 when it would get
 * everything, and finite where the share itself would round to 0. logits: [n], unchanged; id < n
 *     log(sum of exp(logits[j])) - logits[id]
 */
double surprise(const float *logits, size_t n, size_t id);

/*
 * Brings a vector to mean 0 and variance 1, then stretches and shifts each element by what
 * training has found. x, weight, bias, out: [n]; out may be x.
 *     out[i] = (x[i] - mean) / sqrt(variance + epsilon) * weight[i] + bias[i]
 * Ba, Kiros and Hinton, "Layer Normalization", 2016, https://arxiv.org/abs/1607.06450
 */
void layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t n,
                float epsilon);

/*
 * Every output is a weighted sum of all inputs, plus a bias; once for each row.
 * x: [n_rows, n_in]  weight: [n_in, n_out]  bias: [n_out] or NULL  out: [n_rows, n_out]
 *     out[r][o] = bias[o] + sum over i of x[r][i] * weight[i][o]
 * GPT-2's files store these weights as [n_in, n_out]; most other models store [n_out, n_in].
 */
void linear(float *out, const float *x, const float *weight, const float *bias, size_t n_rows,
            size_t n_in, size_t n_out);

/*
 * The same with the weights stored the other way, a row per output, and no bias: the output head,
 * which reads the token embeddings wte as its weights.
 * x: [n_rows, n_in]  weight: [n_out, n_in]  out: [n_rows, n_out]
 */
void linear_by_rows(float *out, const float *x, const float *weight, size_t n_rows, size_t n_in,
                    size_t n_out);

/*
 * The bend between the two linear layers of the MLP, on each element in place. x: [n]
 * GPT-2 uses the approximation by tanh, which its config.json calls gelu_new:
 *     0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
 * Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, https://arxiv.org/abs/1606.08415
 */
void gelu(float *x, size_t n);

/* The exact form, 0.5 x (1 + erf(x / sqrt(2))); config.json calls it gelu. x: [n] */
void gelu_exact(float *x, size_t n);

/* The index of the largest element; the first one when several are equal; NaN never wins against
 * a number. x: [n], n >= 1 */
size_t argmax(const float *x, size_t n);

#endif
