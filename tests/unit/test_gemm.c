/* test_gemm.c - the three products of training against sums in double, over dtypes of the weights,
 * lengths of the sums and numbers of rows; the same bits for any number of threads; and single
 * products with leading dimensions.
 *
 * With products in BF16 (DNNL=1) operands are rounded: test_dnnl.c.
 */
#include "cli/restart.h"
#include "engine/gemm.h"
#include "engine/gemm_rows.h"
#include "operands.h"
#include "skip.h"

#include <omp.h>
#include <string.h>

/* 511 and 513 stand around a chain of gemm_half, 2049 and 4100 reach into the second and third
 * panel. 8 rows are few, 65 are more than a panel has columns and than OpenBLAS takes at a time. */
static const int64_t lengths[] = {1, 511, 513, 2049, 4100}, rows[] = {1, 8, 9, 65};
static const sp_dtype dtypes[] = {SP_F32, SP_BF16, SP_F16};
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Of long sums, whose slow version takes its time, every fifth column is checked. */
static int64_t stride(int64_t k) { return k > 600 ? 5 : 1; }

static void only_in_f32(void)
{
    if (sp_gemm_rounds()) SKIP("products in BF16");
}

/* Element (i, j) of C = op(A) op(B) + before, for sums of k. */
static void check_element(const operand *a, bool ta, const operand *b, bool tb, int64_t i,
                          int64_t j, int64_t k, double before, double got)
{
    double size, want = slow_element(a, ta, b, tb, i, j, k, &size);
    expect_near("element", got, before + want, sum_tolerance(k, size + fabs(before)));
}

/* ---- Y = X W^T ------------------------------------------------------------------------ */

/* Two layers at once, of odd widths; then the first one once more on top of itself. */
static void check_xwt(int64_t n, int64_t in, sp_dtype dtype)
{
    const int64_t out[2] = {53, 7};
    operand x = random_operand(1, n, in, SP_F32), w[2];
    sp_linear l[2];
    for (int i = 0; i < 2; i++) {
        w[i] = random_operand(2 + (uint64_t)i, out[i], in, dtype);
        l[i] = (sp_linear){sp_xfloats((size_t)(n * out[i])), matrix_of(&w[i]), out[i]};
    }
    sp_gemm_xwts(x.values, n, in, l, 2);
    for (int i = 0; i < 2; i++)
        for (int64_t t = 0; t < n; t++)
            for (int64_t o = 0; o < out[i]; o += stride(in))
                check_element(&x, false, &w[i], true, t, o, in, 0, (double)l[i].y[t * out[i] + o]);
    float *before = copy_floats(l[0].y, n * out[0]);
    sp_gemm_xwt(l[0].y, x.values, l[0].w, n, in, out[0], 1);
    for (int64_t t = 0; t < n; t++)
        for (int64_t o = 0; o < out[0]; o += stride(in))
            check_element(&x, false, &w[0], true, t, o, in, (double)before[t * out[0] + o],
                          (double)l[0].y[t * out[0] + o]);
    for (int i = 0; i < 2; i++) free(l[i].y), operand_free(&w[i]);
    operand_free(&x);
    free(before);
}

static void xwt(void **state)
{
    (void)state;
    only_in_f32();
    for (size_t d = 0; d < COUNT(dtypes); d++)
        for (size_t k = 0; k < COUNT(lengths); k++)
            for (size_t m = 0; m < COUNT(rows); m++) check_xwt(rows[m], lengths[k], dtypes[d]);
}

/* ---- DX = y_0 W_0 + y_1 W_1 ----------------------------------------------------------- */

/* Sums of k and of 5 terms. */
static void check_dyws(int64_t n, int64_t k, int64_t in, int64_t k1, sp_dtype dtype)
{
    const int64_t out[2] = {k, k1};
    operand y[2], w[2];
    sp_linear l[2];
    float *dx = sp_xfloats((size_t)(n * in));
    for (int i = 0; i < 2; i++) {
        y[i] = random_operand(11 + (uint64_t)i, n, out[i], SP_F32);
        w[i] = random_operand(13 + (uint64_t)i, out[i], in, dtype);
        l[i] = (sp_linear){y[i].values, matrix_of(&w[i]), out[i]};
    }
    sp_gemm_dyws(dx, n, in, l, 2);
    for (int64_t t = 0; t < n; t += SP_MAX(n / 65, 1))
        for (int64_t i = 0; i < in; i += SP_MAX(in / 65, stride(k))) {
            double size0, size1,
                first = slow_element(&y[0], false, &w[0], false, t, i, k, &size0),
                second = slow_element(&y[1], false, &w[1], false, t, i, k1, &size1);
            expect_near("DX", (double)dx[t * in + i], first + second,
                        sum_tolerance(k + k1, size0 + size1));
        }
    for (int i = 0; i < 2; i++) operand_free(&y[i]), operand_free(&w[i]);
    free(dx);
}

static void dyws(void **state)
{
    (void)state;
    only_in_f32();
    for (size_t d = 0; d < COUNT(dtypes); d++)
        for (size_t k = 0; k < COUNT(lengths); k++)
            for (size_t m = 0; m < COUNT(rows); m++)
                check_dyws(rows[m], lengths[k], 53, 5, dtypes[d]);
}

/* ---- DW = DY^T X ---------------------------------------------------------------------- */

