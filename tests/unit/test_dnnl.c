/* test_dnnl.c - products in BF16 through oneDNN against sums in double over operands rounded to
 * BF16. Builds without DNNL=1, and processors without BF16, skip it all.
 *
 * Tolerance: 2e-6 of the sum of the terms' sizes, F32's rounding on the way. Operands that were not
 * rounded would be off by 2e-4 of it.
 */

#include "cli/restart.h"
#include "engine/gemm.h"
#include "operands.h"
#include "skip.h"

#include <omp.h>
#include <string.h>

static void only_in_bf16(void)
{
    if (!strstr(sp_gemm_kernel(), "oneDNN")) SKIP("built without oneDNN");
}

/* ---- operands ------------------------------------------------------------------------- */

/* Its values are those that should be multiplied: rounded to BF16. */
static operand rounded_operand(uint64_t key, int64_t rows, int64_t cols, sp_dtype dtype)
{
    size_t n = (size_t)(rows * cols);
    operand x = random_operand(key, rows, cols, dtype);
    uint16_t *bf16 = sp_xarray(n, sizeof *bf16);
    sp_from_f32(bf16, x.values, SP_BF16, n);
    sp_to_f32(x.values, bf16, SP_BF16, n);
    free(bf16);
    return x;
}

static void near(double got, double want, double size)
{
    if (!(fabs(got - want) <= 2e-6 * size))
        fail_msg("%.9g instead of %.9g: off by %.3g of the terms", got, want,
                 fabs(got - want) / size);
}

/* Every element at an edge of a tile's kind, and a share of the others. */
static int64_t stride(int64_t n) { return SP_MAX(n / 23, 1); }

/* ---- the three products --------------------------------------------------------------- */

/* y_0, y_1, y_2 = X W^T; the last one once more on top of itself. */
static void check_xwt(int64_t n, int64_t in, int64_t out, sp_dtype dtype)
{
    operand x = rounded_operand(1, n, in, SP_F32), w[3];
    sp_linear l[3];
    for (int k = 0; k < 3; k++) {
        int64_t o = k == 1 ? out / 2 + 1 : out;
        w[k] = rounded_operand(2 + (uint64_t)k, o, in, dtype);
        l[k] = (sp_linear){sp_xfloats((size_t)(n * o)), matrix_of(&w[k]), o};
    }
    sp_gemm_xwts(x.stored, n, in, l, 3);
    sp_gemm_xwt(l[2].y, x.stored, l[2].w, n, in, out, 1);
    for (int k = 0; k < 3; k++)
        for (int64_t i = 0; i < n; i += stride(n))
            for (int64_t j = 0; j < l[k].out; j += stride(out)) {
                double size, want = slow_element(&x, false, &w[k], true, i, j, in, &size);
                near((double)l[k].y[i * l[k].out + j], k == 2 ? 2 * want : want, size);
            }
    for (int k = 0; k < 3; k++) free(l[k].y), operand_free(&w[k]);
    operand_free(&x);
}

/* DX = y_0 W_0 + y_1 W_1 */
static void check_dyw(int64_t n, int64_t in, int64_t out, sp_dtype dtype)
{
    const int64_t outs[2] = {out, out / 3 + 1};
    float *dx = sp_xfloats((size_t)(n * in));
    operand y[2], w[2];
    sp_linear l[2];
    for (int k = 0; k < 2; k++) {
        y[k] = rounded_operand(11 + (uint64_t)k, n, outs[k], SP_F32),
        w[k] = rounded_operand(13 + (uint64_t)k, outs[k], in, dtype);
        l[k] = (sp_linear){y[k].stored, matrix_of(&w[k]), outs[k]};
    }
    sp_gemm_dyws(dx, n, in, l, 2);
    for (int64_t i = 0; i < n; i += stride(n))
        for (int64_t j = 0; j < in; j += stride(in)) {
            double size = 0, want = 0;
            for (int k = 0; k < 2; k++) {
                double part;
                want += slow_element(&y[k], false, &w[k], false, i, j, outs[k], &part);
                size += part;
            }
            near((double)dx[i * in + j], want, size);
        }
    for (int k = 0; k < 2; k++) operand_free(&y[k]), operand_free(&w[k]);
    free(dx);
}

