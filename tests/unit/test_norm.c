/* test_norm.c - RMSNorm forward and backward against the formulas of norm.h in double. */
#include "engine/norm.h"
#include "operands.h"

#include <omp.h>

enum { N = 5, H = 37 };
static const double eps = 0.25; /* large, so that its place in the formula matters */

static double rms(const float *x, int64_t h)
{
    double sum = 0;
    for (int64_t i = 0; i < h; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum / (double)h + eps);
}

static void forward(void **state)
{
    (void)state;
    float *x = random_floats(N * H, 1), *scale = random_floats(H, 2), *y = sp_xfloats(N * H);
    for (int scaled = 0; scaled < 2; scaled++) {
        sp_norm_forward(y, x, scaled ? scale : NULL, N, H, eps);
        for (int64_t t = 0; t < N; t++)
            for (int64_t i = 0; i < H; i++)
                expect_near("y", (double)y[t * H + i],
                            (double)x[t * H + i] / rms(x + t * H, H) *
                                (scaled ? (double)scale[i] : 1),
                            1e-6);
    }
    free(x), free(scale), free(y);
}

/* Added to what is there; the factor of the weight's gradient is x / rms. */
static void backward(void **state)
{
    (void)state;
    float *x = random_floats(N * H, 1), *scale = random_floats(H, 2), *g = random_floats(N * H, 3),
          *before = random_floats(N * H, 4), *d = copy_floats(before, N * H),
          *xhat = sp_xfloats(N * H);
    sp_norm_backward(d, xhat, g, x, scale, N, H, eps);
    for (int64_t t = 0; t < N; t++) {
        const float *xt = x + t * H, *gt = g + t * H;
        double r = rms(xt, H), mean = 0;
        for (int64_t i = 0; i < H; i++)
            mean += (double)gt[i] * (double)scale[i] * (double)xt[i] / r / H;
        for (int64_t i = 0; i < H; i++) {
            double hat = (double)xt[i] / r,
                   want = ((double)gt[i] * (double)scale[i] - hat * mean) / r;
            expect_near("xhat", (double)xhat[t * H + i], hat, 1e-6);
            expect_near("d", (double)d[t * H + i], (double)before[t * H + i] + want, 3e-6);
        }
    }
    float *again = copy_floats(before, N * H);
    sp_norm_backward(again, NULL, g, x, scale, N, H, eps);
    assert_memory_equal(again, d, N * H * sizeof *d);
    free(x), free(scale), free(g), free(before), free(d), free(xhat), free(again);
}

/* w or 1 + w, out of what is stored. */
static void scale_of_weight(void **state)
{
    (void)state;
    const uint16_t w[] = {0x3f80, 0xbf00}; /* 1, -0.5 in BF16 */
    const sp_param p = {.rows = 2, .cols = 1, .dtype = SP_BF16, .data = w};
    float scale[2];
    sp_norm_scale(&(sp_config){.norm_plus_one = false}, &p, scale);
    assert_true(scale[0] == 1 && scale[1] == -0.5f);
    sp_norm_scale(&(sp_config){.norm_plus_one = true}, &p, scale);
    assert_true(scale[0] == 2 && scale[1] == 0.5f);
}

static void threads_do_not_change_bytes(void **state)
{
    (void)state;
    enum { ROWS = 70, WIDE = 300 }; /* enough for threads */
    int before = omp_get_max_threads();
    float *x = random_floats(ROWS * WIDE, 1), *one = sp_xfloats(ROWS * WIDE),
          *three = sp_xfloats(ROWS * WIDE);
    omp_set_num_threads(1);
    sp_norm_forward(one, x, NULL, ROWS, WIDE, eps);
    omp_set_num_threads(3);
    sp_norm_forward(three, x, NULL, ROWS, WIDE, eps);
    assert_memory_equal(one, three, ROWS * WIDE * sizeof *one);
    omp_set_num_threads(before);
    free(x), free(one), free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward),
        cmocka_unit_test(backward),
        cmocka_unit_test(scale_of_weight),
        cmocka_unit_test(threads_do_not_change_bytes),
    };
    return cmocka_run_group_tests_name("norm", tests, NULL, NULL);
}
