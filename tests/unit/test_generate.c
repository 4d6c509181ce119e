/* test_generate.c - greedy continuations of the reference models: exact ids, whatever the batch,
 * the stretches of the prompt, and the cache. */
#include "engine/checkpoint.h"
#include "engine/embed.h"
#include "engine/head.h"
#include "engine/layer.h"
#include "engine/softmax.h"
#include "eval/generate.h"
#include "tensor/dst.h"
#include "tensor/src.h"
#include "skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SEQ = 8, STEPS = 16 };

typedef struct {
    sp_model *m;
    int64_t n_seq;
    int32_t prompt[MAX_SEQ][256];
    int64_t length[MAX_SEQ];
    int32_t want[MAX_SEQ][STEPS];
} reference;

static char *golden(const char *name)
{
    const char *dir = getenv("SP_GOLDEN");
    return sp_xasprintf("%s/%s", dir ? dir : "../shared/golden", name);
}

static int64_t *read_i64(sp_src *s, const char *name)
{
    sp_err e = {0};
    int64_t i = sp_src_find(s, name);
    int64_t *x = sp_xmalloc(sp_src_info(s, (size_t)i)->nbytes);
    assert_int_equal(sp_src_read(s, (size_t)i, x, &e), 0);
    return x;
}

static void load(reference *r, const char *family)
{
    sp_err e = {0};
    char *dir = golden(family), *expected = sp_xasprintf("%s/expected.safetensors", dir);
    if (access(expected, R_OK)) {
        free(dir), free(expected);
        SKIP("no reference vectors");
    }
    r->m = sp_model_open(dir, NULL, &e);
    assert_non_null(r->m);
    sp_src *s = sp_src_open(expected, &e);
    assert_non_null(s);
    const sp_tinfo *t = sp_src_info(s, (size_t)sp_src_find(s, "input_ids"));
    int64_t *ids = read_i64(s, "input_ids"), *lengths = read_i64(s, "lengths"),
            *gen = read_i64(s, "gen_ids");
    r->n_seq = t->shape[0];
    for (int64_t b = 0; b < r->n_seq; b++) {
        r->length[b] = lengths[b];
        for (int64_t i = 0; i < lengths[b]; i++)
            r->prompt[b][i] = (int32_t)ids[b * t->shape[1] + i];
        for (int64_t i = 0; i < STEPS; i++) r->want[b][i] = (int32_t)gen[b * STEPS + i];
    }
    free(ids), free(lengths), free(gen), free(dir), free(expected);
    sp_src_close(s);
}

static int order[64], n_done;
static void done(void *self, size_t i)
{
    (void)self;
    order[n_done++] = (int)i;
}

/* All prompts, `rounds` times over, with the settings given: every answer is the reference's. */
static void expect_reference(const reference *r, sp_generate_opt opt, int64_t rounds)
{
    sp_generation items[64] = {0};
    size_t n = (size_t)(r->n_seq * rounds);
    sp_err e = {0};
    opt.max_new = STEPS;
    for (size_t i = 0; i < n; i++)
        items[i] = (sp_generation){.prompt = r->prompt[i % (size_t)r->n_seq],
                                   .n_prompt = r->length[i % (size_t)r->n_seq]};
    n_done = 0;
    assert_int_equal(sp_generate(r->m, items, n, &opt, done, NULL, &e), 0);
    assert_int_equal(n_done, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(items[i].out.n, STEPS);
        assert_false(items[i].stopped);
        assert_memory_equal(items[i].out.ids, r->want[i % (size_t)r->n_seq], sizeof r->want[0]);
        sp_ids_free(&items[i].out);
    }
}

