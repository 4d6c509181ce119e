/* test_kv.c - where keys and values of each token lie: layers, slots, heads, and the ring. */
#include "engine/kv.h"
#include "operands.h"

static const sp_config config = {.layers = 3, .kv_heads = 2, .head_dim = 4};
enum { HEADS = 2, DIM = 4, ROW = HEADS * DIM, CAP = 5 };

/* Row `row` of a head, in the order that kv.h states. */
static const float *find(const sp_kv *kv, const float *in, int64_t l, int64_t slot, int64_t head,
                         int64_t row)
{
    return in + (((l * kv->n_seq + slot) * HEADS + head) * CAP + row) * DIM;
}

/* Sequence 0 of the pack goes to slot 2 at positions 3, 4, 5, sequence 1 to slot 0 at 0, 1:
 * position 5 takes row 0, and everything else stays. */
static void appends_where_it_belongs(void **state)
{
    (void)state;
    enum { N = 5, SLOTS = 3, SIZE = 3 * SLOTS * HEADS * CAP * DIM };
    const int64_t start[] = {0, 3, N}, pos0[] = {3, 0}, slot[] = {2, 0};
    const int64_t row[N] = {3, 4, 0, 0, 1}, seq[N] = {0, 0, 0, 1, 1};
    const sp_pack p = {2, start, pos0, N};
    float *k = random_floats(N * ROW, 1), *v = random_floats(N * ROW, 2);
    sp_kv kv;
    sp_kv_alloc(&kv, &config, SLOTS, CAP);
    assert_int_equal(sp_kv_bytes(&config, SLOTS, CAP), 2 * SIZE * sizeof(float));
    memset(kv.k, 0, SIZE * sizeof(float));
    memset(kv.v, 0, SIZE * sizeof(float));
    sp_kv_append(&kv, 1, &p, slot, k, v);
    int written = 0;
    for (int64_t i = 0; i < SIZE; i++) written += kv.k[i] != 0;
    assert_int_equal(written, N * ROW);
    for (int64_t t = 0; t < N; t++)
        for (int64_t h = 0; h < HEADS; h++) {
            const float *to = find(&kv, kv.k, 1, slot[seq[t]], h, row[t]);
            assert_memory_equal(to, k + t * ROW + h * DIM, DIM * sizeof *k);
            to = find(&kv, kv.v, 1, slot[seq[t]], h, row[t]);
            assert_memory_equal(to, v + t * ROW + h * DIM, DIM * sizeof *v);
        }
    assert_ptr_equal(kv.k + sp_kv_offset(&kv, 2, 1, 1), find(&kv, kv.k, 2, 1, 1, 0));
    sp_kv_free(&kv);
    assert_null(kv.k);
    free(k), free(v);
}

/* Without a list of slots, sequence s lives in slot s. */
static void slots_in_order(void **state)
{
    (void)state;
    const int64_t start[] = {0, 1, 2};
    const sp_pack p = {2, start, NULL, 2};
    float *k = random_floats(2 * ROW, 1), *v = random_floats(2 * ROW, 2);
    sp_kv kv;
    sp_kv_alloc(&kv, &config, 2, CAP);
    sp_kv_append(&kv, 0, &p, NULL, k, v);
    for (int64_t s = 0; s < 2; s++)
        assert_memory_equal(find(&kv, kv.v, 0, s, 0, 0), v + s * ROW, DIM * sizeof *v);
    sp_kv_free(&kv);
    free(k), free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_where_it_belongs),
        cmocka_unit_test(slots_in_order),
    };
    return cmocka_run_group_tests_name("kv", tests, NULL, NULL);
}
