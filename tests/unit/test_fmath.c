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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exp_is_accurate),
                                       cmocka_unit_test(exp_is_clamped),
                                       cmocka_unit_test(activations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
