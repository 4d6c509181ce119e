/* test_forward.c - the forward pass of a batch of several chunks, against its sequences alone, and
 * what it keeps for the way back. */
#include "engine/layer.h"
#include "models.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

enum { N_SEQ = 5 };
/* Two chunks: the third sequence does not fit beside the first two. */
static const int64_t lengths[N_SEQ] = {900, 1000, 300, 5, 40};

static void long_batch(sp_batch *b)
{
    sp_example ex[N_SEQ];
    for (uint64_t s = 0; s < N_SEQ; s++) {
        ex[s] = (sp_example){lengths[s], sp_xarray((size_t)lengths[s], 4), NULL, false};
        for (int64_t t = 0; t < lengths[s]; t++)
            ex[s].ids[t] = (int32_t)(sp_rand_u64(4, s, (uint64_t)t) % 37);
        ex[s].labels = ex[s].ids;
    }
    sp_batch_make(b, &(sp_examples){.n = N_SEQ, .ex = ex}, NULL, N_SEQ, SP_MEAN_TOKEN);
    for (int s = 0; s < N_SEQ; s++) free(ex[s].ids);
}

static sp_batch one_sequence(const sp_batch *b, int64_t s, int64_t start[2])
{
    start[0] = 0, start[1] = lengths[s];
    return (sp_batch){.n_seq = 1, .n = lengths[s], .start = start, .ids = b->ids + b->start[s]};
}

static void sequences_do_not_see_each_other(void **state)
{
    (void)state;
    sp_model *m = small_model(1);
    sp_batch b;
    long_batch(&b);
    assert_int_equal(sp_chunk_count(&b).n, 2);
    float *all = sp_forward_all(m, &b);
    for (int64_t s = 0; s < N_SEQ; s++) {
        int64_t start[2];
        sp_batch one = one_sequence(&b, s, start);
        float *alone = sp_forward_all(m, &one), *beside = all + b.start[s] * m->cfg.hidden;
        for (int64_t i = 0; i < one.n * m->cfg.hidden; i++)
            assert_true(fabsf(alone[i] - beside[i]) < 1e-4f);
        free(alone);
    }
    free(all);
    sp_batch_free(&b);
    sp_model_close(m);
}

/* x[0] is the embedding, x[l + 1] layer l of x[l]; the last is what sp_forward_all gives. */
static void inputs_of_every_layer_stay(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    sp_batch b;
    long_batch(&b);
    sp_chunk_counts chunks = sp_chunk_count(&b);
    size_t nh = (size_t)(b.n * m->cfg.hidden);
    float *x = sp_xfloats((size_t)(m->cfg.layers + 1) * nh), *all = sp_forward_all(m, &b);
    sp_kept *k = sp_kept_new(0), *enough = sp_kept_new(SP_KEEP);
    sp_kept_reserve(k, m, chunks.largest, chunks.n);
    sp_kept_reserve(enough, m, chunks.largest, chunks.n);
    sp_forward_keep(m, &b, x, k);
    assert_memory_equal(x + (size_t)m->cfg.layers * nh, all, nh * sizeof *x);
    for (int64_t t = 0; t < b.n; t += 97)
        for (int64_t i = 0; i < m->cfg.hidden; i++)
            assert_true(x[t * m->cfg.hidden + i] ==
                        m->embed->own[b.ids[t] * m->cfg.hidden + i] * m->cfg.embed_scale);
    /* layer 1 of its input, chunk by chunk, leaves what was kept of it */
    sp_forward_keep(m, &b, x, enough);
    sp_acts *again = sp_acts_new(&m->cfg, chunks.largest);
    sp_chunk c;
    for (sp_chunk_open(&c, &b); sp_chunk_next(&c);) {
        sp_kept_set set = sp_kept_of(enough, 1, c.number);
        assert_true(set.kept);
        sp_layer_recompute(m, 1, &c.pack, x + nh + (size_t)(c.at * m->cfg.hidden), again);
        assert_memory_equal(again->q, set.acts->q,
                            (size_t)(c.pack.n * m->cfg.heads * m->cfg.head_dim) * sizeof(float));
    }
    sp_chunk_close(&c);
    sp_acts_free(again);
    sp_kept_free(k);
    sp_kept_free(enough);
    free(x);
    free(all);
    sp_batch_free(&b);
    sp_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sequences_do_not_see_each_other),
                                       cmocka_unit_test(inputs_of_every_layer_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