static void test_reference(void **state)
{
    reference r = {0};
    load(&r, *state);
    expect_reference(&r, (sp_generate_opt){.batch = 8, .prefill = 2048}, 1);
    expect_reference(&r, (sp_generate_opt){.batch = 1, .prefill = 2048}, 1);
    expect_reference(&r, (sp_generate_opt){.batch = 2, .prefill = 2048},
                     3); /* slots are taken again */
    expect_reference(&r, (sp_generate_opt){.batch = 2, .prefill = 5},
                     2); /* prompts in stretches; a ring where there is a window */
    expect_reference(&r, (sp_generate_opt){.batch = 3, .prefill = 1}, 1);
    /* one slot after all */
    expect_reference(&r, (sp_generate_opt){.batch = 3, .prefill = 64, .cache_bytes = 1}, 2);
    expect_reference(&r, (sp_generate_opt){.batch = 2, .prefill = 2048, .no_cache = true}, 1);
    sp_model_close(r.m);
}

/* Answers far longer than the window, from prompts of one token to more than the ring holds, on
 * other weights than the reference's: the cache changes no token. */
static void test_cache_changes_nothing(void **state)
{
    enum { LONG = 64 };
    static const int64_t lengths[] = {1, 3, 7, 38};
    static const struct {
        int64_t batch, prefill;
        bool no_cache;
    } ways[] = {{1, 2048, true}, {4, 4, false}, {4, 1, false}, {3, 16, false}, {1, 2048, false}};
    reference r = {0};
    sp_err e = {0};
    load(&r, *state);
    char *dir = golden(*state);
    sp_model *m = sp_model_random(dir, .5, 11, &e);
    assert_non_null(m);
    int32_t want[4][LONG];
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        sp_generation it[4] = {0};
        for (int i = 0; i < 4; i++)
            it[i] =
                (sp_generation){.prompt = r.prompt[0], .n_prompt = SP_MIN(lengths[i], r.length[0])};
        sp_generate_opt o = {.max_new = LONG,
                             .batch = ways[way].batch,
                             .prefill = ways[way].prefill,
                             .no_cache = ways[way].no_cache};
        n_done = 0;
        assert_int_equal(sp_generate(m, it, 4, &o, done, NULL, &e), 0);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(it[i].out.n, LONG);
            if (!way) memcpy(want[i], it[i].out.ids, sizeof want[i]);
            assert_memory_equal(it[i].out.ids, want[i], sizeof want[i]);
            sp_ids_free(&it[i].out);
        }
    }
    free(dir);
    sp_model_close(m);
    sp_model_close(r.m);
}

/* End ids end an answer and are not part of it; draws do not depend on the batch. */
static void test_endings(void **state)
{
    (void)state;
    reference r = {0};
    load(&r, "llama2");
    sp_err e = {0};
    int32_t end = r.want[0][5];
    int64_t at = 0;
    while (r.want[0][at] != end) at++;
    sp_generation it = {.prompt = r.prompt[0], .n_prompt = r.length[0]};
    sp_generate_opt o = {
        .max_new = STEPS, .batch = 4, .prefill = 64, .ending = {.ids = &end, .n_ids = 1}};
    n_done = 0;
    assert_int_equal(sp_generate(r.m, &it, 1, &o, done, NULL, &e), 0);
    assert_true(it.stopped);
    assert_int_equal(it.out.n, at);
    sp_ids_free(&it.out);
    sp_model_close(r.m);
}

static void draw(const reference *r, int64_t batch, uint64_t seed, sp_generation *items, size_t n)
{
    sp_err e = {0};
    sp_generate_opt o = {
        .max_new = STEPS, .batch = batch, .prefill = 16, .sampler = {1.5, .95, 50}, .seed = seed};
    n_done = 0;
    for (size_t i = 0; i < n; i++)
        items[i] = (sp_generation){.prompt = r->prompt[0], .n_prompt = r->length[0]};
    assert_int_equal(sp_generate(r->m, items, n, &o, done, NULL, &e), 0);
}

static bool same(const sp_generation *a, const sp_generation *b)
{
    return !memcmp(a->out.ids, b->out.ids, STEPS * sizeof(int32_t));
}

