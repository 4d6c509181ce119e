/* test_fmath.c - exp and the activations against libm in double, their derivatives against central
 * differences in double. */

#include "tensor/fmath.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

static void exp_is_accurate(void **state)
{
    (void)state;
    double worst = 0;
    for (double x = -87; x <= 88; x += 0.000917) {
        double want = exp((double)(float)x), d = fabs((double)sp_expf((float)x) - want) / want;
        worst = d > worst ? d : worst;
    }
    printf("# exp: relative error %.3g (limit 2e-7)\n", worst);
    assert_true(worst < 2e-7);
    assert_true(sp_expf(0) == 1);
}

static void exp_is_clamped(void **state)
{
    (void)state;
    assert_true(sp_expf(-1e30f) == sp_expf(-87) && sp_expf(-INFINITY) == sp_expf(-87));
    assert_true(sp_expf(1e30f) == sp_expf(88) && isfinite(sp_expf(INFINITY)));
}

static double silu(double x) { return x / (1 + exp(-x)); }
static double gelu(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

/* f and its derivative over -12..12: absolute error where the value is small, relative where it is
 * large. */
static void check(const char *name, float (*f)(float), float (*df)(float), double (*want)(double))
{
    double worst = 0, worst_d = 0, h = 1e-5;
    for (double t = -12; t <= 12; t += 0.00173) {
        float x = (float)t;
        double y = want((double)x), dy = (want((double)x + h) - want((double)x - h)) / (2 * h);
        worst = fmax(worst, fabs((double)f(x) - y) / fmax(1, fabs(y)));
        worst_d = fmax(worst_d, fabs((double)df(x) - dy));
    }
    printf("# %s: error %.3g (limit 1e-6), derivative %.3g (limit 1e-5)\n", name, worst, worst_d);
    assert_true(worst < 1e-6);
    assert_true(worst_d < 1e-5);
}

static void activations(void **state)
{
    (void)state;
    check("silu", sp_silu, sp_silu_grad, silu);
    check("gelu", sp_gelu_tanh, sp_gelu_tanh_grad, gelu);
}

/* Sixteen by four partial sums, the rest one by one: this order is part of every result. */
static void dot_has_its_order(void **state)
{
    (void)state;
    float a[200], b[200];
    for (int i = 0; i < 200; i++) a[i] = (float)sin(i), b[i] = (float)cos(3 * i);
    for (int n = 0; n <= 200; n++) {
        float s[4][16] = {{0}}, sum = 0;
        int i = 0;
        for (; i + 64 <= n; i += 64)
            for (int k = 0; k < 64; k++) s[k / 16][k % 16] += a[i + k] * b[i + k];
        for (; i + 16 <= n; i += 16)
            for (int k = 0; k < 16; k++) s[0][k] += a[i + k] * b[i + k];
        for (int k = 0; k < 16; k++) sum += (s[0][k] + s[1][k]) + (s[2][k] + s[3][k]);
        for (; i < n; i++) sum += a[i] * b[i];
        assert_true(sp_dotf(a, b, n) == sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_accurate), cmocka_unit_test(exp_is_clamped),
        cmocka_unit_test(activations), cmocka_unit_test(dot_has_its_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
