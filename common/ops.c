#include "ops.h"

#include <math.h>

float dot(const float *a, const float *b, size_t n) {
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void softmax(float *x, size_t n) {
    // Subtracting the largest score changes no share (it cancels in the division) and keeps exp
    // from overflowing: exp(89) is already more than a float can hold.
    float largest = x[argmax(x, n)];
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++) {
        x[i] = expf(x[i] - largest);
        sum += x[i];
    }
    for (size_t i = 0; i < n; i++)
        x[i] /= sum;
}

double surprise(const float *logits, size_t n, size_t id) {
    double largest = (double)logits[argmax(logits, n)], sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - largest);
    return log(sum) - ((double)logits[id] - largest);
}

void layer_norm(float *out, const float *x, const float *weight, const float *bias, size_t n,
                float epsilon) {
    float mean = 0.0f;
    for (size_t i = 0; i < n; i++)
        mean += x[i];
    mean /= (float)n;

    float variance = 0.0f; // the mean squared distance from the mean
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean);
    variance /= (float)n;

    float scale = 1.0f / sqrtf(variance + epsilon); // epsilon: no division by 0
    for (size_t i = 0; i < n; i++)
        out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

void linear(float *out, const float *x, const float *weight, const float *bias, size_t n_rows,
            size_t n_in, size_t n_out) {
    for (size_t r = 0; r < n_rows; r++) {
        float *out_row = out + r * n_out;  // [n_out]
        const float *x_row = x + r * n_in; // [n_in]
        for (size_t o = 0; o < n_out; o++)
            out_row[o] = bias != NULL ? bias[o] : 0.0f;
        // Input by input, so that the weights are read in the order in which they are stored.
        for (size_t i = 0; i < n_in; i++) {
            const float *weight_row = weight + i * n_out; // [n_out]
            for (size_t o = 0; o < n_out; o++)
                out_row[o] += x_row[i] * weight_row[o];
        }
    }
}

void linear_by_rows(float *out, const float *x, const float *weight, size_t n_rows, size_t n_in,
                    size_t n_out) {
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t o = 0; o < n_out; o++)
            out[r * n_out + o] = dot(x + r * n_in, weight + o * n_in, n_in);
    }
}

void gelu(float *x, size_t n) {
    const float sqrt_2_over_pi = 0.7978845608f;
    for (size_t i = 0; i < n; i++) {
        float cube = x[i] * x[i] * x[i];
        x[i] = 0.5f * x[i] * (1.0f + tanhf(sqrt_2_over_pi * (x[i] + 0.044715f * cube)));
    }
}

void gelu_exact(float *x, size_t n) {
    const float one_over_sqrt_2 = 0.7071067812f;
    for (size_t i = 0; i < n; i++)
        x[i] = 0.5f * x[i] * (1.0f + erff(x[i] * one_over_sqrt_2));
}

size_t argmax(const float *x, size_t n) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++) {
        if (x[i] > x[best] || isnan(x[best]))
            best = i;
    }
    return best;
}
