/* operands.h - arrays of random numbers and matrices as products take them, for the tests
 * of the engine.
 */
#ifndef SP_TEST_OPERANDS_H
#define SP_TEST_OPERANDS_H

#include "base/arith.h"
#include "base/memory.h"
#include "base/philox.h"
#include "engine/matrix.h"
#include "tensor/vec.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

/* n numbers of mean 0 and variance 1, evenly spread; the same for the same key. */
static inline float *random_floats(int64_t n, uint64_t key)
{
    float *x = sp_xfloats((size_t)n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(sqrt(12) * (sp_rand_unit(1, key, (uint64_t)i) - 0.5));
    return x;
}

static inline float *copy_floats(const float *x, int64_t n)
{
    float *y = sp_xfloats((size_t)n);
    memcpy(y, x, (size_t)n * sizeof *y);
    return y;
}

/* |x - ref| / |ref| */
static inline double relative_l2(const float *x, const float *ref, size_t n)
{
    double d = 0, r = 0;
    for (size_t i = 0; i < n; i++) {
        d += pow((double)x[i] - (double)ref[i], 2);
        r += (double)ref[i] * (double)ref[i];
    }
    return sqrt(d) / SP_MAX(sqrt(r), 1e-30);
}

static inline void expect_near(const char *what, double got, double want,
                               double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.9g instead of %.9g, off by %.3g, tolerance %.3g", what, got, want,
                 fabs(got - want), tolerance);
}

/* A matrix as stored, and its values. */
typedef struct {
    void *stored;
    sp_dtype dtype;
    float *values;
    int64_t rows, cols;
} operand;

static inline operand random_operand(uint64_t key, int64_t rows, int64_t cols,
                                     sp_dtype dtype)
{
    size_t n = (size_t)(rows * cols);
    operand x = {sp_xfloats(n), dtype, random_floats(rows * cols, key), rows, cols};
    sp_from_f32(x.stored, x.values, dtype, n);
    sp_to_f32(x.values, x.stored, dtype, n);
    return x;
}

static inline void operand_free(operand *x)
{
    free(x->stored);
    free(x->values);
}

static inline sp_mat matrix_of(const operand *x) { return (sp_mat){x->stored, x->dtype}; }

/* Element (i, j) of op(A) op(B) in double, a sum of k terms; *size gets the sum of their
 * absolute values. ta, tb: the matrix is stored as its transpose. */
static inline double slow_element(const operand *a, bool ta, const operand *b, bool tb,
                                  int64_t i, int64_t j, int64_t k, double *size)
{
    double sum = 0;
    *size = 0;
    for (int64_t s = 0; s < k; s++) {
        double term = (double)a->values[ta ? s * a->cols + i : i * a->cols + s] *
                      (double)b->values[tb ? j * b->cols + s : s * b->cols + j];
        sum += term;
        *size += fabs(term);
    }
    return sum;
}

/* How far a sum of n products in F32 may be off, in any order of summation and with or
 * without fused multiply-adds: each of at most n + 1 roundings on a term's way into the
 * sum adds a relative error of 2^-24 (Higham, Accuracy and Stability of Numerical
 * Algorithms, 3.1). `size` is the sum of the absolute values of the terms. A block of
 * terms that is lost changes the sum by far more: one of 512 of 4100 terms by 0.6 % of
 * size (its terms have random signs), which is 25 times the tolerance. */
static inline double sum_tolerance(int64_t n, double size)
{
    return (double)(n + 2) * 0x1p-24 * size;
}

#endif
