/* test_layer.c - one decoder layer of small models of each family: gradients of its input and of
 * all its weights against finite differences, and the same layer through a cache.
 */
#include "cli/restart.h"
#include "engine/gemm.h"
#include "engine/layer.h"
#include "models.h"
#include "skip.h"

/* Sequences of 9, 70 and 17 tokens: one is longer than a block of attention. */
static const int64_t start[] = {0, 9, 79, 96};
static const sp_pack pack = {3, start, NULL, 96};
enum { N = 96 };

typedef struct {
    sp_model *m;
    int64_t size; /* of x */
    float *x, *y;
    float *r; /* the loss is sum(r * y) */
    sp_acts *acts;
    sp_work *work;
    float *g[SP_PER_LAYER]; /* gradients that were emitted */
} subject;

static void subject_open(subject *s, int which)
{
    *s = (subject){.m = small_model(which)};
    s->size = N * s->m->cfg.hidden;
    s->x = random_floats(s->size, 1), s->r = random_floats(s->size, 2);
    s->y = sp_xfloats((size_t)s->size);
    s->acts = sp_acts_new(&s->m->cfg, N), s->work = sp_work_new(&s->m->cfg, N);
}

static void subject_close(subject *s)
{
    for (int k = 0; k < SP_PER_LAYER; k++) free(s->g[k]);
    free(s->x), free(s->r), free(s->y);
    sp_acts_free(s->acts), sp_work_free(s->work);
    sp_model_close(s->m);
}

static double loss(subject *s)
{
    double sum = 0;
    sp_layer_forward(s->m, 1, &pack, s->x, s->y, NULL, NULL, s->acts);
    for (int64_t i = 0; i < s->size; i++) sum += (double)s->r[i] * (double)s->y[i];
    return sum;
}

static void keep(void *self, sp_param *p, const float *dy, const float *x, const sp_pack *of)
{
    subject *s = self;
    assert_int_equal(p->layer, 1);
    assert_null(s->g[p->kind]);
    s->g[p->kind] = sp_xfloats(sp_numel(p));
    sp_wgrad_dense(s->g[p->kind], 0, p, dy, x, 0, of->n);
}

/* Along g/|g| the loss must rise at the rate |g|. */
static void check_slope(subject *s, const char *what, float *w, const float *g, size_t n)
{
    double norm = 0, side[2], step;
    float *was = copy_floats(w, (int64_t)n);
    for (size_t i = 0; i < n; i++) norm += (double)g[i] * (double)g[i];
    norm = sqrt(norm);
    step = 0.02;
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < n; i++)
            w[i] = was[i] + (float)((k ? -step : step) * (double)g[i] / norm);
        side[k] = loss(s);
    }
    memcpy(w, was, n * sizeof *w);
    free(was);
    expect_near(what, (side[0] - side[1]) / (2 * step) / norm, 1, 2e-3);
}

static void check_gradients(int which)
{
    subject s;
    if (sp_gemm_rounds()) SKIP("products in BF16");
    subject_open(&s, which);
    float *d = copy_floats(s.r, s.size);
    loss(&s);
    sp_layer_backward(s.m, 1, &pack, s.x, d, true, keep, &s, s.acts, s.work);
    check_slope(&s, "x", s.x, d, (size_t)s.size);
    for (int k = 0; k < SP_PER_LAYER; k++) {
        sp_param *p = sp_layer_param(s.m, 1, k);
        assert_non_null(s.g[k]);
        check_slope(&s, p->name, p->own, s.g[k], sp_numel(p));
    }
    free(d);
    subject_close(&s);
}

static void gradients_llama(void **state) { (void)state, check_gradients(0); }
static void gradients_mistral(void **state) { (void)state, check_gradients(1); }
static void gradients_gemma(void **state) { (void)state, check_gradients(2); }

/* Without dL/dx the same gradients come, but for norm1's. */
static void without_dx(void **state)
{
    (void)state;
    subject s, t;
    subject_open(&s, 0), subject_open(&t, 0);
    float *d = copy_floats(s.r, s.size);
    loss(&s);
    sp_layer_backward(s.m, 1, &pack, s.x, d, true, keep, &s, s.acts, s.work);
    memcpy(d, s.r, (size_t)s.size * sizeof *d);
    sp_layer_backward(s.m, 1, &pack, s.x, d, false, keep, &t, s.acts, t.work);
    for (int k = 0; k < SP_PER_LAYER; k++) {
        if (k == SP_NORM1) assert_null(t.g[k]);
        else assert_memory_equal(s.g[k], t.g[k], sp_numel(sp_layer_param(s.m, 1, k)) * sizeof *d);
    }
    free(d);
    subject_close(&s), subject_close(&t);
}

/* In place, and for what it leaves behind: the same bits. */
static void in_place_and_recomputed(void **state)
{
    (void)state;
    subject s;
    subject_open(&s, 2);
    size_t act = (size_t)(N * s.m->cfg.mlp);
    float *x = copy_floats(s.x, s.size), *kept;
    sp_layer_forward(s.m, 0, &pack, s.x, s.y, NULL, NULL, s.acts);
    kept = copy_floats(s.acts->act, (int64_t)act);
    memset(s.acts->act, 0, act * sizeof *kept);
    sp_layer_recompute(s.m, 0, &pack, s.x, s.acts);
    assert_memory_equal(s.acts->act, kept, act * sizeof *kept);
    sp_layer_forward(s.m, 0, &pack, x, x, NULL, NULL, s.acts);
    assert_memory_equal(x, s.y, (size_t)s.size * sizeof *x);
    free(x), free(kept);
    subject_close(&s);
}

/* The middle sequence in chunks of 3 through a cache. */
static void through_a_cache(void **state)
{
    (void)state;
    enum { FIRST = 9, LEN = 70, CHUNK = 3 };
    if (sp_gemm_rounds()) SKIP("products in BF16");
    for (int which = 0; which < 3; which++) {
        subject s;
        sp_kv kv;
        subject_open(&s, which);
        int64_t h = s.m->cfg.hidden, window = s.m->cfg.window, slot = 1;
        float *y = sp_xfloats((size_t)(LEN * h));
        sp_kv_alloc(&kv, &s.m->cfg, 2, window ? window + CHUNK : LEN);
        sp_layer_forward(s.m, 1, &pack, s.x, s.y, NULL, NULL, s.acts);
        for (int64_t at = 0; at < LEN; at += CHUNK) {
            int64_t n = SP_MIN(CHUNK, LEN - at);
            const sp_pack piece = {1, (int64_t[]){0, n}, &at, n};
            sp_layer_forward(s.m, 1, &piece, s.x + (FIRST + at) * h, y + at * h, &kv, &slot,
                             s.acts);
        }
        for (int64_t i = 0; i < LEN * h; i++)
            expect_near("y", (double)y[i], (double)s.y[FIRST * h + i], 1e-4);
        sp_kv_free(&kv);
        free(y);
        subject_close(&s);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_llama),         cmocka_unit_test(gradients_mistral),
        cmocka_unit_test(gradients_gemma),         cmocka_unit_test(without_dx),
        cmocka_unit_test(in_place_and_recomputed), cmocka_unit_test(through_a_cache),
    };
    return cmocka_run_group_tests_name("layer", tests, NULL, NULL);
}
