/* diff.c - see diff.h.
 *
 * A sum or difference of two F32 numbers, taken in double and rounded to F32, is the one taken in
 * F32: double is needed for F64 alone. The code is a macro over the type of the arithmetic.
 *
 * A block of elements goes through these steps, each a plain loop:
 *
 *     t, b      tuned and base in the type of the arithmetic
 *     d         t - b; out = d rounded to dtype od; d = out widened again
 *     sum       b + d, rounded to the dtype of tuned and widened again
 *     missed    how many of sum are not t
 *
 * So what is compared is what a merge of the stored patch gives.
 */
#include "patch/diff.h"

#include "base/arith.h"
#include "tensor/vec.h"

/* Elements a thread works on at a time: five arrays of doubles stay in the nearest cache. */
#define DIFF_BLOCK    512
/* More elements than a piece of a walk has: those are worked on by a thread each already. */
#define PARALLEL_FROM (256u << 10)

/* The rest of a, from element `at` on. */
static sp_array from(sp_array a, size_t at)
{
    return (sp_array){(const char *)a.x + at * sp_dtype_size(a.dtype), a.dtype};
}

/* diff_T(out, od, tuned, base, n): n <= DIFF_BLOCK elements in arithmetic of type T, whose dtype is
 * NATIVE. Returns how many do not come back. */
#define DEFINE_DIFF(T, NATIVE, TO, FROM)                                                      \
    /* The elements in T: in place if they are stored so, else widened into buf. */           \
    static const T *view_##T(T *buf, sp_array a, size_t n)                                    \
    {                                                                                         \
        if (a.dtype == NATIVE) return (const T *)a.x;                                         \
        TO(buf, a.x, a.dtype, n);                                                             \
        return buf;                                                                           \
    }                                                                                         \
    static uint32_t diff_##T(void *out, sp_dtype od, sp_array tuned, sp_array base, size_t n) \
    {                                                                                         \
        T t_buf[DIFF_BLOCK], b_buf[DIFF_BLOCK], d[DIFF_BLOCK], sum[DIFF_BLOCK],               \
            rounded[DIFF_BLOCK];                                                              \
        const T *t = view_##T(t_buf, tuned, n), *b = view_##T(b_buf, base, n);                \
        uint32_t missed = 0;                                                                  \
        for (size_t i = 0; i < n; i++) d[i] = t[i] - b[i];                                    \
        FROM(out, d, od, n);                                                                  \
        if (od != NATIVE) TO(d, out, od, n);                                                  \
        for (size_t i = 0; i < n; i++) sum[i] = b[i] + d[i];                                  \
        if (tuned.dtype != NATIVE) {                                                          \
            FROM(rounded, sum, tuned.dtype, n);                                               \
            TO(sum, rounded, tuned.dtype, n);                                                 \
        }                                                                                     \
        for (size_t i = 0; i < n; i++) missed += sum[i] != t[i];                              \
        return missed;                                                                        \
    }
DEFINE_DIFF(double, SP_F64, sp_to_f64, sp_from_f64)
DEFINE_DIFF(float, SP_F32, sp_to_f32, sp_from_f32)

/* sp_diff for n <= DIFF_BLOCK elements. Adds to *missed, returns SP_DIFF_* bits. */
static int diff_block(void *out, sp_dtype od, sp_array tuned, sp_array base, size_t n,
                      uint64_t *missed)
{
    bool wide = tuned.dtype == SP_F64 || base.dtype == SP_F64 || od == SP_F64;
    *missed += (wide ? diff_double : diff_float)(out, od, tuned, base, n);
    return (sp_all_finite(tuned.x, tuned.dtype, n) ? 0 : SP_DIFF_BAD_TUNED) |
           (sp_all_finite(base.x, base.dtype, n) ? 0 : SP_DIFF_BAD_BASE) |
           (sp_all_finite(out, od, n) ? 0 : SP_DIFF_OVERFLOW);
}

int sp_diff(void *out, sp_dtype od, sp_array tuned, sp_array base, size_t n, uint64_t *missed)
{
    uint64_t not_back = 0;
    int bad = 0;
    size_t size = sp_dtype_size(od);
    /* a sum of counts and an OR of bits do not depend on which thread had which block */
#pragma omp parallel for schedule(static) reduction(+ : not_back) reduction(| : bad) \
    if (n > PARALLEL_FROM)
    for (size_t at = 0; at < n; at += DIFF_BLOCK)
        bad |= diff_block((char *)out + at * size, od, from(tuned, at), from(base, at),
                          SP_MIN(n - at, (size_t)DIFF_BLOCK), &not_back);
    *missed += not_back;
    return bad;
}