static void test_draws(void **state)
{
    (void)state;
    reference r = {0};
    load(&r, "llama2");
    sp_generation a[4], b[4], c[4];
    draw(&r, 1, 7, a, 4);
    draw(&r, 3, 7, b, 4);
    draw(&r, 4, 8, c, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(same(&a[i], &b[i]));
        assert_false(same(&a[i], &c[i]));
        assert_true(i == 0 || !same(&a[i], &a[0])); /* the same prompt again is another draw */
    }
    for (int i = 0; i < 4; i++)
        sp_ids_free(&a[i].out), sp_ids_free(&b[i].out), sp_ids_free(&c[i].out);
    sp_model_close(r.m);
}

/* Two tokens equally likely everywhere: an answer whose draws were one and the same would be the
 * greedy one every other time. */
static void test_positions_draw_apart(void **state)
{
    (void)state;
    reference r = {0};
    sp_err e = {0};
    load(&r, "llama2");
    sp_generation it[8];
    sp_generate_opt o = {
        .max_new = STEPS, .batch = 8, .prefill = 64, .sampler = {1e6, 1, 2}, .seed = 3};
    for (int i = 0; i < 8; i++)
        it[i] = (sp_generation){.prompt = r.prompt[0], .n_prompt = r.length[0]};
    n_done = 0;
    assert_int_equal(sp_generate(r.m, it, 8, &o, done, NULL, &e), 0);
    for (int i = 0; i < 8; i++) {
        assert_memory_not_equal(it[i].out.ids, r.want[0], sizeof r.want[0]);
        sp_ids_free(&it[i].out);
    }
    sp_model_close(r.m);
}

/* ---- two contexts --------------------------------------------------------------------- */

/* Logits after ids[0..n), everything computed anew. */
static void logits_after(sp_model *m, const int32_t *ids, int64_t n, float *z)
{
    int64_t start[2] = {0, n};
    sp_pack pack = {1, start, NULL, n};
    sp_acts *acts = sp_acts_new(&m->cfg, n);
    float *x = sp_xfloats((size_t)(n * m->cfg.hidden));
    sp_embed_forward(m, ids, n, x);
    for (int64_t l = 0; l < m->cfg.layers; l++)
        sp_layer_forward(m, l, &pack, x, x, NULL, NULL, acts);
    sp_head_logits(m, x + (n - 1) * m->cfg.hidden, 1, z);
    free(x);
    sp_acts_free(acts);
}

/* STEPS greedy tokens from two contexts, token by token: the definition. */
static void slow_contrast(sp_model *m, sp_model *other, const sp_contrast *c,
                          const sp_generation *it, int32_t *out)
{
    float *z = sp_xfloats((size_t)m->cfg.vocab), *w = sp_xfloats((size_t)m->cfg.vocab);
    int32_t a[512], b[512];
    memcpy(a, it->prompt, (size_t)it->n_prompt * sizeof *a);
    memcpy(b, it->other, (size_t)it->n_other * sizeof *b);
    for (int t = 0; t < STEPS; t++) {
        logits_after(m, a, it->n_prompt + t, z);
        logits_after(other, b, it->n_other + t, w);
        if (c->kind != SP_SAFEDECODING || t < c->first) sp_contrast_logits(c, z, w, m->cfg.vocab);
        out[t] = a[it->n_prompt + t] = b[it->n_other + t] = sp_argmax(z, m->cfg.vocab);
    }
    free(z), free(w);
}

