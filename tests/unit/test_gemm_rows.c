/* test_gemm_rows.c - products of a few rows, against sums in double; and that a row's bits do not
 * depend on those beside it.
 */
#include "engine/gemm_rows.h"
#include "operands.h"

#include <omp.h>

static const sp_dtype dtypes[] = {SP_F32, SP_BF16, SP_F16};

/* n rows, two layers, added to what is there. */
static void check(int64_t n, int64_t in, sp_dtype dtype)
{
    const int64_t out[2] = {5, 3};
    operand x = random_operand(1, n, in, SP_F32), w[2];
    sp_linear l[2];
    float *before[2];
    for (int i = 0; i < 2; i++) {
        w[i] = random_operand(2 + (uint64_t)i, out[i], in, dtype);
        before[i] = random_floats(n * out[i], 4 + (uint64_t)i);
        l[i] = (sp_linear){copy_floats(before[i], n * out[i]), matrix_of(&w[i]), out[i]};
    }
    sp_gemm_rows_xwt(x.values, n, in, l, 2, 1);
    for (int i = 0; i < 2; i++)
        for (int64_t t = 0; t < n; t++)
            for (int64_t o = 0; o < out[i]; o++) {
                double was = (double)before[i][t * out[i] + o], size,
                       sum = slow_element(&x, false, &w[i], true, t, o, in, &size);
                expect_near("element", (double)l[i].y[t * out[i] + o], was + sum,
                            sum_tolerance(in, size + fabs(was)));
            }
    for (int i = 0; i < 2; i++) operand_free(&w[i]), free(before[i]), free(l[i].y);
    operand_free(&x);
}

/* Every number of rows, and every rest after steps of 32 and 16. */
static void all_rows_and_rests(void **state)
{
    (void)state;
    for (size_t d = 0; d < 3; d++)
        for (int64_t n = 1; n <= SP_GEMM_ROWS; n++)
            for (int64_t in = 1; in <= 65; in += n < 3 ? 1 : 7) check(n, in, dtypes[d]);
    for (size_t d = 0; d < 3; d++) check(8, 2063, dtypes[d]);
}

/* Eight rows at once, on several threads, have the bits of each alone on one. */
static void rows_do_not_touch_each_other(void **state)
{
    (void)state;
    enum { N = 8, IN = 333, OUT = 300 }; /* enough for threads */
    int before = omp_get_max_threads();
    for (size_t d = 0; d < 3; d++) {
        operand x = random_operand(11, N, IN, SP_F32), w = random_operand(12, OUT, IN, dtypes[d]);
        float *all = sp_xfloats(N * OUT), *one = sp_xfloats(OUT);
        omp_set_num_threads(3);
        sp_gemm_rows_xwt(x.values, N, IN, &(sp_linear){all, matrix_of(&w), OUT}, 1, 0);
        omp_set_num_threads(1);
        for (int64_t t = 0; t < N; t++) {
            sp_gemm_rows_xwt(x.values + t * IN, 1, IN, &(sp_linear){one, matrix_of(&w), OUT}, 1, 0);
            assert_memory_equal(one, all + t * OUT, OUT * sizeof *one);
        }
        operand_free(&x), operand_free(&w);
        free(all), free(one);
    }
    omp_set_num_threads(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows_and_rests),
        cmocka_unit_test(rows_do_not_touch_each_other),
    };
    return cmocka_run_group_tests_name("gemm_rows", tests, NULL, NULL);
}
