/* test_vec.c - conversions against their definitions, exhaustively where that is possible, and that
 * the number of threads changes nothing. */
#include "base/base.h"
#include "base/philox.h"
#include "tensor/vec.h"

#include <setjmp.h>
#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, 4);
    return u;
}

static uint16_t narrow(float x, sp_dtype d)
{
    uint16_t h;
    sp_from_f32(&h, &x, d, 1);
    return h;
}

/* ---- half formats --------------------------------------------------------------------- */

/* The value a 16-bit pattern with `e` exponent and `m` mantissa bits stands for. */
static double value_of(uint16_t h, int e, int m)
{
    int exponent = h >> m & ((1 << e) - 1), bias = (1 << (e - 1)) - 1,
        mantissa = h & ((1 << m) - 1);
    double sign = h >> 15 ? -1 : 1;
    if (exponent == (1 << e) - 1) return mantissa ? NAN : sign * INFINITY;
    if (!exponent) return sign * ldexp(mantissa, 1 - bias - m);
    return sign * ldexp(1 + ldexp(mantissa, -m), exponent - bias);
}

static void every_half_widens(void **state)
{
    (void)state;
    static uint16_t h[65536];
    static float f[65536];
    static double g[65536];
    for (int i = 0; i < 65536; i++) h[i] = (uint16_t)i;
    for (int k = 0; k < 2; k++) {
        sp_dtype d = k ? SP_BF16 : SP_F16;
        sp_to_f32(f, h, d, 65536);
        sp_to_f64(g, h, d, 65536);
        for (int i = 0; i < 65536; i++) {
            double want = value_of((uint16_t)i, k ? 8 : 5, k ? 7 : 10);
            if (isnan(want)) {
                assert_true(isnan(f[i]) && isnan(g[i]));
                uint16_t back = narrow(f[i], d);
                assert_true(isnan(value_of(back, k ? 8 : 5, k ? 7 : 10)));
                continue;
            }
            assert_true((double)f[i] == want && g[i] == want && !signbit(f[i]) == !signbit(want));
            assert_int_equal(narrow(f[i], d), i); /* and back, to the bit */
        }
    }
}

/* Between each two neighbours: below the middle goes down, above goes up, the middle to the even
 * one. */
static void rounding_is_to_nearest_even(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        sp_dtype d = k ? SP_BF16 : SP_F16;
        int e = k ? 8 : 5, m = k ? 7 : 10;
        uint16_t inf = (uint16_t)(((1 << e) - 1) << m);
        for (int i = 0; i < inf; i++) {
            double lo = value_of((uint16_t)i, e, m),
                   hi = i + 1 == inf ? 2 * lo - value_of((uint16_t)(i - 1), e, m)
                                     : value_of((uint16_t)(i + 1), e, m);
            float mid = (float)((lo + hi) / 2); /* exact: one more bit */
            if (mid == 0 || !isfinite(mid)) continue;
            uint16_t even = (uint16_t)(i % 2 ? i + 1 : i);
            assert_int_equal(narrow(mid, d), even);
            assert_int_equal(narrow(nextafterf(mid, 0), d), i);
            assert_int_equal(narrow(nextafterf(mid, INFINITY), d), i + 1);
            assert_int_equal(narrow(-mid, d), even | 0x8000);
        }
        assert_int_equal(narrow(FLT_MAX, d), inf);
        assert_int_equal(narrow(-INFINITY, d), inf | 0x8000);
    }
}

