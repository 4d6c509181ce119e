/* test_softmax.c - terms of a softmax against double; the logarithm of their sum; the largest of a
 * row. */
#include "engine/softmax.h"
#include "operands.h"

static void check(int64_t n, float shift)
{
    float *z = random_floats(n, 1), max;
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        z[i] = 5 * z[i] + shift;
        largest = SP_MAX(largest, (double)z[i]);
    }
    float *terms = copy_floats(z, n), got = sp_softmax_terms(terms, n, &max);
    assert_true((double)max == largest);
    for (int64_t i = 0; i < n; i++) {
        double below = largest - (double)z[i], want = exp(-below);
        sum += want;
        /* that of sp_expf, and the rounding of z - max */
        expect_near("term", (double)terms[i], want, (3e-7 + 0x1p-24 * below) * want + 1e-37);
    }
    expect_near("sum", (double)got, sum, 1e-6 * sum);
    free(z), free(terms);
}

/* Lengths around vectors; far from 0, where exp itself would overflow or vanish. */
static void terms_and_sum(void **state)
{
    (void)state;
    static const int64_t lengths[] = {1, 2, 7, 8, 9, 16, 33, 1000};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        check(lengths[i], 0);
        check(lengths[i], 300);
        check(lengths[i], -300);
    }
}

static void nan_comes_through(void **state)
{
    (void)state;
    for (int at = 0; at < 3; at++) {
        float z[3] = {1, 2, 3}, max;
        z[at] = NAN;
        assert_true(isnan(sp_softmax_terms(z, 3, &max)));
    }
}

static void log_of_the_total(void **state)
{
    (void)state;
    /* log(e^0 + e^(log 3)) = log 4, wherever the row lies */
    static const float shifts[] = {0, 1000, -1000};
    for (int i = 0; i < 3; i++) {
        float z[2] = {shifts[i], shifts[i] + logf(3)};
        double above = (double)z[1] - (double)z[0]; /* as far as floats keep it */
        expect_near("log total", sp_log_total(z, 2), (double)z[0] + log1p(exp(above)), 1e-12);
    }
    float none[2] = {-INFINITY, -INFINITY}, one[2] = {-INFINITY, 2}, nan[2] = {NAN, 2};
    assert_true(isnan(sp_log_total(none, 2)) && isnan(sp_log_total(nan, 2)));
    assert_true(sp_log_total(one, 2) == 2);
}

static void argmax(void **state)
{
    (void)state;
    const float ties[] = {1, NAN, 4, 4, -INFINITY}, nothing[] = {NAN, NAN}, last[] = {-3, -2, -1};
    assert_int_equal(sp_argmax(ties, 5), 2);
    assert_int_equal(sp_argmax(nothing, 2), 0);
    assert_int_equal(sp_argmax(last, 3), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_and_sum),
        cmocka_unit_test(nan_comes_through),
        cmocka_unit_test(log_of_the_total),
        cmocka_unit_test(argmax),
    };
    return cmocka_run_group_tests_name("softmax", tests, NULL, NULL);
}
