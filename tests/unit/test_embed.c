/* test_embed.c - rows of the embedding, as stored and as an own copy, times the family's factor. */
#include "engine/embed.h"
#include "operands.h"

static void check(sp_dtype dtype, bool own)
{
    enum { V = 9, H = 21, N = 4 };
    const int32_t ids[N] = {8, 0, 3, 3};
    operand table = random_operand(1, V, H, dtype);
    sp_param p = {.rows = V, .cols = H, .dtype = dtype, .data = table.stored};
    if (own) p.own = table.values, p.data = NULL;
    const sp_model m = {.cfg = {.hidden = H, .vocab = V, .embed_scale = 3}, .embed = &p};
    float y[N * H];
    sp_embed_forward(&m, ids, N, y);
    for (int t = 0; t < N; t++)
        for (int i = 0; i < H; i++) assert_true(y[t * H + i] == 3 * table.values[ids[t] * H + i]);
    operand_free(&table);
}

static void rows_times_factor(void **state)
{
    (void)state;
    check(SP_F32, false);
    check(SP_BF16, false);
    check(SP_F16, false);
    check(SP_F32, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_times_factor)};
    return cmocka_run_group_tests_name("embed", tests, NULL, NULL);
}
