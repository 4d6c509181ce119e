/* test_score.c - scoring against the reference models: the logits stream (1e-4 relative L2),
 * per-sequence losses (1e-5), whatever the batch; greedy flags against the logits; multiple choice
 * against scores taken one by one. */

#include "engine/checkpoint.h"
#include "engine/head.h"
#include "eval/choice.h"
#include "eval/sample.h"
#include "tensor/src.h"
#include "train/forward.h"
#include "skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *golden(const char *name, const char *file)
{
    const char *dir = getenv("SP_GOLDEN");
    char *path = sp_xasprintf("%s/%s/%s", dir ? dir : "../shared/golden", name, file);
    if (access(path, R_OK)) {
        free(path);
        SKIP("no reference vectors");
    }
    return path;
}

static void die_on(const sp_err *e)
{
    if (e->code) fail_msg("%s", e->msg);
}

typedef struct {
    sp_model *m;
    sp_tok *tok;
    sp_src *want;
    sp_examples data;
} subject;

static sp_examples_opt options(const subject *s)
{
    return (sp_examples_opt){
        .tok = s->tok, .tmpl = SP_TMPL_PLAIN, .vocab = s->m->cfg.vocab, .max_len = 512};
}

/* Add an item that must be a good one. */
static void add_item(sp_items *it, json_t *obj, const sp_examples_opt *o)
{
    sp_err e = {0};
    int rc = sp_items_add(it, obj, o, &e);
    die_on(&e);
    assert_int_equal(rc, 0);
}

static void open_subject(subject *s, const char *name)
{
    sp_err e = {0};
    char *expected = golden(name, "expected.safetensors"), *dir = golden(name, ".");
    *s = (subject){.m = sp_model_open(dir, NULL, &e)};
    die_on(&e);
    s->want = sp_src_open(expected, &e);
    die_on(&e);
    if (!strcmp(name, "stories260K")) s->tok = sp_tok_open(dir, &e);
    die_on(&e);
    free(dir), free(expected);
}

static void close_subject(subject *s)
{
    sp_examples_free(&s->data);
    sp_src_close(s->want);
    if (s->tok) sp_tok_close(s->tok);
    sp_model_close(s->m);
}

static float *load_f32(sp_src *src, const char *name)
{
    sp_err e = {0};
    size_t i = (size_t)sp_src_find(src, name);
    float *x = sp_xfloats(sp_src_info(src, i)->numel);
    if (sp_src_read_f32(src, i, x, &e) < 0) fail_msg("%s", e.msg);
    die_on(&e);
    return x;
}

static double distance(const float *x, const float *y, size_t n)
{
    double d = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        d += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
        norm += (double)y[i] * (double)y[i];
    }
    return sqrt(d / norm);
}

/* The stream of logits, written and read back. */
static sp_src *logits_stream(subject *s, int64_t batch_tokens, char *path)
{
    sp_err e = {0};
    sp_tinfo *t = sp_logits_tensors(s->m, &s->data);
    sp_dst *out = sp_dst_open(path, t, s->data.n, NULL, 1, &e);
    die_on(&e);
    assert_int_equal(sp_score_logits(s->m, &s->data, batch_tokens, out, &e), 0);
    assert_int_equal(sp_dst_finish(out, &e), 0);
    sp_logits_tensors_free(t, s->data.n);
    sp_src *src = sp_src_open(path, &e);
    die_on(&e);
    return src;
}

static void expect_logits(subject *s, const float *want, int64_t stride, int64_t batch_tokens)
{
    char dir[] = "/tmp/test_score.XXXXXX", path[64];
    snprintf(path, sizeof path, "%s/x.st.zst", mkdtemp(dir));
    sp_src *src = logits_stream(s, batch_tokens, path);
    int64_t v = s->m->cfg.vocab;
    assert_int_equal(sp_src_count(src), s->data.n);
    for (size_t i = 0; i < s->data.n; i++) {
        char name[32];
        snprintf(name, sizeof name, "logits.%zu", i);
        float *x = load_f32(src, name);
        double d = distance(x, want + (int64_t)i * stride * v, (size_t)(s->data.ex[i].n * v));
        if (d >= 1e-4) print_error("%s: relative distance %g\n", name, d);
        assert_true(d < 1e-4);
        free(x);
    }
    sp_src_close(src);
    unlink(path);
    rmdir(dir);
}