static void other_dtypes(void **state)
{
    (void)state;
    static const float x[] = {0, 1.5f, 2.5f, -1, 300, -1e30f, 1e30f, NAN};
    int8_t i8[8];
    uint8_t u8[8], b[8];
    int32_t i32[8];
    int64_t i64[8];
    uint64_t u64[8];
    double f64[8];
    sp_from_f32(i8, x, SP_I8, 8);
    sp_from_f32(u8, x, SP_U8, 8);
    sp_from_f32(b, x, SP_BOOL, 8);
    sp_from_f32(i32, x, SP_I32, 8);
    sp_from_f32(i64, x, SP_I64, 8);
    sp_from_f32(u64, x, SP_U64, 8);
    static const int8_t want_i8[] = {0, 2, 2, -1, 127, -128, 127, 0};
    static const uint8_t want_u8[] = {0, 2, 2, 0, 255, 0, 255, 0},
                         want_b[] = {0, 1, 1, 1, 1, 1, 1, 1};
    assert_memory_equal(i8, want_i8, 8);
    assert_memory_equal(u8, want_u8, 8);
    assert_memory_equal(b, want_b, 8);
    assert_true(i32[4] == 300 && i32[5] == INT32_MIN && i32[6] == INT32_MAX - 127 && i32[7] == 0);
    assert_true(i64[5] == INT64_MIN && i64[6] > INT64_MAX / 2 && u64[3] == 0 &&
                u64[6] > UINT64_MAX / 2);
    static const double big[] = {1.0 / 3, -0.0};
    sp_from_f64(f64, big, SP_F64, 2);
    assert_memory_equal(f64, big, sizeof big); /* no way through F32 */
    float f;
    sp_from_f64(&f, big, SP_F32, 1);
    assert_true(f == (float)(1.0 / 3));
    static const uint8_t bools[] = {0, 1, 2, 255};
    float y[4];
    sp_to_f32(y, bools, SP_BOOL, 4);
    assert_true(y[0] == 0 && y[1] == 1 && y[2] == 1 && y[3] == 1);
    static const int16_t i16[] = {-32768, 32767};
    sp_to_f32(y, i16, SP_I16, 2);
    assert_true(y[0] == -32768 && y[1] == 32767);
    static const uint16_t u16[] = {65535};
    static const uint32_t u32[] = {4294967295u};
    double z;
    sp_to_f64(&z, u16, SP_U16, 1);
    assert_true(z == 65535);
    sp_to_f64(&z, u32, SP_U32, 1);
    assert_true(z == 4294967295.0);
}

static void reachable_weights_come_back(void **state)
{
    (void)state;
    int moved = 0;
    for (uint64_t i = 0; i < 200000; i++) {
        float b = (float)(.02 * sp_rand_normal(1, 0, i)),
              t = (float)(b + .01 * sp_rand_normal(1, 1, i)), r = sp_reachable(t, b);
        float d = (float)((double)r - b);
        assert_int_equal(bits((float)(b + (double)d)), bits(r));
        assert_true(fabsf(r - t) <= FLT_EPSILON * (fabsf(t) + fabsf(b)));
        moved += r != t;
    }
    assert_in_range(moved, 1000, 100000); /* without it these would not */
}

/* ---- sums and threads ----------------------------------------------------------------- */

static void dot_and_nonfinite(void **state)
{
    (void)state;
    size_t n = 1200000;
    float *a = sp_xfloats(n), *b = sp_xfloats(n);
    double want = 0;
    for (size_t i = 0; i < n; i++) {
        a[i] = (float)sp_rand_normal(1, 1, i);
        b[i] = (float)sp_rand_normal(1, 2, i) + .5f * a[i];
        want += (double)a[i] * b[i];
    }
    omp_set_num_threads(1);
    double one = sp_dot(a, b, n);
    assert_true(fabs(one - want) < 1e-9 * want);
    for (int t = 2; t < 5; t++) {
        omp_set_num_threads(t);
        assert_true(sp_dot(a, b, n) == one);
    }
    omp_set_num_threads(2);
    assert_true(sp_dot(a, b, 0) == 0);
    assert_int_equal(sp_first_nonfinite(a, n), -1);
    a[n - 1] = INFINITY;
    assert_int_equal(sp_first_nonfinite(a, n), n - 1);
    a[70000] = NAN;
    assert_int_equal(sp_first_nonfinite(a, n), 70000);
    assert_int_equal(sp_first_nonfinite(a, 70000), -1);
    free(a);
    free(b);
}

/* NaN and both infinities in every place, in every floating dtype; no other dtype has any. */
static void finite_as_stored(void **state)
{
    (void)state;
    static const sp_dtype dtypes[] = {SP_F16, SP_BF16, SP_F32, SP_F64};
    static const double odd[] = {NAN, INFINITY, -INFINITY};
    enum { LEN = 77 };
    double x[LEN], stored[LEN];
    for (int d = 0; d < 4; d++)
        for (int at = 0; at < LEN; at++) {
            for (int i = 0; i < LEN; i++) x[i] = i % 3 ? -65504 : 0;
            sp_from_f64(stored, x, dtypes[d], LEN);
            assert_true(sp_all_finite(stored, dtypes[d], LEN));
            x[at] = odd[at % 3];
            sp_from_f64(stored, x, dtypes[d], LEN);
            assert_false(sp_all_finite(stored, dtypes[d], LEN));
            assert_true(sp_all_finite(stored, dtypes[d], (size_t)at));
            assert_true(sp_all_finite(stored, SP_I64, LEN));
        }
}

