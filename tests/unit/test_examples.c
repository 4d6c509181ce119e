/* test_examples.c - a list of examples that grows and owns what it holds. */
#include "text/examples.h"

#include "base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void growing(void **state)
{
    (void)state;
    sp_examples d = {0};
    for (int64_t i = 0; i < 100; i++) {
        sp_example x = {i + 1, sp_xarray((size_t)i + 1, 4), sp_xarray((size_t)i + 1, 4), false};
        for (int64_t t = 0; t <= i; t++) {
            x.ids[t] = (int32_t)(100 * i + t);
            x.labels[t] = t % 2 ? x.ids[t] : SP_UNSCORED;
        }
        sp_examples_add(&d, x);
    }
    assert_int_equal(d.n, 100);
    for (int64_t i = 0; i < 100; i++) {
        assert_int_equal(d.ex[i].n, i + 1);
        assert_int_equal(d.ex[i].ids[i], 101 * i);
        assert_int_equal(d.ex[i].labels[0], -100);
    }
    sp_examples_free(&d); /* whatever is not released, the leak check of `make check` sees */
    assert_int_equal(d.n, 0);
    assert_null(d.ex);
    sp_examples_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(growing)};
    return cmocka_run_group_tests_name("examples", tests, NULL, NULL);
}
