/* test_merge.c - the merging methods on numbers small enough to work out by hand, and the bits that must not change. */
#include "merge.h"
#include "vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <cmocka.h>

enum { SUM, AVERAGE, TIES, DARE }; /* as in SP_MERGE_METHODS */

static int sp_merge_f32(sp_merge_opt o, float *out, const float *base, const float *a, const float *b, size_t n)
{
    uint8_t *keep[2] = {sp_xmalloc(n), sp_xmalloc(n)};
    float *work = sp_xfloats(n);
    sp_tinfo t = {.name = "t", .dtype = SP_F32, .numel = n};
    sp_delta d[2] = {{0, 1, SP_F32, (const char *)a, keep[0], work}, {1, 1, SP_F32, (const char *)b, keep[1], work}};
    int K = b ? 2 : 1;
    o.n_patches = K;
    for (int k = 0; k < K; k++) {
        memset(keep[k], 1, n);
        sp_merge_thin(&o, &d[k], &t, 0, n);
    }
    int rc = sp_merge_chunk(&o, d, K, (const char *)base, SP_F32, (char *)out, SP_F32, n);
    for (int k = 0; k < 2; k++) free(keep[k]);
    free(work);
    return rc;
}

static void check(int method, double density, const float *a, const float *b, const float *want)
{
    static const float base[] = {10, 10, 10, 10, 10};
    float out[5];
    sp_merge_opt o = {.method = method, .density = density, .drop = 0};
    assert_int_equal(sp_merge_f32(o, out, base, a, b, 5), 0);
    for (int i = 0; i < 5; i++)
        if (out[i] != want[i]) fail_msg("method %d, element %d: %g, expected %g", method, i, out[i], want[i]);
}

static void by_hand(void **state)
{
    (void)state;
    static const float a[] = {1, -2, 3, 0, 8}, b[] = {3, 1, -3, 4, 0.5f};
    check(SUM, 1, a, b, (float[]){14, 9, 10, 14, 18.5f});
    check(AVERAGE, 1, a, b, (float[]){12, 9.5f, 10, 12, 14.25f});
    check(DARE, 1, a, b, (float[]){14, 9, 10, 14, 18.5f}); /* drop 0 is the sum */
    /* signs elected: + - + + +, means over those that agree */
    check(TIES, 1, a, b, (float[]){12, 8, 13, 14, 14.25f});
    /* the two largest of each: a keeps 3, 8; b keeps 4 and the first 3 */
    check(TIES, .4, a, b, (float[]){13, 10, 13, 14, 18});
    check(SUM, 1, a, NULL, (float[]){11, 8, 13, 10, 18});
}

/* Dropped entries change nothing, survivors grow, the mean stays; each patch and each seed drops on its own. */
static void dare_statistics(void **state)
{
    (void)state;
    size_t n = 100000, zero[2] = {0}, same = 0;
    float *base = sp_xfloats0(n), *a = sp_xfloats(n), *out[2] = {sp_xfloats(n), sp_xfloats(n)};
    for (size_t i = 0; i < n; i++) a[i] = 1;
    double sum = 0;
    for (int seed = 0; seed < 2; seed++) {
        sp_merge_opt o = {.method = DARE, .drop = .75, .seed = (uint64_t)seed};
        assert_int_equal(sp_merge_f32(o, out[seed], base, a, NULL, n), 0);
        for (size_t i = 0; i < n; i++) {
            assert_true(out[seed][i] == 0 || out[seed][i] == 4);
            zero[seed] += out[seed][i] == 0;
            sum += out[seed][i] / (double)(2 * n);
        }
        assert_true(fabs((double)zero[seed] / (double)n - .75) < 5 * sqrt(.75 * .25 / (double)n));
    }
    for (size_t i = 0; i < n; i++) same += (out[0][i] == 0) == (out[1][i] == 0);
    assert_true(fabs((double)same / (double)n - .625) < 5 * sqrt(.625 * .375 / (double)n));
    assert_true(fabs(sum - 1) < .02);
    sp_merge_opt o = {.method = DARE, .drop = .5};
    for (size_t i = 0; i < n; i++) out[0][i] = -1;
    assert_int_equal(sp_merge_f32(o, out[1], base, a, out[0], n), 0); /* 1 - 1: zero only if both go together */
    same = 0;
    for (size_t i = 0; i < n; i++) same += out[1][i] == 0;
    assert_true(fabs((double)same / (double)n - .5) < 5 * sqrt(.25 / (double)n));
    free(base);
    free(a);
    free(out[0]);
    free(out[1]);
}

/* Zero change keeps every bit, -0 and NaN payloads aside from what the caller refuses; BF16 all patterns. */
static void untouched_bits(void **state)
{
    (void)state;
    static uint16_t base[65536], out[65536];
    static float patch[65536];
    static uint8_t keep[65536];
    for (int i = 0; i < 65536; i++) {
        base[i] = (uint16_t)i;
        if ((i & 0x7f80) == 0x7f80) base[i] = 0x8000; /* finite only */
        patch[i] = i % 3 ? 1 : 0;
        keep[i] = i % 3 == 1;
    }
    for (size_t i = 0; i < 65536; i++) keep[i] &= patch[i] == 0 || i % 3 != 1; /* nothing left that is not zero */
    sp_merge_opt o = {.n_patches = 1};
    sp_delta d = {0, 1, SP_F32, (const char *)patch, keep, NULL};
    assert_int_equal(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_BF16, (char *)out, SP_BF16, 65536), 0);
    assert_memory_equal(out, base, sizeof base);
    d.scale = 0;
    memset(keep, 1, sizeof keep);
    assert_int_equal(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_BF16, (char *)out, SP_BF16, 65536), 0);
    assert_memory_equal(out, base, sizeof base);
}

static void nonfinite_is_named(void **state)
{
    (void)state;
    float base[] = {1, 2}, a[] = {1, 2}, b[] = {1, NAN}, out[2];
    sp_merge_opt o = {0};
    assert_int_equal(sp_merge_f32(o, out, base, a, b, 2), 2);
    assert_int_equal(sp_merge_f32(o, out, base, b, a, 2), 1);
    base[0] = INFINITY;
    assert_int_equal(sp_merge_f32(o, out, base, a, a, 2), -1);
    base[0] = a[0] = 3e38f;
    assert_int_equal(sp_merge_f32(o, out, base, a, NULL, 2), -1);
    uint8_t keep[2] = {1, 1};
    uint16_t half[2];
    base[0] = 65519, base[1] = 65520, a[0] = a[1] = 0; /* the second rounds beyond F16 */
    sp_delta d = {0, 1, SP_F32, (const char *)a, keep, NULL};
    assert_int_equal(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_F32, (char *)half, SP_F16, 1), 0);
    assert_int_equal(sp_merge_chunk(&o, &d, 1, (const char *)base, SP_F32, (char *)half, SP_F16, 2), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand), cmocka_unit_test(dare_statistics), cmocka_unit_test(untouched_bits), cmocka_unit_test(nonfinite_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