static void expect_losses(subject *s, const double *want, int64_t batch_tokens)
{
    sp_score scores[8];
    sp_score_examples(s->m, &s->data, batch_tokens, "test", scores);
    for (size_t i = 0; i < s->data.n; i++)
        assert_true(fabs(scores[i].nll / (double)scores[i].tokens - want[i]) < 1e-5);
}

static void test_reference(void **state)
{
    subject s;
    sp_err e = {0};
    open_subject(&s, *state);
    char *tokens = golden(*state, "tokens.jsonl");
    sp_examples_opt o = options(&s);
    assert_int_equal(sp_examples_load(&s.data, tokens, &o, &e), 0);
    const sp_tinfo *t = sp_src_info(s.want, (size_t)sp_src_find(s.want, "logits"));
    float *logits = load_f32(s.want, "logits");
    double losses[8];
    assert_int_equal(sp_src_read(s.want, (size_t)sp_src_find(s.want, "loss_per_seq"), losses, &e),
                     0);
    static const int64_t batches[] = {1, 60, 10000};
    for (size_t i = 0; i < 3; i++) {
        expect_logits(&s, logits, t->shape[1], batches[i]);
        expect_losses(&s, losses, batches[i]);
    }
    free(logits), free(tokens);
    close_subject(&s);
}

/* stories260K: ids with BOS predict the whole first text. */
static void test_stories(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, "stories260K");
    char *path = golden("stories260K", "expected.json");
    json_t *all = json_load_file(path, 0, NULL), *cases = json_object_get(all, "cases");
    for (size_t i = 0; i < json_array_size(cases); i++) {
        json_t *c = json_array_get(cases, i),
               *obj = json_pack("{s:s,s:O}", "context", "", "continuation",
                                json_object_get(c, "text"));
        sp_items it = {0};
        sp_score score;
        sp_examples_opt o = options(&s);
        add_item(&it, obj, &o);
        sp_score_examples(s.m, &it.data, 1, "test", &score);
        assert_int_equal(score.tokens, json_array_size(json_object_get(c, "ids")));
        assert_true(fabs(score.nll / (double)score.tokens -
                         json_real_value(json_object_get(c, "mean_nll"))) < 1e-5);
        assert_int_equal(score.greedy,
                         /* all of it was generated greedily */
                         !*json_string_value(json_object_get(c, "prompt")));
        sp_items_free(&it);
    }
    json_decref(all);
    free(path);
    close_subject(&s);
}

/* More rows than are computed at a time: the stream goes on where it was. */
static void test_long_example(void **state)
{
    (void)state;
    enum { N = 300 };
    subject s;
    open_subject(&s, "stories260K");
    int32_t ids[N], labels[N];
    for (int i = 0; i < N; i++) ids[i] = labels[i] = i ? 260 + i * 7 % 200 : 1;
    sp_example ex = {N, ids, labels, false};
    s.data = (sp_examples){.n = 1, .ex = &ex};
    sp_batch b;
    sp_batch_make(&b, &s.data, NULL, 1, SP_MEAN_TOKEN);
    float *x = sp_forward_all(s.m, &b), *want = sp_xfloats((size_t)(N * s.m->cfg.vocab));
    sp_head_logits(s.m, x, N, want);
    expect_logits(&s, want, N, 1);
    free(x), free(want);
    sp_batch_free(&b);
    s.data = (sp_examples){0};
    close_subject(&s);
}

static double one_loglik(subject *s, const char *context, const char *more, bool *greedy)
{
    sp_err e = {0};
    sp_items it = {0};
    sp_score score;
    sp_examples_opt o = options(s);
    add_item(&it, json_pack("{s:s,s:s}", "context", context, "continuation", more), &o);
    die_on(&e);
    sp_score_examples(s->m, &it.data, 1, "test", &score);
    sp_items_free(&it);
    *greedy = score.greedy;
    return -score.nll;
}

