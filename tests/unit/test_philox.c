/* test_philox.c - random numbers against published values, their moments and their independence. */
#include "base/philox.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

/* The known answers of Philox 2x64-10 that its authors publish. */
static void philox_known_answers(void **state)
{
    (void)state;
    assert_true(sp_rand_u64(0, 0, 0) == 0xca00a0459843d731ull);
    assert_true(sp_rand_u64(UINT64_MAX, UINT64_MAX, UINT64_MAX) == 0x65b021d60cd8310full);
    assert_true(sp_rand_u64(0xa4093822299f31d0ull, 0x13198a2e03707344ull, 0x243f6a8885a308d3ull) ==
                0x0a5e742c2997341cull);
}

/* Box and Muller's pair has two numbers; which of them is drawn is part of the output of a run. */
static void normal_keeps_its_value(void **state)
{
    (void)state;
    assert_true(fabs(sp_rand_normal(1, 2, 0) + 1.3330161691026166) < 1e-14);
    assert_true(fabs(sp_rand_normal(7, 0, 123456789) - 1.1084570956937161) < 1e-14);
}

#define DRAWS 200000

static void unit_is_uniform(void **state)
{
    (void)state;
    int bins[100] = {0};
    double sum = 0, prev = 0, cor = 0;
    for (uint64_t i = 0; i < DRAWS; i++) {
        double u = sp_rand_unit(3, 5, i);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * 100)]++;
        sum += u;
        cor += (u - .5) * (prev - .5);
        prev = u;
    }
    double chi2 = 0;
    for (int i = 0; i < 100; i++)
        chi2 += (bins[i] - DRAWS / 100.) * (bins[i] - DRAWS / 100.) / (DRAWS / 100.);
    assert_true(chi2 > 55 && chi2 < 155); /* 99 degrees of freedom: mean 99, sd 14 */
    assert_true(fabs(sum / DRAWS - .5) < 5 * sqrt(1. / 12 / DRAWS));
    assert_true(fabs(cor / DRAWS) < 5. / 12 / sqrt(DRAWS));
}

static void normal_moments(void **state)
{
    (void)state;
    double m[5] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x = sp_rand_normal(1, 2, i);
        for (int k = 1; k < 5; k++) m[k] += pow(x, k) / DRAWS;
    }
    assert_true(fabs(m[1]) < 5 / sqrt(DRAWS));
    assert_true(fabs(m[2] - 1) < 5 * sqrt(2. / DRAWS));
    assert_true(fabs(m[3]) < 5 * sqrt(15. / DRAWS));
    assert_true(fabs(m[4] - 3) < 5 * sqrt(96. / DRAWS));
}

/* Neighbouring seeds, streams and indices agree as often as chance has it. */
static void streams_are_independent(void **state)
{
    (void)state;
    int agree[3] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        bool x = sp_rand_unit(1, 1, i) < .5;
        agree[0] += x == (sp_rand_unit(2, 1, i) < .5);
        agree[1] += x == (sp_rand_unit(1, 2, i) < .5);
        agree[2] += x == (sp_rand_unit(1, 1, i + 1) < .5);
    }
    for (int k = 0; k < 3; k++) assert_true(abs(agree[k] - DRAWS / 2) < 5 * .5 * sqrt(DRAWS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),    cmocka_unit_test(normal_keeps_its_value),
        cmocka_unit_test(unit_is_uniform),         cmocka_unit_test(normal_moments),
        cmocka_unit_test(streams_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