static void expect_slow(const reference *r, sp_model *expert, sp_generate_opt o)
{
    sp_generation items[MAX_SEQ] = {0};
    int32_t want[MAX_SEQ][STEPS];
    sp_err e = {0};
    size_t n = (size_t)r->n_seq;
    for (size_t i = 0; i < n; i++) {
        size_t k = (i + 1) % n; /* as second context, the next prompt: of another length */
        items[i] = (sp_generation){.prompt = r->prompt[i],
                                   .n_prompt = r->length[i],
                                   .other = r->prompt[k],
                                   .n_other = r->length[k]};
        slow_contrast(r->m, expert ? expert : r->m, &o.contrast, &items[i], want[i]);
    }
    static const struct {
        int64_t batch, prefill;
        bool no_cache;
    } ways[] = {{8, 2048, false}, {2, 5, false}, {1, 1, false}, {2, 2048, true}};
    o.max_new = STEPS;
    o.expert = expert;
    for (size_t way = 0; way < 4; way++) {
        o.batch = ways[way].batch, o.prefill = ways[way].prefill, o.no_cache = ways[way].no_cache;
        n_done = 0;
        assert_int_equal(sp_generate(r->m, items, n, &o, done, NULL, &e), 0);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(items[i].out.n, STEPS);
            assert_memory_equal(items[i].out.ids, want[i], sizeof want[i]);
            sp_ids_free(&items[i].out);
        }
    }
}

static void test_two_contexts(void **state)
{
    reference r = {0};
    sp_err e = {0};
    load(&r, *state);
    char *dir = golden(*state);
    sp_model *expert = sp_model_random(dir, .3, 5, &e);
    assert_non_null(expert);
    expect_slow(&r, expert, (sp_generate_opt){.contrast = {SP_SAFEDECODING, 3, 2, 5}});
    expect_slow(&r, expert, (sp_generate_opt){.contrast = {SP_SAFEDECODING, 3, STEPS + 9, 5}});
    expect_slow(&r, NULL, (sp_generate_opt){.contrast = {.kind = SP_SELF_CD, .strength = 2.5}});
    expect_slow(&r, NULL, (sp_generate_opt){.contrast = {.kind = SP_ROSE, .strength = .5}});
    free(dir);
    sp_model_close(expert);
    sp_model_close(r.m);
}

/* Defences that come to nothing: an expert that is the model itself, a difference of strength 0 or
 * of two equal contexts. */
static void test_no_contrast(void **state)
{
    (void)state;
    reference r = {0};
    load(&r, "llama2");
    expect_reference(
        &r,
        (sp_generate_opt){
            .batch = 2, .prefill = 9, .contrast = {SP_SAFEDECODING, 3, 2, 5}, .expert = r.m},
        2);
    expect_reference(&r,
                     (sp_generate_opt){
                         .batch = 2, .prefill = 9, .contrast = {.kind = SP_SELF_CD, .strength = 2}},
                     2);
    expect_reference(
        &r,
        (sp_generate_opt){.batch = 2, .prefill = 9, .contrast = {.kind = SP_ROSE, .strength = 0}},
        2);
    sp_model_close(r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_reference, "llama2"),
        cmocka_unit_test_prestate(test_reference, "llama3"),
        cmocka_unit_test_prestate(test_reference, "llama31"),
        cmocka_unit_test_prestate(test_reference, "mistral"),
        cmocka_unit_test_prestate(test_reference, "gemma"),
        cmocka_unit_test_prestate(test_cache_changes_nothing, "llama2"),
        cmocka_unit_test_prestate(test_cache_changes_nothing, "llama3"),
        cmocka_unit_test_prestate(test_cache_changes_nothing, "llama31"),
        cmocka_unit_test_prestate(test_cache_changes_nothing, "mistral"),
        cmocka_unit_test_prestate(test_cache_changes_nothing, "gemma"),
        cmocka_unit_test(test_endings),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_positions_draw_apart),
        cmocka_unit_test_prestate(test_two_contexts, "llama2"),
        cmocka_unit_test_prestate(test_two_contexts, "llama3"),
        cmocka_unit_test_prestate(test_two_contexts, "mistral"),
        cmocka_unit_test_prestate(test_two_contexts, "gemma"),
        cmocka_unit_test(test_no_contrast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