/* DW = DY^T X, then once more on top of itself */
static void check_dytx(int64_t n, int64_t in, int64_t out)
{
    float *dw = sp_xfloats((size_t)(out * in));
    operand dy = rounded_operand(21, n, out, SP_F32), x = rounded_operand(22, n, in, SP_F32);
    for (int times = 1; times <= 2; times++) {
        sp_gemm_dytx(dw, dy.stored, x.stored, n, in, out, times == 1 ? 0 : 1);
        for (int64_t i = 0; i < out; i += stride(out))
            for (int64_t j = 0; j < in; j += stride(in)) {
                double size, want = slow_element(&dy, true, &x, false, i, j, n, &size);
                near((double)dw[i * in + j], times * want, size);
            }
    }
    operand_free(&dy), operand_free(&x);
    free(dw);
}

static void products_of_rounded_operands(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{9, 257, 301},  {64, 128, 256},   {100, 333, 77},
                                        {1030, 64, 48}, {129, 40, 17000}, {513, 770, 385}};
    const sp_dtype dtypes[3] = {SP_F32, SP_BF16, SP_F16};
    only_in_bf16();
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int64_t n = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
        for (int d = 0; d < 3; d++)
            check_xwt(n, in, out, dtypes[d]), check_dyw(n, in, out, dtypes[d]);
        check_dytx(n, in, out);
    }
}

/* Answers are made token by token: rows of X that few do not go through oneDNN, and are not
 * rounded. */
static void few_rows_stay_f32(void **state)
{
    (void)state;
    enum { IN = 2048, OUT = 256 };
    only_in_bf16();
    float *x = sp_xfloats(IN), *y = sp_xfloats(OUT);
    operand w = rounded_operand(41, OUT, IN, SP_BF16);
    for (int i = 0; i < IN; i++) x[i] = (float)sp_rand_normal(2, 0, (uint64_t)i);
    sp_gemm_xwt(y, x, matrix_of(&w), 1, IN, OUT, 0);
    for (int j = 0; j < OUT; j++) {
        double want = 0, size = 0;
        for (int i = 0; i < IN; i++) {
            double term = (double)x[i] * (double)w.values[j * IN + i];
            want += term, size += fabs(term);
        }
        near((double)y[j], want, size);
    }
    operand_free(&w);
    free(x), free(y);
}

/* ---- threads -------------------------------------------------------------------------- */

/* All three products one after the other. */
static void multiply_all(float *to, const operand *x, const operand *w, const operand *y, int64_t n,
                         int64_t in, int64_t out)
{
    sp_gemm_xwt(to, x->stored, matrix_of(w), n, in, out, 0);
    sp_gemm_dyws(to += n * out, n, in, &(sp_linear){y->stored, matrix_of(w), out}, 1);
    sp_gemm_dytx(to + n * in, y->stored, x->stored, n, in, out, 0);
}

/* Never fewer threads than before: those that a smaller team ends would take their buffers with
 * them. */
static void threads_do_not_change_bytes(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {
        {70, 129, 300}, {256, 768, 2048}, {1030, 2300, 96}, {40, 96, 17000}};
    enum { SHAPES = sizeof shapes / sizeof *shapes };
    float *want[SHAPES], *got;
    only_in_bf16();
    for (int t = 1; t <= 4; t++)
        for (size_t s = 0; s < SHAPES; s++) {
            int64_t n = shapes[s][0], in = shapes[s][1], out = shapes[s][2];
            size_t size = (size_t)(n * out + n * in + out * in);
            operand x = rounded_operand(31, n, in, SP_F32),
                    w = rounded_operand(32, out, in, SP_F32),
                    y = rounded_operand(33, n, out, SP_F32);
            got = sp_xfloats(size);
            omp_set_num_threads(t);
            multiply_all(got, &x, &w, &y, n, in, out);
            if (t == 1) want[s] = got;
            else assert_memory_equal(got, want[s], size * sizeof *got), free(got);
            operand_free(&x), operand_free(&w), operand_free(&y);
        }
    for (size_t s = 0; s < SHAPES; s++) free(want[s]);
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_rounded_operands),
        cmocka_unit_test(few_rows_stay_f32),
        cmocka_unit_test(threads_do_not_change_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
