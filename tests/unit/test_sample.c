/* test_sample.c - greedy choice, and the frequencies of temperature, top-k and top-p sampling
 * against exact ones. */
#include "engine/softmax.h"
#include "eval/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { V = 6, N = 6000 };
/* Probabilities 1/2, 1/4, 1/8, 1/16, 1/32, 1/32 at temperature 1, in no order. */
static const int exponent[V] = {-3, -1, -5, -4, -2, -5};

static void fill(float *z)
{
    for (int i = 0; i < V; i++) z[i] = (float)(exponent[i] * M_LN2) + 7;
}

/* Shares of the tokens over N evenly spaced draws. */
static void shares(const sp_sampler *s, double *p)
{
    float z[V];
    fill(z);
    memset(p, 0, V * sizeof *p);
    for (int i = 0; i < N; i++) p[sp_sample(z, V, s, (i + .5) / N)] += 1.0 / N;
}

static void expect_shares(const sp_sampler *s, const double *want)
{
    double p[V];
    shares(s, p);
    for (int i = 0; i < V; i++) {
        if (fabs(p[i] - want[i]) > 2.0 / N)
            print_error("token %d: %g, expected %g\n", i, p[i], want[i]);
        assert_true(fabs(p[i] - want[i]) <= 2.0 / N);
    }
}

static void test_argmax(void **state)
{
    (void)state;
    const float z[] = {-INFINITY, 2, NAN, 5, 5, 1};
    assert_int_equal(sp_argmax(z, 6), 3);
    assert_int_equal(sp_sample(z, 6, &(sp_sampler){0, 1, 0}, .99), 3);
}

static void test_temperature(void **state)
{
    (void)state;
    double one[V], half[V], sum = 0;
    for (int i = 0; i < V; i++) one[i] = ldexp(1, exponent[i]), sum += one[i] * one[i];
    for (int i = 0; i < V; i++) half[i] = one[i] * one[i] / sum;
    expect_shares(&(sp_sampler){1, 1, 0}, one);
    expect_shares(&(sp_sampler){.5, 1, 0}, half);
}

static void test_cuts(void **state)
{
    (void)state;
    const double top2[V] = {0, 2. / 3, 0, 0, 1. / 3, 0}, top1[V] = {0, 1, 0, 0, 0, 0},
                 top3[V] = {1. / 7, 4. / 7, 0, 0, 2. / 7, 0};
    expect_shares(&(sp_sampler){1, 1, 2}, top2);
    expect_shares(&(sp_sampler){1, .7, 0}, top2);
    expect_shares(&(sp_sampler){1, .76, 0}, top3);
    expect_shares(&(sp_sampler){1, 1, 3}, top3);
    expect_shares(&(sp_sampler){1, .5, 3}, top1); /* 4/7 of what top-k leaves is enough */
    expect_shares(&(sp_sampler){1, 1e-9, 0}, top1);
    expect_shares(&(sp_sampler){1, .8, 100}, top3);
}

static void test_odd_rows(void **state)
{
    (void)state;
    const float nan_only[] = {NAN, NAN}, flat[] = {0, 0, 0, 0}, inf[] = {-INFINITY, 0, -INFINITY};
    assert_int_equal(sp_sample(nan_only, 2, &(sp_sampler){1, 1, 0}, .5), 0);
    assert_int_equal(sp_sample(flat, 4, &(sp_sampler){1, 1, 0}, .6), 2);
    assert_int_equal(sp_sample(inf, 3, &(sp_sampler){1, .9, 0}, .999), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_argmax),
        cmocka_unit_test(test_temperature),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_odd_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
