/* test_acts.c - the arrays of a layer's work space: large enough, apart from each other, aligned,
 * and as many bytes as said.
 */
#include "engine/acts.h"
#include "engine/gemm.h"
#include "operands.h"

static const sp_config config = {
    .hidden = 5, .heads = 2, .kv_heads = 1, .head_dim = 6, .mlp = 17, .layers = 1};
enum { N = 7, H = 5 * N, Q = 12 * N, KV = 6 * N, F = 17 * N };

typedef struct {
    float *at;
    size_t n;
} array;

/* Fill each array with its number; then all must hold it still. Returns their floats, each rounded
 * up to 16. */
static size_t check(const array *list, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal((uintptr_t)list[i].at % 64, 0);
        for (size_t j = 0; j < list[i].n; j++) list[i].at[j] = (float)i;
        sum += (list[i].n + 15) / 16 * 16;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < list[i].n; j++) assert_true(list[i].at[j] == (float)i);
    return sum;
}

static void forward(void **state)
{
    (void)state;
    sp_acts *a = sp_acts_new(&config, N);
    const array list[] = {{a->scale1, 5}, {a->scale2, 5}, {a->h1, H},  {a->h2, H},
                          {a->x1, H},     {a->q, Q},      {a->ctx, Q}, {a->k, KV},
                          {a->v, KV},     {a->gate, F},   {a->up, F},  {a->act, F}};
    size_t floats = check(list, sizeof list / sizeof *list);
    assert_int_equal(sp_acts_bytes(&config, N), floats * sizeof(float));
    sp_acts_free(a);
    sp_acts_free(NULL);
}

static void backward(void **state)
{
    (void)state;
    sp_work *w = sp_work_new(&config, N);
    const array list[] = {{w->dh, H},  {w->xhat, H}, {w->dq, Q},    {w->dctx, Q},
                          {w->dk, KV}, {w->dv, KV},  {w->dgate, F}, {w->dup, F}};
    size_t floats = check(list, sizeof list / sizeof *list);
    assert_int_equal(sp_work_bytes(&config, N),
                     floats * sizeof(float) + sp_gemm_bytes(N, config.mlp, config.mlp));
    sp_work_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forward), cmocka_unit_test(backward)};
    return cmocka_run_group_tests_name("acts", tests, NULL, NULL);
}