/* Then once more on top of itself. No weights, hence no dtypes. */
static void check_dytx(int64_t k, int64_t out)
{
    enum { IN = 53 };
    operand dy = random_operand(21, k, out, SP_F32), x = random_operand(22, k, IN, SP_F32);
    float *dw = sp_xfloats((size_t)(out * IN)), *before;
    sp_gemm_dytx(dw, dy.values, x.values, k, IN, out, 0);
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < IN; i += stride(k))
            check_element(&dy, true, &x, false, o, i, k, 0, (double)dw[o * IN + i]);
    before = copy_floats(dw, out * IN);
    sp_gemm_dytx(dw, dy.values, x.values, k, IN, out, 1);
    for (int64_t o = 0; o < out; o++)
        for (int64_t i = 0; i < IN; i += stride(k))
            check_element(&dy, true, &x, false, o, i, k, (double)before[o * IN + i],
                          (double)dw[o * IN + i]);
    operand_free(&dy), operand_free(&x);
    free(dw), free(before);
}

static void dytx(void **state)
{
    (void)state;
    only_in_f32();
    for (size_t k = 0; k < COUNT(lengths); k++)
        for (size_t m = 0; m < COUNT(rows); m++) check_dytx(lengths[k], rows[m]);
}

/* ---- tiles and threads ---------------------------------------------------------------- */

/* Several tiles across and down, with odd edges; and one tile beside four: both terms of a sum must
 * be cut alike. */
static void tiles(void **state)
{
    (void)state;
    only_in_f32();
    for (size_t d = 0; d < COUNT(dtypes); d++) {
        check_dyws(600, 70, 800, 20, dtypes[d]);
        check_dyws(9, 300, 33, 5, dtypes[d]);
    }
}

/* All products one after the other; returns the bytes of the results. */
static size_t multiply_all(float *to, const operand *x, const operand *w, const operand *y)
{
    int64_t n = x->rows, in = x->cols, out = w->rows;
    sp_gemm_xwt(to, x->values, matrix_of(w), n, in, out, 0);
    sp_gemm_dyws(to + n * out, n, in, &(sp_linear){y->values, matrix_of(w), out}, 1);
    sp_gemm_dytx(to + n * (out + in), y->values, x->values, n, in, out, 0);
    return (size_t)(n * out + n * in + out * in) * sizeof *to;
}

static void threads_do_not_change_bytes(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{4, 300, 500}, {70, 129, 300}, {33, 2100, 90}};
    int before = omp_get_max_threads();
    for (size_t d = 0; d < COUNT(dtypes); d++)
        for (size_t s = 0; s < COUNT(shapes); s++) {
            int64_t n = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
            operand x = random_operand(31, n, in, SP_F32),
                    w = random_operand(32, out, in, dtypes[d]),
                    y = random_operand(33, n, out, SP_F32);
            float *one = sp_xfloats((size_t)(n * out + n * in + out * in)),
                  *three = sp_xfloats((size_t)(n * out + n * in + out * in));
            omp_set_num_threads(1);
            size_t bytes = multiply_all(one, &x, &w, &y);
            omp_set_num_threads(3);
            multiply_all(three, &x, &w, &y);
            assert_memory_equal(one, three, bytes);
            operand_free(&x), operand_free(&w), operand_free(&y);
            free(one), free(three);
        }
    omp_set_num_threads(before);
}

/* ---- one product with leading dimensions ---------------------------------------------- */

/* C = alpha op(A) op(B) + beta C inside larger arrays, of which nothing else changes. */
static void small_products(void **state)
{
    (void)state;
    enum { M = 5, N = 7, K = 11, WIDE = 20 };
    operand a = random_operand(41, WIDE, WIDE, SP_F32), b = random_operand(42, WIDE, WIDE, SP_F32),
            before = random_operand(43, WIDE, WIDE, SP_F32);
    for (int form = 0; form < 4; form++) {
        bool ta = form & 1, tb = form & 2;
        float *c = copy_floats(before.values, WIDE * WIDE);
        sp_gemm_small(ta, tb, M, N, K, 2, a.values, WIDE, b.values, WIDE, 3, c, WIDE);
        for (int64_t i = 0; i < WIDE; i++)
            for (int64_t j = 0; j < WIDE; j++) {
                double was = (double)before.values[i * WIDE + j], got = (double)c[i * WIDE + j],
                       size;
                bool inside = i < M && j < N;
                double sum = inside ? slow_element(&a, ta, &b, tb, i, j, K, &size) : 0;
                expect_near("C", got, inside ? 2 * sum + 3 * was : was,
                            inside ? sum_tolerance(K + 2, 2 * size + 3 * fabs(was)) : 0);
            }
        free(c);
    }
    operand_free(&a), operand_free(&b), operand_free(&before);
}

/* ---- the library ---------------------------------------------------------------------- */

/* Only a processor with AVX-512 that the library takes for another needs its name. */
static void core_type(void **state)
{
    (void)state;
    const char *core = sp_gemm_core_type();
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512vl");
    if (core) assert_string_equal(core, "SKYLAKEX");
    if (!wide) assert_null(core);
    assert_true(strlen(sp_gemm_kernel()) > 0);
    if (strstr(sp_gemm_kernel(), "SkylakeX")) assert_null(core);
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xwt),
        cmocka_unit_test(dyws),
        cmocka_unit_test(dytx),
        cmocka_unit_test(tiles),
        cmocka_unit_test(threads_do_not_change_bytes),
        cmocka_unit_test(small_products),
        cmocka_unit_test(core_type),
    };
    return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
