/* test_decoder.c - contexts side by side: which tokens a step takes, and that the logits are those
 * of each context alone. */
#include "engine/layer.h"
#include "eval/decoder.h"
#include "models.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static void open_decoder(sp_decoder *d, sp_model *m, int64_t n, int64_t prefill, bool no_cache)
{
    sp_decoder_open(d, &(sp_decoder_opt){.m = m,
                                         .n = n,
                                         .longest_prompt = 12,
                                         .longest = 20,
                                         .prefill = prefill,
                                         .no_cache = no_cache});
}

/* A prompt of n tokens, by number. */
static void start(sp_decoder *d, int64_t c, int64_t n)
{
    int32_t ids[20];
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)((c * 11 + i * 5 + 1) % 37);
    sp_context_start(&d->ctx[c], ids, n);
}

static void expect_seen(const sp_decoder *d, int64_t a, int64_t b, int64_t c)
{
    assert_int_equal(d->ctx[0].seen, a);
    assert_int_equal(d->ctx[1].seen, b);
    assert_int_equal(d->ctx[2].seen, c);
}

/* The picture of decoder.h: the running answer's token, and four tokens of prompts. */
static void prompts_share_what_a_step_takes(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    sp_decoder d;
    open_decoder(&d, m, 3, 4, false);
    start(&d, 0, 4);
    sp_decoder_step(&d);
    sp_context_push(&d.ctx[0], 9);
    start(&d, 1, 3);
    start(&d, 2, 4);
    expect_seen(&d, 4, 0, 0);
    sp_decoder_step(&d);
    expect_seen(&d, 5, 3, 1);
    assert_true(sp_context_seen(&d.ctx[1]) && !sp_context_seen(&d.ctx[2]));
    sp_decoder_step(&d);
    expect_seen(&d, 5, 3, 4);
    sp_decoder_step(&d); /* nothing is pending */
    expect_seen(&d, 5, 3, 4);
    /* a single token that is left of a prompt goes as a running answer's does */
    start(&d, 1, 5);
    start(&d, 2, 8);
    sp_context_push(&d.ctx[0], 1);
    sp_decoder_step(&d);
    expect_seen(&d, 6, 4, 0);
    sp_decoder_step(&d);
    expect_seen(&d, 6, 5, 4);
    sp_context_clear(&d.ctx[2]);
    assert_true(sp_context_seen(&d.ctx[2]));
    sp_decoder_close(&d);
    sp_model_close(m);
}

/* Logits after all tokens of a context, computed at once. */
static void alone(sp_model *m, const sp_context *c, float *z)
{
    int64_t start_of[2] = {0, c->n};
    sp_batch b = {.n_seq = 1, .n = c->n, .start = start_of, .ids = c->ids};
    float *x = sp_forward_all(m, &b);
    sp_head_logits(m, x + (c->n - 1) * m->cfg.hidden, 1, z);
    free(x);
}

/* Whatever the stretches and the cache, with a window too: rows of wanted contexts and no others.
 */
static void logits_are_those_of_each_alone(void **state)
{
    (void)state;
    for (int way = 0; way < 6; way++) {
        sp_model *m = small_model(way % 2); /* 1 has a window of 5 */
        sp_decoder d;
        float want[37];
        open_decoder(&d, m, 3, (int64_t[]){1, 5, 100}[way / 2], way == 5);
        start(&d, 0, 12), start(&d, 1, 1), start(&d, 2, 7);
        while (!sp_context_seen(&d.ctx[0]) || !sp_context_seen(&d.ctx[2])) sp_decoder_step(&d);
        for (int step = 0; step < 8; step++) {
            for (int c = 0; c < 3; c++) d.wanted[c] = c != step % 3;
            sp_decoder_logits(&d);
            for (int c = 0; c < 3; c++) {
                assert_int_equal(d.row[c] == NULL, c == step % 3);
                if (d.row[c]) alone(m, &d.ctx[c], want);
                for (int v = 0; d.row[c] && v < 37; v++)
                    assert_true(fabsf(d.row[c][v] - want[v]) < 1e-4f);
            }
            for (int c = 0; c < 3; c++) sp_context_push(&d.ctx[c], (step * 7 + c) % 37);
            sp_decoder_step(&d);
        }
        sp_decoder_close(&d);
        sp_model_close(m);
    }
}

/* The cache of a model with a window is a ring that need not hold a whole answer. */
static void bytes(void **state)
{
    (void)state;
    sp_model *plain = small_model(0), *windowed = small_model(1);
    sp_decoder_opt o = {.m = plain, .n = 3, .longest_prompt = 12, .longest = 500, .prefill = 4};
    assert_true(sp_decoder_cache_bytes(&o) == sp_kv_bytes(&plain->cfg, 3, 500));
    assert_true(sp_decoder_bytes(&o) > sp_decoder_cache_bytes(&o));
    uint64_t with = sp_decoder_bytes(&o);
    o.m = windowed;
    assert_true(sp_decoder_cache_bytes(&o) == sp_kv_bytes(&windowed->cfg, 3, 5 + 4));
    o.longest = 7;
    assert_true(sp_decoder_cache_bytes(&o) == sp_kv_bytes(&windowed->cfg, 3, 7));
    o = (sp_decoder_opt){.m = plain, .n = 3, .longest_prompt = 12, .longest = 500, .prefill = 4};
    o.n = 6;
    assert_true(sp_decoder_bytes(&o) > 1.9 * (double)with);
    sp_model_close(plain);
    sp_model_close(windowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prompts_share_what_a_step_takes),
        cmocka_unit_test(logits_are_those_of_each_alone),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
