/* test_engine.c - the engine and its training against third-party reference values (SP_GOLDEN).
 *
 * Tolerances: logits 1e-4 relative L2; losses 1e-5; gradients and SNIP 1e-3 relative L2 a tensor;
 * weights after three AdamW steps: 99.9 % of the entries within 1e-5, all within 6e-3 (AdamW
 * divides by the size of the gradient, so entries whose gradient is near zero amplify rounding).
 * With products in BF16 (DNNL=1): logits 2e-2, losses 1e-2, gradients and SNIP 4e-2; weights after
 * steps are not compared.
 */

#include "cli/restart.h"
#include "engine/gemm.h"
#include "models.h"
#include "skip.h"
#include "tensor/src.h"
#include "text/load_examples.h"
#include "train/tune.h"

#include <string.h>
#include <unistd.h>

static const char *golden_dir(void)
{
    return getenv("SP_GOLDEN") ? getenv("SP_GOLDEN") : "../shared/golden";
}

typedef struct {
    char *dir;
    sp_model *m;
    sp_src *want;
    sp_examples data;
    sp_batch batch;
} golden;

static void golden_open(golden *g, const char *name, sp_mean mean)
{
    sp_err e = {0};
    *g = (golden){.dir = sp_xasprintf("%s/%s", golden_dir(), name)};
    if (access(g->dir, R_OK)) {
        free(g->dir);
        SKIP("no reference vectors");
    }
    char *expected = sp_xasprintf("%s/expected.safetensors", g->dir),
         *tokens = sp_xasprintf("%s/tokens.jsonl", g->dir);
    g->m = sp_model_open(g->dir, NULL, &e);
    die_on(&e);
    g->want = sp_src_open(expected, &e);
    die_on(&e);
    sp_examples_opt o = {.tmpl = SP_TMPL_PLAIN, .vocab = g->m->cfg.vocab};
    assert_int_equal(sp_examples_load(&g->data, tokens, &o, &e), 0);
    die_on(&e);
    sp_batch_make(&g->batch, &g->data, NULL, g->data.n, mean);
    free(expected);
    free(tokens);
}

static void golden_close(golden *g)
{
    sp_batch_free(&g->batch);
    sp_examples_free(&g->data);
    sp_src_close(g->want);
    sp_model_close(g->m);
    free(g->dir);
}

/* Expected tensor as F32, owned by the caller. */
static float *expected(const golden *g, const char *prefix, const char *name, size_t *n)
{
    sp_err e = {0};
    char *full = sp_xasprintf("%s%s", prefix, name);
    int64_t at = sp_src_find(g->want, full);
    if (at < 0) fail_msg("no tensor %s", full);
    *n = sp_src_info(g->want, (size_t)at)->numel;
    float *x = sp_xfloats(*n);
    if (sp_src_read_f32(g->want, (size_t)at, x, &e) < 0) die_on(&e);
    free(full);
    return x;
}

static double expected_scalar(const golden *g, const char *name)
{
    sp_err e = {0};
    double x;
    int64_t at = sp_src_find(g->want, name);
    assert_true(at >= 0);
    assert_int_equal(sp_src_info(g->want, (size_t)at)->dtype, SP_F64);
    if (sp_src_read(g->want, (size_t)at, &x, &e) < 0) die_on(&e);
    return x;
}

static bool in_bf16(void) { return strstr(sp_gemm_kernel(), "BF16"); }

static double limit(double f32, double bf16) { return in_bf16() ? bf16 : f32; }

static double batch_loss(sp_model *m, const sp_batch *b)
{
    float *x = sp_forward_all(m, b);
    double loss = sp_head_loss(m, x, b->n, b->target, b->coef, &(sp_head_io){0});
    free(x);
    return loss;
}

/* ---- goldens -------------------------------------------------------------------------- */

static double worst; /* of the test under way, for the report */

static void check_logits(const char *name)
{
    golden g;
    golden_open(&g, name, SP_MEAN_TOKEN);
    size_t n;
    float *want = expected(&g, "", "logits", &n), *x = sp_forward_all(g.m, &g.batch);
    int64_t v = g.m->cfg.vocab, t_max = (int64_t)n / v / g.batch.n_seq;
    double d = 0, r = 0;
    for (int64_t s = 0; s < g.batch.n_seq; s++) {
        int64_t at = g.batch.start[s], len = g.batch.start[s + 1] - at;
        float *got = sp_xfloats((size_t)(len * v)), *ref = want + s * t_max * v;
        sp_head_logits(g.m, x + at * g.m->cfg.hidden, len, got);
        for (int64_t i = 0; i < len * v; i++) {
            d += pow((double)got[i] - (double)ref[i], 2);
            r += (double)ref[i] * (double)ref[i];
        }
        free(got);
    }
    worst = sqrt(d / r);
    printf("# %s: logits, relative L2 %.3g (limit %g)\n", name, worst, limit(1e-4, 2e-2));
    assert_true(worst < limit(1e-4, 2e-2));
    free(want);
    free(x);
    golden_close(&g);
}

typedef struct {
    const golden *g;
    const char *prefix;
    float scale; /* of what is emitted */
    bool times_weight;
    size_t seen;
    int64_t row; /* the next expected */
} comparer;

