/* test_wgrad.c - gradients multiplied out from their factors: all tokens or some, of matrices and
 * of norm weights.
 */
#include "engine/wgrad.h"
#include "operands.h"

enum { N = 6, ROWS = 5 };

/* Tokens 1 .. 3, then all added on top. */
static void check(int64_t cols)
{
    const sp_param p = {.rows = ROWS, .cols = cols};
    bool norm = cols == 1;
    int64_t width = norm ? ROWS : cols;
    float *dy = random_floats(N * ROWS, 1), *x = random_floats(N * width, 2),
          *dw = random_floats(ROWS * cols, 3);
    memset(dw, 0xff, (size_t)(ROWS * cols) * sizeof *dw); /* NaN: 0 times it would not be 0 */
    sp_wgrad_dense(dw, 0, &p, dy, x, 1, 4);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t o = 0; o < ROWS; o++)
            for (int64_t i = 0; i < cols; i++) {
                double want = 0;
                for (int64_t t = 0; t < N; t++) {
                    int times = (t >= 1 && t < 4) + pass;
                    want +=
                        times * (double)dy[t * ROWS + o] * (double)x[t * width + (norm ? o : i)];
                }
                expect_near("dw", (double)dw[o * cols + i], want, 1e-5);
            }
        if (!pass) sp_wgrad_dense(dw, 1, &p, dy, x, 0, N);
    }
    free(dy), free(x), free(dw);
}

static void matrix(void **state) { (void)state, check(7); }
static void norm_weight(void **state) { (void)state, check(1); }

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matrix), cmocka_unit_test(norm_weight)};
    return cmocka_run_group_tests_name("wgrad", tests, NULL, NULL);
}
