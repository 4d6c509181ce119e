/* test_diff.c - differences of weights in several dtypes, and which of them lead back. */
#include "patch/diff.h"

#include "base/base.h"
#include "base/philox.h"
#include "tensor/vec.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

static void by_hand(void **state)
{
    (void)state;
    static const float tuned[] = {3, -1, 0.5f}, base[] = {1, 2, 0.5f}, want[] = {2, -3, 0};
    float out[3];
    uint64_t missed = 7;
    sp_array t = {tuned, SP_F32}, b = {base, SP_F32};
    assert_int_equal(sp_diff(out, SP_F32, t, b, 3, &missed), 0);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(missed, 7); /* none more */
    /* 1 - 2^-24 and -3 differ by 4 - 2^-24, which F32 rounds to 4: back comes 1. F64 holds it. */
    static const float fine[] = {1 - 0x1p-24f}, far[] = {-3};
    double wide;
    assert_int_equal(
        sp_diff(out, SP_F32, (sp_array){fine, SP_F32}, (sp_array){far, SP_F32}, 1, &missed), 0);
    assert_true(out[0] == 4);
    assert_int_equal(missed, 8);
    assert_int_equal(
        sp_diff(&wide, SP_F64, (sp_array){fine, SP_F32}, (sp_array){far, SP_F32}, 1, &missed), 0);
    assert_true(wide == 4 - 0x1p-24);
    assert_int_equal(missed, 8);
}

/* Any pair of dtypes: as in double, element by element, and so the numbers that do not come back.
 */
#define N 2000
static void as_in_double(void **state)
{
    (void)state;
    static double x[2][N], y[2][N], d[N];
    static char stored[2][8 * N], out[8 * N];
    for (size_t i = 0; i < N; i++)
        for (uint64_t k = 0; k < 2; k++) x[k][i] = .02 * sp_rand_normal(4, k, i);
    for (int a = SP_F16; a <= SP_F64; a++)
        for (int b = SP_F16; b <= SP_F64; b++)
            for (int od = SP_F16; od <= SP_F64; od++) {
                sp_dtype in[] = {(sp_dtype)a, (sp_dtype)b};
                uint64_t missed = 0, want_missed = 0;
                for (int k = 0; k < 2; k++) {
                    sp_from_f64(stored[k], x[k], in[k], N);
                    sp_to_f64(y[k], stored[k], in[k], N);
                }
                assert_int_equal(sp_diff(out, (sp_dtype)od, (sp_array){stored[0], in[0]},
                                         (sp_array){stored[1], in[1]}, N, &missed),
                                 0);
                sp_to_f64(d, out, (sp_dtype)od, N);
                for (size_t i = 0; i < N; i++) {
                    double want = y[0][i] - y[1][i], back = y[1][i] + d[i], rounded;
                    char tmp[8];
                    sp_from_f64(tmp, &want, (sp_dtype)od, 1);
                    sp_to_f64(&rounded, tmp, (sp_dtype)od, 1);
                    assert_true(d[i] == rounded);
                    sp_from_f64(tmp, &back, in[0], 1);
                    sp_to_f64(&rounded, tmp, in[0], 1);
                    want_missed += rounded != y[0][i];
                }
                assert_int_equal(missed, want_missed);
            }
}

static void faults(void **state)
{
    (void)state;
    float x[600], y[600], out[600];
    uint64_t missed = 0;
    for (int i = 0; i < 600; i++) x[i] = y[i] = 1;
    sp_array t = {x, SP_F32}, b = {y, SP_F32};
    x[599] = NAN;
    assert_int_equal(sp_diff(out, SP_F32, t, b, 600, &missed),
                     SP_DIFF_BAD_TUNED | SP_DIFF_OVERFLOW);
    x[599] = 1, y[3] = INFINITY;
    assert_int_equal(sp_diff(out, SP_F32, t, b, 600, &missed), SP_DIFF_BAD_BASE | SP_DIFF_OVERFLOW);
    x[3] = 3e38f, y[3] = -3e38f;
    assert_int_equal(sp_diff(out, SP_F32, t, b, 600, &missed), SP_DIFF_OVERFLOW);
    x[3] = 65000, y[3] = -600;
    assert_int_equal(sp_diff(out, SP_F32, t, b, 600, &missed), 0);
    assert_int_equal(sp_diff(out, SP_F16, t, b, 600, &missed), SP_DIFF_OVERFLOW);
}

static void any_threads(void **state)
{
    (void)state;
    size_t n = 600001;
    float *x = sp_xfloats(n), *y = sp_xfloats(n), *out[2] = {sp_xfloats(n), sp_xfloats(n)};
    uint64_t missed[2] = {0};
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sp_rand_normal(1, 0, i), y[i] = (float)sp_rand_normal(1, 1, i);
    int threads = omp_get_max_threads();
    for (int k = 0; k < 2; k++) {
        omp_set_num_threads(k ? 5 : 1);
        assert_int_equal(
            sp_diff(out[k], SP_F32, (sp_array){x, SP_F32}, (sp_array){y, SP_F32}, n, &missed[k]),
            0);
    }
    omp_set_num_threads(threads);
    assert_memory_equal(out[0], out[1], n * sizeof(float));
    assert_true(missed[0] == missed[1] && missed[0] > 0);
    free(x), free(y), free(out[0]), free(out[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(as_in_double),
        cmocka_unit_test(faults),
        cmocka_unit_test(any_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
