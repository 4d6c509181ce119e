/* test_matrix.c - stored values widened to F32, and a matrix from an element on. */
#include "operands.h"

/* A piece from the middle of a matrix, in every dtype: exactly the stored values. */
static void widens_exactly(void **state)
{
    (void)state;
    const sp_dtype dtypes[] = {SP_F32, SP_BF16, SP_F16};
    for (int d = 0; d < 3; d++) {
        operand x = random_operand(1, 7, 11, dtypes[d]);
        float got[40] = {0};
        sp_mat_widen(got, matrix_of(&x), 13, 37);
        assert_memory_equal(got, x.values + 13, 37 * sizeof *got);
        assert_true(got[37] == 0);
        sp_mat_widen(got, sp_mat_from(matrix_of(&x), 20), 3, 30);
        assert_memory_equal(got, x.values + 23, 30 * sizeof *got);
        operand_free(&x);
    }
}

/* What widening does to the bits, without the library's own conversion. */
static void widens_known_bits(void **state)
{
    (void)state;
    const uint16_t bf16[] = {0x3f80, 0xc000, 0x0001, 0x7f80},
                   f16[] = {0x3c00, 0xc000, 0x0001, 0x7c00};
    const float want_bf16[] = {1, -2, 0x1p-133f, INFINITY},
                want_f16[] = {1, -2, 0x1p-24f, INFINITY};
    float got[4];
    sp_mat_widen(got, (sp_mat){bf16, SP_BF16}, 0, 4);
    assert_memory_equal(got, want_bf16, sizeof got);
    sp_mat_widen(got, (sp_mat){f16, SP_F16}, 0, 4);
    assert_memory_equal(got, want_f16, sizeof got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widens_exactly),
        cmocka_unit_test(widens_known_bits),
    };
    return cmocka_run_group_tests_name("matrix", tests, NULL, NULL);
}
