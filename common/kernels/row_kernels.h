/*
 * kernels/row_kernels.h - softmax, GELU and layer norm on vectors of sixteen.
 *
 * These work on a few thousand numbers where the matrices have millions, and yet, one number at a
 * time through the C library's expf, they would take as long as the matrices: expf costs as much as
 * some forty multiplications. Like serializing each record by itself when there is a bulk encoder.
 * The remedy is an exponential function of our own that does sixteen at once:
 *
 *     e^x = 2^n * e^r,    n = x / ln 2 rounded to a whole number,    r = x - n ln 2
 *
 * 2^n costs nothing: n is put into the exponent bits of a float. r lies between -0.35 and 0.35,
 * where a polynomial of degree 6 is exact to 3 parts in a billion. Its terms are nearly those of the
 * Taylor series, 1/2 to 1/720; adjusting them makes the largest error some forty times smaller.
 * ops.c has the same three functions as they are meant.
 */
#include <math.h>
#include <string.h>

/*
 * e^x with a relative error of at most 1.2e-7 from -87 to 88. It ends in 0 below -87.7, where a float
 * would lose digits and the processor time, and in infinity above 88.4. Not a number stays that.
 */
INLINE f32x16 exp16(f32x16 x) {
    // The operand that may be NaN stands second, so that it stays NaN. These two limits give the
    // powers of two whose bits are 0 and infinity.
    x = f32x16_min(f32x16_set(89.0f), f32x16_max(f32x16_set(-88.0f), x));
    f32x16 n = f32x16_round(f32x16_mul(x, f32x16_set(1.44269504f)));
    // ln 2 in two parts, the first with few digits, so that n times it is exact
    f32x16 r = f32x16_fma(n, f32x16_set(-0.693359375f), x);
    r = f32x16_fma(n, f32x16_set(2.12194440e-4f), r);
    f32x16 p = f32x16_set(1.381459064e-3f);
    p = f32x16_fma(p, r, f32x16_set(8.368719245e-3f));
    p = f32x16_fma(p, r, f32x16_set(4.166838833e-2f));
    p = f32x16_fma(p, r, f32x16_set(1.666652061e-1f));
    p = f32x16_fma(p, r, f32x16_set(4.999999345e-1f));
    p = f32x16_fma(p, r, f32x16_set(1.0f));
    p = f32x16_fma(p, r, f32x16_set(1.0f));
    return f32x16_mul(p, f32x16_power_of_2(n));
}

/* The last n < 16 numbers of an array, the rest filled with `fill`. */
INLINE f32x16 load_some(const float *x, size_t n, float fill) {
    float lanes[16];
    for (size_t i = 0; i < 16; i++)
        lanes[i] = i < n ? x[i] : fill;
    return f32x16_load(lanes);
}

INLINE void store_some(float *x, size_t n, f32x16 v) {
    float lanes[16];
    f32x16_store(lanes, v);
    memcpy(x, lanes, n * sizeof *x);
}

TARGET static void softmax(float *x, size_t n) {
    size_t whole = n - n % 16;
    f32x16 most = load_some(x + whole, n - whole, -INFINITY);
    for (size_t i = 0; i < whole; i += 16)
        most = f32x16_max(most, f32x16_load(x + i));
    f32x16 largest = f32x16_set(f32x16_largest(most)), minus = f32x16_set(-1.0f);
    f32x16 sums = f32x16_zero();
    for (size_t i = 0; i < whole; i += 16) {
        f32x16 e = exp16(f32x16_fma(largest, minus, f32x16_load(x + i)));
        f32x16_store(x + i, e);
        sums = f32x16_add(sums, e);
    }
    float sum = f32x16_sum(sums);
    if (whole < n) {
        f32x16 rest = load_some(x + whole, n - whole, -INFINITY);
        store_some(x + whole, n - whole, exp16(f32x16_fma(largest, minus, rest)));
        for (size_t i = whole; i < n; i++)
            sum += x[i];
    }
    f32x16 share = f32x16_set(1.0f / sum);
    for (size_t i = 0; i < whole; i += 16)
        f32x16_store(x + i, f32x16_mul(f32x16_load(x + i), share));
    for (size_t i = whole; i < n; i++)
        x[i] /= sum;
}

/* 0.5 x (1 + tanh(u)) is x / (1 + e^(-2u)); u = sqrt(2 / pi) (x + 0.044715 x^3) */
INLINE f32x16 gelu16(f32x16 x) {
    f32x16 inner = f32x16_fma(f32x16_mul(x, x), f32x16_set(0.044715f), f32x16_set(1.0f));
    f32x16 u = f32x16_mul(f32x16_mul(x, inner), f32x16_set(-2.0f * 0.797884561f));
    return f32x16_div(x, f32x16_add(f32x16_set(1.0f), exp16(u)));
}

TARGET static void gelu(float *x, size_t n) {
    size_t whole = n - n % 16;
    for (size_t i = 0; i < whole; i += 16)
        f32x16_store(x + i, gelu16(f32x16_load(x + i)));
    if (whole < n)
        store_some(x + whole, n - whole, gelu16(load_some(x + whole, n - whole, 0.0f)));
}

/* The mean of x[i] - center, or of its square. */
INLINE float mean_of(const float *x, size_t n, float center, int squared) {
    f32x16 sums = f32x16_zero(), offset = f32x16_set(-center);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        f32x16 d = f32x16_add(f32x16_load(x + i), offset);
        sums = squared ? f32x16_fma(d, d, sums) : f32x16_add(sums, d);
    }
    float sum = f32x16_sum(sums);
    for (; i < n; i++)
        sum += squared ? (x[i] - center) * (x[i] - center) : x[i] - center;
    return sum / (float)n;
}

TARGET static void layer_norm(float *out, const float *x, const float *weight, const float *bias,
                              size_t n, float epsilon) {
    float mean = mean_of(x, n, 0.0f, 0);
    float scale = 1.0f / sqrtf(mean_of(x, n, mean, 1) + epsilon);
    f32x16 offsets = f32x16_set(-mean), scales = f32x16_set(scale);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        f32x16 normed = f32x16_mul(f32x16_add(f32x16_load(x + i), offsets), scales);
        f32x16_store(out + i, f32x16_fma(normed, f32x16_load(weight + i), f32x16_load(bias + i)));
    }
    for (; i < n; i++)
        out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

/* Eight sums, so that no addition waits for another one. */
TARGET static float read_floats(const void *floats, size_t n) {
    const char *at = floats;
    f32x16 sums[8];
    for (size_t v = 0; v < 8; v++)
        sums[v] = f32x16_zero();
    for (size_t i = 0; i + 128 <= n; i += 128) {
        for (size_t v = 0; v < 8; v++)
            sums[v] = f32x16_add(sums[v], f32x16_load(at + (i + v * 16) * sizeof(float)));
    }
    for (size_t v = 1; v < 8; v++)
        sums[0] = f32x16_add(sums[0], sums[v]);
    return f32x16_sum(sums[0]);
}
