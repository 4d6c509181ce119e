/* test_shuffle.c - shuffled numbers: the same ones, zeros in place, every order equally often, and
 * an order that seed, key and name decide. */
#include "patch/shuffle.h"

#include "base/base.h"
#include "base/philox.h"
#include "patch/mask.h"
#include "tensor/vec.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define N 5000

/* Numbers that BF16 holds, some twice, every third of them zero, every seventh -0. */
static void make_numbers(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float v = (float)(int)(sp_rand_unit(1, 2, i) * 100 + 1);
        x[i] = i % 3 == 0 ? 0 : i % 7 == 0 ? -0.0f : i % 2 ? v : -v;
    }
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* In every dtype: the same numbers, zeros with their sign in their places, and most of the rest
 * elsewhere. */
static void same_numbers(void **state)
{
    (void)state;
    static const sp_dtype dtypes[] = {SP_F16, SP_BF16, SP_F32, SP_F64};
    static float x[N], y[N], sorted[N];
    for (int k = 0; k < 4; k++) {
        static double stored[N], out[N]; /* of the widest dtype */
        make_numbers(x, N);
        sp_from_f32(stored, x, dtypes[k], N);
        sp_shuffle(out, stored, dtypes[k], N, 1, "", "w");
        sp_to_f32(y, out, dtypes[k], N);
        size_t stay = 0;
        for (size_t i = 0; i < N; i++) {
            if (x[i] == 0) assert_memory_equal(&x[i], &y[i], sizeof *x);
            else stay += x[i] == y[i];
        }
        assert_true(stay < N / 20); /* of N * 4 / 7, a hundredth by chance */
        memcpy(sorted, x, sizeof x);
        qsort(sorted, N, sizeof *sorted, by_value);
        qsort(y, N, sizeof *y, by_value);
        for (size_t i = 0; i < N; i++) assert_true(sorted[i] == y[i]);
    }
}

/* The smallest numbers of each dtype, of mantissa bits only, are not zero. */
static void subnormal(void **state)
{
    (void)state;
    for (sp_dtype d = SP_F16; d <= SP_F64; d++) {
        int moved = 0;
        for (uint64_t seed = 0; seed < 100; seed++) {
            uint8_t x[16] = {1}, y[16];
            size_t size = sp_dtype_size(d);
            x[size] = 2;
            sp_shuffle(y, x, d, 2, seed, "", "w");
            assert_int_equal(y[0] + y[size], 3);
            moved += y[0] == 2;
        }
        assert_in_range(moved, 20, 80);
    }
}

/* Masks are scores, too: any byte but 0 counts. */
static void of_masks(void **state)
{
    (void)state;
    static const uint8_t x[] = {0, 1, 0, 255, 128, 0, 2};
    unsigned seen = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        uint8_t y[7];
        sp_shuffle(y, x, SP_BOOL, 7, seed, "", "w");
        assert_true(!y[0] && !y[2] && !y[5]);
        assert_int_equal(y[1] + y[3] + y[4] + y[6], 1 + 255 + 128 + 2);
        assert_true(y[1] && y[3] && y[4] && y[6]);
        seen |= y[3];
    }
    assert_int_equal(seen, 255);
}

/* Bits of NaN and Inf are kept; both move. */
static void nonfinite(void **state)
{
    (void)state;
    static const uint32_t x[] = {0x7fc01234, 0, 0xff800000, 0x3f800000};
    int first[3] = {0};
    for (uint64_t seed = 0; seed < 100; seed++) {
        uint32_t y[4];
        sp_shuffle(y, x, SP_F32, 4, seed, "", "w");
        assert_int_equal(y[1], 0);
        assert_true(y[0] + y[2] + y[3] == x[0] + x[2] + x[3]);
        for (int k = 0; k < 3; k++) first[k] += y[0] == x[k + (k > 0)];
    }
    assert_true(first[0] > 10 && first[1] > 10 && first[2] > 10);
    assert_int_equal(first[0] + first[1] + first[2], 100);
}

