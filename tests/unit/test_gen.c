/* test_gen.c - greedy continuations of the reference models: exact ids, whatever the batch, the stretches of the
 * prompt, and the cache. */
#include "gen.h"
#include "st.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
    if (access(expected, R_OK)) skip();
    r->m = sp_model_open(dir, NULL, 0, 0, &e);
    assert_non_null(r->m);
    sp_src *s = sp_src_open(expected, &e);
    assert_non_null(s);
    const sp_tinfo *t = sp_src_info(s, (size_t)sp_src_find(s, "input_ids"));
    int64_t *ids = read_i64(s, "input_ids"), *lengths = read_i64(s, "lengths"), *gen = read_i64(s, "gen_ids");
    r->n_seq = t->shape[0];
    for (int64_t b = 0; b < r->n_seq; b++) {
        r->length[b] = lengths[b];
        for (int64_t i = 0; i < lengths[b]; i++) r->prompt[b][i] = (int32_t)ids[b * t->shape[1] + i];
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
static void expect_reference(const reference *r, sp_gen_opt opt, int64_t rounds)
{
    sp_gen_item items[64] = {0};
    size_t n = (size_t)(r->n_seq * rounds);
    sp_err e = {0};
    opt.max_new = STEPS;
    for (size_t i = 0; i < n; i++)
        items[i] =
            (sp_gen_item){.prompt = r->prompt[i % (size_t)r->n_seq], .n_prompt = r->length[i % (size_t)r->n_seq]};
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
    expect_reference(&r, (sp_gen_opt){.batch = 8, .prefill = 2048}, 1);
    expect_reference(&r, (sp_gen_opt){.batch = 1, .prefill = 2048}, 1);
    expect_reference(&r, (sp_gen_opt){.batch = 2, .prefill = 2048}, 3); /* slots are taken again */
    expect_reference(&r, (sp_gen_opt){.batch = 2, .prefill = 5},
                     2); /* prompts in stretches; a ring where there is a window */
    expect_reference(&r, (sp_gen_opt){.batch = 3, .prefill = 1}, 1);
    expect_reference(&r, (sp_gen_opt){.batch = 3, .prefill = 64, .cache_bytes = 1}, 2); /* one slot after all */
    expect_reference(&r, (sp_gen_opt){.batch = 2, .prefill = 2048, .no_cache = true}, 1);
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
    sp_gen_item it = {.prompt = r.prompt[0], .n_prompt = r.length[0]};
    sp_gen_opt o = {.max_new = STEPS, .batch = 4, .prefill = 64, .end = &end, .n_end = 1};
    n_done = 0;
    assert_int_equal(sp_generate(r.m, &it, 1, &o, done, NULL, &e), 0);
    assert_true(it.stopped);
    assert_int_equal(it.out.n, at);
    sp_ids_free(&it.out);
    sp_model_close(r.m);
}

static void draw(const reference *r, int64_t batch, uint64_t seed, sp_gen_item *items, size_t n)
{
    sp_err e = {0};
    sp_gen_opt o = {.max_new = STEPS, .batch = batch, .prefill = 16, .sampler = {1.5, .95, 50}, .seed = seed};
    n_done = 0;
    for (size_t i = 0; i < n; i++) items[i] = (sp_gen_item){.prompt = r->prompt[0], .n_prompt = r->length[0]};
    assert_int_equal(sp_generate(r->m, items, n, &o, done, NULL, &e), 0);
}

static bool same(const sp_gen_item *a, const sp_gen_item *b)
{
    return !memcmp(a->out.ids, b->out.ids, STEPS * sizeof(int32_t));
}

static void test_draws(void **state)
{
    (void)state;
    reference r = {0};
    load(&r, "llama2");
    sp_gen_item a[4], b[4], c[4];
    draw(&r, 1, 7, a, 4);
    draw(&r, 3, 7, b, 4);
    draw(&r, 4, 8, c, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(same(&a[i], &b[i]));
        assert_false(same(&a[i], &c[i]));
        assert_true(i == 0 || !same(&a[i], &a[0])); /* the same prompt again is another draw */
    }
    for (int i = 0; i < 4; i++) sp_ids_free(&a[i].out), sp_ids_free(&b[i].out), sp_ids_free(&c[i].out);
    sp_model_close(r.m);
}

/* Two tokens equally likely everywhere: an answer whose draws were one and the same would be the greedy one every other
 * time. */
static void test_positions_draw_apart(void **state)
{
    (void)state;
    reference r = {0};
    sp_err e = {0};
    load(&r, "llama2");
    sp_gen_item it[8];
    sp_gen_opt o = {.max_new = STEPS, .batch = 8, .prefill = 64, .sampler = {1e6, 1, 2}, .seed = 3};
    for (int i = 0; i < 8; i++) it[i] = (sp_gen_item){.prompt = r.prompt[0], .n_prompt = r.length[0]};
    n_done = 0;
    assert_int_equal(sp_generate(r.m, it, 8, &o, done, NULL, &e), 0);
    for (int i = 0; i < 8; i++) {
        assert_memory_not_equal(it[i].out.ids, r.want[0], sizeof r.want[0]);
        sp_ids_free(&it[i].out);
    }
    sp_model_close(r.m);
}

static void test_cut(void **state)
{
    (void)state;
    const char *stop[] = {"End", "\n\n"};
    assert_int_equal(sp_gen_cut("a\n\nb End", 8, stop, 2), 1);
    assert_int_equal(sp_gen_cut("abc", 3, stop, 2), 3);
    assert_int_equal(sp_gen_cut("End", 3, stop, 2), 0);
    assert_int_equal(sp_gen_cut("", 0, stop, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_reference, "llama2"),  cmocka_unit_test_prestate(test_reference, "llama3"),
        cmocka_unit_test_prestate(test_reference, "llama31"), cmocka_unit_test_prestate(test_reference, "mistral"),
        cmocka_unit_test_prestate(test_reference, "gemma"),   cmocka_unit_test(test_endings),
        cmocka_unit_test(test_draws), cmocka_unit_test(test_positions_draw_apart),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