static int compare(void *self, sp_param *p, int64_t row, int64_t rows, float *got, sp_err *e)
{
    (void)e;
    comparer *c = self;
    size_t n, first = (size_t)(row * p->cols);
    float *all = expected(c->g, c->prefix, p->name, &n), *want = all + first, *mine = sp_xfloats(n),
          *scratch = sp_xfloats(n);
    assert_int_equal(n, sp_numel(p));
    assert_true(row == c->row);
    n = (size_t)(rows * p->cols);
    const float *w = sp_param_part(p, first, n, scratch);
    for (size_t i = 0; i < n; i++)
        mine[i] = got[i] * c->scale * (c->times_weight ? fabsf(w[i]) : 1);
    double d = relative_l2(mine, want, n);
    if (!(d < limit(1e-3, 4e-2))) fail_msg("%s%s: relative L2 %.3g", c->prefix, p->name, d);
    worst = SP_MAX(worst, d);
    c->row = (row + rows) % p->rows;
    c->seen += !c->row;
    free(all);
    free(mine);
    free(scratch);
    return 0;
}

static void check_gradients(const char *name)
{
    golden g;
    golden_open(&g, name, SP_MEAN_TOKEN);
    comparer c = {&g, "grad.", 1, false, 0, 0};
    worst = 0;
    double loss = run_grad(g.m, &g.batch, &(sp_grad_job){.all = true, .emit = compare, .self = &c}),
           want = expected_scalar(&g, "loss");
    printf("# %s: loss off by %.3g (limit %g), gradients, relative L2 %.3g (limit %g)\n", name,
           fabs(loss - want), limit(1e-5, 1e-2), worst, limit(1e-3, 4e-2));
    assert_true(fabs(loss - want) < limit(1e-5, 1e-2));
    assert_int_equal(c.seen, g.m->n);
    golden_close(&g);
}

static void check_snip(const char *name)
{
    golden g;
    golden_open(&g, name, SP_MEAN_OWN);
    comparer c = {&g, "snip.", 1.0f / (float)g.data.n, true, 0, 0};
    worst = 0;
    run_grad(g.m, &g.batch,
             &(sp_grad_job){.all = true, .per_example = SP_EACH_ABS, .emit = compare, .self = &c});
    printf("# %s: snip, relative L2 %.3g (limit %g)\n", name, worst, limit(1e-3, 4e-2));
    assert_int_equal(c.seen, g.m->n);
    golden_close(&g);
}

static void check_tune(const char *name, bool ascend)
{
    golden g;
    sp_err e = {0};
    if (in_bf16()) SKIP("products in BF16");
    golden_open(&g, name, SP_MEAN_TOKEN);
    sp_tune_opt o = {.ascend = ascend,
                     .weight = 1,
                     .fraction = 1,
                     .moments = SP_F32,
                     .optim = {SP_ADAMW, 0.9, 0.999, 1e-8, 0},
                     .lr = 1e-3,
                     .steps = 3,
                     .accumulate = 1,
                     .all = true};
    assert_int_equal(sp_tune(g.m, &g.data, &o, &e), 0);
    die_on(&e);
    size_t total = 0, off = 0;
    double max = 0;
    for (size_t i = 0; i < g.m->n; i++) {
        size_t n;
        float *want = expected(&g, ascend ? "ascent3." : "adamw3.", g.m->params[i].name, &n);
        for (size_t j = 0; j < n; j++) {
            double d = fabs((double)g.m->params[i].own[j] - (double)want[j]);
            off += d > 1e-5;
            max = SP_MAX(max, d);
        }
        total += n;
        free(want);
    }
    double loss = batch_loss(g.m, &g.batch),
           after = expected_scalar(&g, ascend ? "loss_after_ascent3" : "loss_after_adamw3");
    printf("# %s: %s, %.4f %% of %zu weights off by more than 1e-5 (limit 0.1 %%), largest %.3g "
           "(limit 6e-3)\n",
           name, ascend ? "ascent3" : "adamw3", 100 * (double)off / (double)total, total, max);
    assert_true((double)off <= 0.001 * (double)total);
    assert_true(max <= 6e-3);
    assert_true(fabs(loss - after) < 1e-3 * after);
    golden_close(&g);
}

#define GOLDEN_TESTS(dir)                                                     \
    static void logits_##dir(void **s) { (void)s, check_logits(#dir); }       \
    static void gradients_##dir(void **s) { (void)s, check_gradients(#dir); } \
    static void snip_##dir(void **s) { (void)s, check_snip(#dir); }           \
    static void adamw3_##dir(void **s) { (void)s, check_tune(#dir, false); }  \
    static void ascent3_##dir(void **s) { (void)s, check_tune(#dir, true); }
GOLDEN_TESTS(llama2)
GOLDEN_TESTS(llama3)
GOLDEN_TESTS(llama31)
GOLDEN_TESTS(mistral)
GOLDEN_TESTS(gemma)
#define GOLDEN_LIST(dir)                                               \
    cmocka_unit_test(logits_##dir), cmocka_unit_test(gradients_##dir), \
        cmocka_unit_test(snip_##dir), cmocka_unit_test(adamw3_##dir),  \
        cmocka_unit_test(ascent3_##dir)

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        GOLDEN_LIST(llama2),  GOLDEN_LIST(llama3), GOLDEN_LIST(llama31),
        GOLDEN_LIST(mistral), GOLDEN_LIST(gemma),
    };
    return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
