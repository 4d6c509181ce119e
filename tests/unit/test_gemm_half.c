/* test_gemm_half.c - products with weights in 16 bits, bit by bit: every element is the chain of
 * multiply-adds that gemm_half.h describes, computed here one after another.
 */
#include "engine/gemm_half.h"
#include "operands.h"

#include <math.h>

/* One multiply-add, fused where the build fuses them. */
static float multiply_add(float a, float b, float c)
{
#ifdef __FMA__
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* Element (i, j) of beta C + A op(B), where C's element is `c`. */
static float chained(const operand *a, const operand *b, bool tb, int64_t i, int64_t j, int64_t k,
                     float beta, float c)
{
    for (int64_t panel = 0; panel < k; panel += 2048) {
        float sum = 0;
        for (int64_t chain = panel; chain < SP_MIN(panel + 2048, k); chain += 512) {
            float s = 0;
            for (int64_t x = chain; x < SP_MIN(chain + 512, k); x++)
                s = multiply_add(a->values[i * a->cols + x],
                                 b->values[tb ? j * b->cols + x : x * b->cols + j], s);
            sum = chain == panel ? s : sum + s;
        }
        if (panel) c = c + sum;
        else c = beta == 0 ? sum : multiply_add(beta, c, sum);
    }
    return c;
}

typedef void product(float *c, int64_t ldc, const float *x, int64_t ldx, sp_mat w, int64_t ldw,
                     int64_t m, int64_t n, int64_t k, float beta);

/* C (m, n) lies in rows of n + 3, of which the last 3 must stay. */
/* Bit for bit, where the compiler fuses multiply-adds: not without the instruction, and not in the
 * builds for sanitizers, which optimise little. */
static bool same(float got, float want)
{
#if defined(__FMA__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    return !memcmp(&got, &want, sizeof want);
#else
    return fabsf(got - want) <= 1e-4f * (1 + fabsf(want));
#endif
}

static void check(bool xwt, int64_t m, int64_t n, int64_t k, sp_dtype dtype, float beta)
{
    product *multiply = xwt ? sp_gemm_half_xwt : sp_gemm_half_xw;
    operand x = random_operand(1, m, k, SP_F32),
            w = xwt ? random_operand(2, n, k, dtype) : random_operand(2, k, n, dtype);
    int64_t ldc = n + 3;
    float *before = random_floats(m * ldc, 3), *c = copy_floats(before, m * ldc);
    sp_gemm_half_begin();
    multiply(c, ldc, x.values, k, matrix_of(&w), w.cols, m, n, k, beta);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            float was = before[i * ldc + j];
            float want = j < n ? chained(&x, &w, xwt, i, j, k, beta, was) : was;
            if (!same(c[i * ldc + j], want))
                fail_msg("%s, %d x %d x %d, element (%d, %d): %.9g instead of %.9g",
                         xwt ? "X W^T" : "X W", (int)m, (int)n, (int)k, (int)i, (int)j,
                         (double)c[i * ldc + j], (double)want);
        }
    operand_free(&x), operand_free(&w);
    free(before), free(c);
}

/* Around the edges of tiles (6), vectors (8, 16), strips (48), panels (16, 64), chains, depth. */
static void every_element_is_its_chain(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 1},     {9, 50, 100},   {65, 7, 513},
                                        {16, 48, 512}, {17, 97, 1030}, {64, 5, 2048},
                                        {5, 6, 2049},  {70, 13, 2561}, {3, 49, 4700}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < 8; form++)
            check(form & 1, shapes[s][0], shapes[s][1], shapes[s][2], form & 2 ? SP_BF16 : SP_F16,
                  form & 4 ? 1 : 0);
}

/* A product cut into tiles has the bits of the whole, whatever a thread has packed before. */
static void tiles_have_the_bits_of_the_whole(void **state)
{
    (void)state;
    enum { M = 70, N = 60, K = 700, CUT_M = 33, CUT_N = 20 };
    operand x = random_operand(4, M, K, SP_F32), w = random_operand(5, N, K, SP_BF16);
    float *whole = sp_xfloats(M * N), *c = sp_xfloats(M * N);
    sp_gemm_half_begin();
    sp_gemm_half_xwt(whole, N, x.values, K, matrix_of(&w), K, M, N, K, 0);
    for (int64_t i = 0; i < M; i += CUT_M)
        for (int64_t j = 0; j < N; j += CUT_N)
            sp_gemm_half_xwt(c + i * N + j, N, x.values + i * K, K,
                             sp_mat_from(matrix_of(&w), j * K), K, SP_MIN(CUT_M, M - i),
                             SP_MIN(CUT_N, N - j), K, 0);
    assert_memory_equal(c, whole, M * N * sizeof *c);
    operand_free(&x), operand_free(&w);
    free(whole), free(c);
}

/* What was packed is forgotten at the start of a product: X may have changed in place. */
static void begin_forgets(void **state)
{
    (void)state;
    enum { M = 3, N = 4, K = 20 };
    operand x = random_operand(6, M, K, SP_F32), w = random_operand(7, N, K, SP_F16);
    float c[M * N], doubled[M * N];
    sp_gemm_half_begin();
    sp_gemm_half_xwt(c, N, x.values, K, matrix_of(&w), K, M, N, K, 0);
    for (int64_t i = 0; i < M * K; i++) x.values[i] *= 2;
    sp_gemm_half_begin();
    sp_gemm_half_xwt(doubled, N, x.values, K, matrix_of(&w), K, M, N, K, 0);
    for (int i = 0; i < M * N; i++) assert_true(doubled[i] == 2 * c[i]);
    operand_free(&x), operand_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_element_is_its_chain),
        cmocka_unit_test(tiles_have_the_bits_of_the_whole),
        cmocka_unit_test(begin_forgets),
    };
    return cmocka_run_group_tests_name("gemm_half", tests, NULL, NULL);
}