static void test_choices(void **state)
{
    (void)state;
    subject s;
    sp_err e = {0};
    open_subject(&s, "stories260K");
    static const char *const more[] = {" tree.", " park. They saw a big box with a big box.",
                                       " zebra"};
    const char *context = "Tom and Lily went to the";
    sp_items it = {0};
    sp_examples_opt o = options(&s);
    json_t *obj = json_pack("{s:s,s:[s,s,s],s:i}", "context", context, "choices", more[0], more[1],
                            more[2], "answer", 0);
    add_item(&it, obj, &o);
    add_item(&it,
             json_pack("{s:s,s:[s,s],s:s}", "context", context, "choices", more[2], more[0],
                       "answer", more[0]),
             &o);
    die_on(&e);
    assert_int_equal(it.data.n, 5);
    sp_score scores[5];
    sp_score_examples(s.m, &it.data, 4096, "test", scores);
    sp_items_report(&it, 0, scores);
    sp_items_report(&it, 1, scores);
    double best = -INFINITY, best_norm = -INFINITY;
    json_int_t pick = 0, pick_norm = 0;
    for (int i = 0; i < 3; i++) {
        bool greedy;
        double x = one_loglik(&s, context, more[i], &greedy), norm = x / (double)strlen(more[i]);
        assert_true(fabs(x - json_real_value(json_array_get(json_object_get(obj, "loglik"),
                                                            (size_t)i))) < 1e-4);
        assert_int_equal(greedy,
                         json_is_true(json_array_get(json_object_get(obj, "greedy"), (size_t)i)));
        if (x > best) best = x, pick = i;
        if (norm > best_norm) best_norm = norm, pick_norm = i;
    }
    assert_int_equal(pick, 0);
    /* the model's own continuation: unlikely as a whole, likely letter by letter */
    assert_int_equal(pick_norm, 1);
    assert_int_equal(json_integer_value(json_object_get(obj, "pick")), pick);
    assert_int_equal(json_integer_value(json_object_get(obj, "pick_norm")), pick_norm);
    assert_int_equal(json_is_true(json_object_get(obj, "acc")), pick == 0);
    /* the answer given as text */
    assert_true(json_is_true(json_object_get(it.items[1].obj, "acc")));
    sp_items_free(&it);
    close_subject(&s);
}

static void expect_refused(subject *s, json_t *obj, const char *message)
{
    sp_err e = {0};
    sp_items it = {0};
    sp_examples_opt o = options(s);
    assert_int_equal(sp_items_add(&it, obj, &o, &e), -1);
    assert_int_equal(e.code, SP_EINPUT);
    if (!strstr(e.msg, message)) fail_msg("message: %s", e.msg);
    sp_items_free(&it);
}

static void test_bad_items(void **state)
{
    (void)state;
    subject s;
    open_subject(&s, "stories260K");
    expect_refused(&s, json_pack("{s:s}", "context", "a"), "continuation");
    expect_refused(&s, json_pack("{s:s,s:[]}", "context", "a", "choices"), "choices");
    expect_refused(&s, json_pack("{s:s,s:[i]}", "context", "a", "choices", 3), "continuation");
    expect_refused(&s, json_pack("{s:s,s:s}", "context", "a", "continuation", ""), "no token");
    char *text = sp_xmalloc(4001);
    for (int i = 0; i < 4000; i++) text[i] = "ab "[i % 3];
    text[4000] = '\0';
    expect_refused(&s, json_pack("{s:s,s:s}", "context", "a", "continuation", text), "tokens");
    free(text);
    close_subject(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_reference, "llama2"),
        cmocka_unit_test_prestate(test_reference, "llama3"),
        cmocka_unit_test_prestate(test_reference, "llama31"),
        cmocka_unit_test_prestate(test_reference, "mistral"),
        cmocka_unit_test_prestate(test_reference, "gemma"),
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_choices),
        cmocka_unit_test(test_bad_items),
        cmocka_unit_test(test_long_example),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