/* Nothing at all, only zeros, one number: nothing to reorder. */
static void few(void **state)
{
    (void)state;
    static const uint16_t zeros[] = {0, 0x8000, 0}, one[] = {0, 0x3f80, 0x8000};
    uint16_t y[3] = {7, 7, 7};
    sp_shuffle(y, zeros, SP_BF16, 0, 1, "k", "w");
    assert_true(y[0] == 7 && y[1] == 7 && y[2] == 7);
    sp_shuffle(y, zeros, SP_BF16, 3, 1, "k", "w");
    assert_memory_equal(y, zeros, sizeof y);
    for (uint64_t seed = 0; seed < 20; seed++) {
        sp_shuffle(y, one, SP_BF16, 3, seed, "k", "w");
        assert_memory_equal(y, one, sizeof y);
    }
    float scalar = 3, out = 0;
    sp_shuffle(&out, &scalar, SP_F32, 1, 1, "k", "w");
    assert_true(out == 3);
}

/* How many numbers lie in the same place. */
static size_t agree(const float *a, const float *b)
{
    size_t same = 0;
    for (size_t i = 0; i < N; i++) same += a[i] == b[i];
    return same;
}

/* The order is the same every time, the same for F32 and F64, and another one for another seed, key
 * or name. */
static void what_decides(void **state)
{
    (void)state;
    static float x[N], y[6][N], narrow[N];
    static double wide[N], again[N];
    for (size_t i = 0; i < N; i++) x[i] = (float)i + 1; /* all different, no zeros */
    sp_shuffle(y[0], x, SP_F32, N, 1, "k", "w");
    sp_shuffle(y[1], x, SP_F32, N, 1, "k", "w");
    assert_memory_equal(y[0], y[1], sizeof x);
    sp_to_f64(wide, x, SP_F32, N);
    sp_shuffle(again, wide, SP_F64, N, 1, "k", "w");
    sp_to_f32(narrow, again, SP_F64, N);
    assert_memory_equal(y[0], narrow, sizeof x);
    sp_shuffle(y[1], x, SP_F32, N, 2, "k", "w");
    sp_shuffle(y[2], x, SP_F32, N, 1, "j", "w");
    sp_shuffle(y[3], x, SP_F32, N, 1, "k", "v");
    sp_shuffle(y[4], x, SP_F32, N, 1, "", "kw"); /* the same letters */
    memcpy(y[5], x, sizeof x);
    /* two random orders agree in one place on average, in 11 with a probability of 1e-8 */
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++) assert_true(agree(y[i], y[j]) < 11);
}

/* All 24 orders of 4 numbers come equally often, whatever zeros are between them. */
static void uniform(void **state)
{
    (void)state;
    enum { DRAWS = 48000 };
    static const float x[] = {0, 1, 2, 0, 3, 0, 0, 4};
    int count[256] = {0}, orders = 0;
    double chi2 = 0, expected = DRAWS / 24.;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        float y[8];
        sp_shuffle(y, x, SP_F32, 8, seed, "k", "w");
        int order = (int)(64 * y[1] + 16 * y[2] + 4 * y[4] + y[7]) - 85; /* digits 0..3 */
        assert_in_range(order, 0, 255);
        count[order]++;
    }
    for (int i = 0; i < 256; i++) {
        if (!count[i]) continue;
        orders++;
        chi2 += (count[i] - expected) * (count[i] - expected) / expected;
    }
    assert_int_equal(orders, 24);
    /* 23 degrees of freedom: mean 23, standard deviation 6.8; 4.6 to 58 but for 1 in 20,000 */
    assert_true(chi2 > 4.6 && chi2 < 58);
}

/* Whether two numbers change places has nothing to do with the bits of the mask of the same seed,
 * key and name. */
static void independent_of_masks(void **state)
{
    (void)state;
    enum { DRAWS = 4000 };
    static const float x[] = {1, 2};
    int both[2] = {0};
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        float y[2];
        uint8_t mask[2];
        sp_shuffle(y, x, SP_F32, 2, seed, "k", "w");
        sp_mask_draw(mask, seed, "k", "w", 0, 2, .5);
        for (int k = 0; k < 2; k++) both[k] += (y[0] == 2) == mask[k];
    }
    for (int k = 0; k < 2; k++) assert_true(fabs(both[k] - DRAWS / 2.) < 5 * .5 * sqrt(DRAWS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_numbers), cmocka_unit_test(subnormal),
        cmocka_unit_test(of_masks),     cmocka_unit_test(nonfinite),
        cmocka_unit_test(few),          cmocka_unit_test(what_decides),
        cmocka_unit_test(uniform),      cmocka_unit_test(independent_of_masks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
