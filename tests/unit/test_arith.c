/* test_arith.c - minimum, maximum, and products that overflow. */
#include "base/arith.h"

#include "base/base.h"

#include <setjmp.h>
#include <cmocka.h>

static void product_overflow(void **state)
{
    (void)state;
    uint64_t out;
    assert_true(sp_mul(1ull << 32, (1ull << 32) - 1, &out));
    assert_true(out == (1ull << 32) * ((1ull << 32) - 1));
    assert_true(sp_mul(0, UINT64_MAX, &out));
    assert_true(out == 0);
    assert_false(sp_mul(1ull << 32, 1ull << 32, &out));
}

static void smaller_and_larger(void **state)
{
    (void)state;
    assert_int_equal(SP_MIN(2, 3), 2);
    assert_int_equal(SP_MIN(3, 2), 2);
    assert_int_equal(SP_MAX(2, 3), 3);
    assert_int_equal(SP_MAX(3, 2), 3);
    assert_int_equal(SP_MAX(-1, -1) * SP_MIN(1 + 1, 5), -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(product_overflow),
                                       cmocka_unit_test(smaller_and_larger)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
