/* test_rounding.c - changes that rounding undoes, in every floating dtype. */
#include "tensor/rounding.h"

#include "tensor/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* 1 plus each change: lost below half the distance to its neighbour. */
static void counts(void **state)
{
    (void)state;
    static const struct {
        sp_dtype dtype;
        double step; /* from 1 to the next number above */
    } rows[] = {{SP_BF16, 0x1p-7}, {SP_F16, 0x1p-10}, {SP_F32, 0x1p-23}, {SP_F64, 0x1p-52}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        double step = rows[k].step, base[8] = {1, 1, 1, 1, 1, 1, 1, -0.}, sum[8];
        double change[8] = {.4 * step, .6 * step, .4 * step, -2 * step, .4 * step, .6 * step};
        double before[8] = {0}, after[8]; /* what is behind the numbers differs */
        for (int i = 0; i < 8; i++) sum[i] = base[i] + change[i], after[i] = 9;
        sp_from_f64(before, base, rows[k].dtype, 8);
        sp_from_f64(after, sum, rows[k].dtype, 8);
        sp_rounding r = {10, 5};
        sp_rounding_count(&r, change, 1, before, after, rows[k].dtype, 8);
        assert_int_equal(r.changed, 16); /* it adds */
        assert_int_equal(r.lost, 8);
        sp_rounding_count(&r, change, 0, before, before, rows[k].dtype, 8);
        assert_int_equal(r.changed, 16);
        assert_int_equal(r.lost, 8);
        sp_rounding_count(&r, change, 3, before, before, rows[k].dtype, 8);
        assert_int_equal(r.changed, 22);
        assert_int_equal(r.lost, 14);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(counts)};
    return cmocka_run_group_tests_name("rounding", tests, NULL, NULL);
}