/* The fused conversions give what the plain ones and a loop give, in every dtype, below and above
 * the length that is spread over threads. */
static void fused_conversions(void **state)
{
    (void)state;
    enum { LEN = 40001 };
    static double x[LEN], wide[LEN], want[LEN], got[LEN], stored[LEN], out[2][LEN];
    static uint8_t keep[LEN];
    for (int i = 0; i < LEN; i++) {
        keep[i] = i % 3 == 0;
        x[i] = (i % 201 - 100) * 0.37;
    }
    for (sp_dtype d = SP_F16; d <= SP_F64; d++)
        for (size_t n = 1001; n <= LEN; n += LEN - 1001) {
            sp_from_f64(stored, x, d, n);
            sp_to_f64(wide, stored, d, n);
            for (size_t i = 0; i < n; i++) want[i] = keep[i] ? -0.3 * wide[i] : 0;
            assert_true(sp_to_f64_masked(got, stored, d, keep, -0.3, n));
            assert_memory_equal(got, want, n * sizeof *got);
            for (size_t i = 0; i < n; i++) want[i] = got[i] == 0 ? wide[i] : wide[i] + 0.7 * got[i];
            sp_from_f64(out[0], want, d, n);
            assert_true(sp_add_f64(out[1], d, wide, SP_F64, got, 0.7, n));
            assert_memory_equal(out[0], out[1], n * sp_dtype_size(d));
            memset(out[1], 0, sizeof out[1]);
            assert_true(sp_add_f64(out[1], d, stored, d, got, 0.7, n));
            assert_memory_equal(out[0], out[1], n * sp_dtype_size(d));
        }
    static const double base[] = {-0.0, -0.0, 1}, change[] = {0, -0.0, 0};
    assert_true(sp_add_f64(out[0], SP_F64, base, SP_F64, change, 1, 3));
    assert_memory_equal(out[0], base, sizeof base);
}

/* What is not finite is noticed wherever it stands, masked or not, and also where only rounding
 * makes it so. */
static void fused_checks(void **state)
{
    (void)state;
    enum { LEN = 100 };
    static const double huge[] = {
        [SP_F16] = 65520, [SP_BF16] = 0x1.ffp127, [SP_F32] = 0x1.ffffffp127, [SP_F64] = INFINITY};
    const double odd[] = {NAN, INFINITY, -INFINITY};
    double change[LEN], out[LEN], stored[LEN], wide[LEN];
    uint8_t none[LEN] = {0};
    for (sp_dtype d = SP_F16; d <= SP_F64; d++)
        for (int at = 0; at < LEN; at++) {
            for (int k = 0; k < 3; k++) {
                for (int i = 0; i < LEN; i++) wide[i] = i == at ? odd[k] : 1;
                sp_from_f64(stored, wide, d, LEN);
                assert_false(sp_to_f64_masked(out, stored, d, none, 2, LEN));
                for (int i = 0; i < LEN; i++) assert_true(out[i] == 0);
            }
            for (int i = 0; i < LEN; i++) wide[i] = 1, change[i] = 0;
            sp_from_f64(stored, wide, d, LEN);
            wide[at] = change[at] = huge[d] / 2;
            if (d < SP_F64) assert_false(sp_add_f64(out, d, wide, SP_F64, change, 1, LEN));
            change[at] *= .99;
            if (d < SP_F64) assert_true(sp_add_f64(out, d, wide, SP_F64, change, 1, LEN));
            change[at] = -INFINITY;
            assert_false(sp_add_f64(out, d, stored, d, change, 1, LEN));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_widens), cmocka_unit_test(rounding_is_to_nearest_even),
        cmocka_unit_test(other_dtypes),      cmocka_unit_test(reachable_weights_come_back),
        cmocka_unit_test(dot_and_nonfinite), cmocka_unit_test(finite_as_stored),
        cmocka_unit_test(fused_conversions), cmocka_unit_test(fused_checks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
