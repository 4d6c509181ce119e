/* test_engine.c - the engine against third-party reference values (SP_GOLDEN) and against finite
 * differences.
 *
 * Tolerances: logits 1e-4 relative L2; losses 1e-5; gradients and SNIP 1e-3 relative L2 a tensor;
 * weights after three AdamW steps: 99.9 % of the entries within 1e-5, all within 6e-3 (AdamW
 * divides by the size of the gradient, so entries whose gradient is near zero amplify rounding).
 * With products in BF16 (DNNL=1): logits 2e-2, losses 1e-2, gradients and SNIP 4e-2; weights after
 * steps are not compared.
 */

#include "base/philox.h"
#include "cli/restart.h"
#include "engine/gemm.h"
#include "models.h"
#include "tensor/src.h"
#include "tensor/vec.h"
#include "text/load_examples.h"
#include "train/grad.h"
#include "train/tune.h"
#include "skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static double relative_l2(const float *x, const float *ref, size_t n)
{
    double d = 0, r = 0;
    for (size_t i = 0; i < n; i++) {
        d += pow((double)x[i] - (double)ref[i], 2);
        r += (double)ref[i] * (double)ref[i];
    }
    return sqrt(d) / SP_MAX(sqrt(r), 1e-30);
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
    if (in_bf16()) SKIP("products in BF16: test_dnnl.c has those");
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

/* ---- small random models of each family ----------------------------------------------- */

/* Three sequences of different lengths (one longer than a query block of attention), random ids,
 * most tokens scored. */
static void small_batch(sp_batch *b, sp_mean mean)
{
    static const int64_t lengths[3] = {9, 70, 17};
    sp_example ex[3];
    for (int s = 0; s < 3; s++) {
        ex[s] = (sp_example){lengths[s], sp_xarray((size_t)lengths[s], 4),
                             sp_xarray((size_t)lengths[s], 4)};
        for (int64_t t = 0; t < lengths[s]; t++) {
            ex[s].ids[t] = (int32_t)(sp_rand_u64(3, (uint64_t)s, (uint64_t)t) % 37);
            ex[s].labels[t] = t % 3 ? ex[s].ids[t] : -100;
        }
    }
    sp_batch_make(b, &(sp_examples){.n = 3, .ex = ex}, NULL, 3, mean);
    for (int s = 0; s < 3; s++) {
        free(ex[s].ids);
        free(ex[s].labels);
    }
}

typedef struct {
    sp_model *m;
    float **g; /* by index in m->params */
} grads;

static int keep(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    (void)e;
    grads *k = self;
    size_t i = (size_t)(p - k->m->params);
    if (!row) k->g[i] = sp_xfloats(sp_numel(p));
    memcpy(k->g[i] + row * p->cols, g, (size_t)(rows * p->cols) * sizeof *g);
    return 0;
}

static grads gradients_in(sp_grad_buffers *buffers, sp_model *m, const sp_batch *b,
                          sp_each per_example)
{
    grads k = {m, sp_xcalloc(m->n, sizeof *k.g)};
    run_grad(
        m, b,
        &(sp_grad_job){
            .buffers = buffers, .all = true, .per_example = per_example, .emit = keep, .self = &k});
    return k;
}

static grads all_gradients(sp_model *m, const sp_batch *b, sp_each per_example)
{
    return gradients_in(NULL, m, b, per_example);
}

static void free_grads(grads *k)
{
    for (size_t i = 0; i < k->m->n; i++) free(k->g[i]);
    free(k->g);
}

/* Along g/|g| the loss must rise at the rate |g|: central difference with a step that moves the
 * loss well above rounding. */
static void check_differences(int which)
{
    sp_model *m = small_model(which);
    sp_batch b;
    small_batch(&b, SP_MEAN_TOKEN);
    grads k = all_gradients(m, &b, SP_EACH_NONE);
    worst = 0;
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        size_t n = sp_numel(p);
        double norm = 0, loss[2];
        for (size_t j = 0; j < n; j++) norm += (double)k.g[i][j] * (double)k.g[i][j];
        norm = sqrt(norm);
        assert_true(norm > 1e-6);
        double step = SP_MIN(4e-3 / norm, 0.03);
        float *was = sp_xfloats(n);
        memcpy(was, p->own, n * sizeof *was);
        for (int side = 0; side < 2; side++) {
            for (size_t j = 0; j < n; j++)
                p->own[j] = was[j] + (float)((side ? -step : step) * k.g[i][j] / norm);
            loss[side] = batch_loss(m, &b);
        }
        memcpy(p->own, was, n * sizeof *was);
        free(was);
        double rel = fabs((loss[0] - loss[1]) / (2 * step) / norm - 1);
        if (!(rel < 2e-3)) fail_msg("%s: finite difference off by %.3g", p->name, rel);
        worst = SP_MAX(worst, rel);
    }
    printf("# %s: finite differences, relative error %.3g (limit 2e-3)\n", m->cfg.family, worst);
    free_grads(&k);
    sp_batch_free(&b);
    sp_model_close(m);
}

static void differences_llama(void **s) { (void)s, check_differences(0); }
static void differences_mistral(void **s) { (void)s, check_differences(1); }
static void differences_gemma(void **s) { (void)s, check_differences(2); }

/* Per-example sums must equal separate runs on each example, absolute values or squares added. */
static void per_example_is_separate_runs(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        small_batch(&b, SP_MEAN_OWN);
        grads abs = all_gradients(m, &b, SP_EACH_ABS),
              square = all_gradients(m, &b, SP_EACH_SQUARE);
        grads sum = {m, sp_xcalloc(m->n, sizeof(float *))},
              sum2 = {m, sp_xcalloc(m->n, sizeof(float *))};
        for (size_t i = 0; i < m->n; i++) sum.g[i] = sp_xfloats0(sp_numel(&m->params[i]));
        for (size_t i = 0; i < m->n; i++) sum2.g[i] = sp_xfloats0(sp_numel(&m->params[i]));
        for (int64_t s = 0; s < b.n_seq; s++) {
            int64_t at = b.start[s], len = b.start[s + 1] - at;
            sp_batch one = {1, len, (int64_t[]){0, len}, b.ids + at, b.target + at, b.coef + at, 0};
            grads k = all_gradients(m, &one, SP_EACH_NONE);
            for (size_t i = 0; i < m->n; i++)
                for (size_t j = 0; j < sp_numel(&m->params[i]); j++) {
                    sum.g[i][j] += fabsf(k.g[i][j]);
                    sum2.g[i][j] += k.g[i][j] * k.g[i][j];
                }
            free_grads(&k);
        }
        for (size_t i = 0; i < m->n; i++) {
            assert_true(relative_l2(abs.g[i], sum.g[i], sp_numel(&m->params[i])) < 1e-5);
            assert_true(relative_l2(square.g[i], sum2.g[i], sp_numel(&m->params[i])) < 1e-5);
        }
        free_grads(&abs);
        free_grads(&square);
        free_grads(&sum);
        free_grads(&sum2);
        sp_batch_free(&b);
        sp_model_close(m);
    }
}

/* KL against a slow scalar version of its definition. (What training makes of it, and NPO:
 * test_tune.c.) */
typedef struct {
    sp_model *m, *ref;
    sp_examples data;
    sp_batch b;
} pair;

static void pair_open(pair *p)
{
    *p = (pair){.m = shaken_model(0), .ref = small_model(0)};
    small_batch(&p->b, SP_MEAN_TOKEN);
}

static void pair_close(pair *p)
{
    sp_batch_free(&p->b);
    sp_model_close(p->m);
    sp_model_close(p->ref);
}

static void soft_targets_match_definition(void **state)
{
    (void)state;
    pair p;
    pair_open(&p);
    int64_t v = p.m->cfg.vocab;
    double *lp = log_probs(p.m, &p.b), *lr = log_probs(p.ref, &p.b), want = 0;
    for (int64_t t = 0; t < p.b.n; t++) {
        if (p.b.target[t] < 0) continue;
        p.b.target[t] = SP_SOFT;
        for (int64_t i = 0; i < v; i++)
            want -= (double)p.b.coef[t] * exp(lr[t * v + i]) * lp[t * v + i];
    }
    float *x = sp_forward_all(p.m, &p.b), *rx = sp_forward_all(p.ref, &p.b);
    double got =
        sp_head_loss(p.m, x, p.b.n, p.b.target, p.b.coef, &(sp_head_io){.ref = p.ref, .ref_x = rx});
    assert_true(fabs(got - want) < 1e-5 * want);
    /* the gradient: along -dx the loss falls at the rate |dx|^2 */
    size_t n = (size_t)(p.b.n * p.m->cfg.hidden);
    float *dx = sp_xfloats(n);
    double norm2 = 0, loss[2];
    sp_head_loss(p.m, x, p.b.n, p.b.target, p.b.coef,
                 &(sp_head_io){.ref = p.ref, .ref_x = rx, .dx = dx});
    for (size_t i = 0; i < n; i++) norm2 += (double)dx[i] * (double)dx[i];
    double h = 0.02 / norm2 * 0.1;
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++) x[i] += (float)((side ? -2 : 1) * h) * dx[i];
        loss[side] = sp_head_loss(p.m, x, p.b.n, p.b.target, p.b.coef,
                                  &(sp_head_io){.ref = p.ref, .ref_x = rx});
    }
    assert_true(fabs((loss[0] - loss[1]) / (2 * h) / norm2 - 1) < 0.02);
    free(dx), free(x), free(rx), free(lp), free(lr);
    pair_close(&p);
}

static void threads_do_not_change_bytes(void **state)
{
    (void)state;
    int before = omp_get_max_threads();
    for (int which = 0; which < 3; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        small_batch(&b, SP_MEAN_TOKEN);
        omp_set_num_threads(1);
        grads one = all_gradients(m, &b, SP_EACH_NONE);
        omp_set_num_threads(3);
        grads three = all_gradients(m, &b, SP_EACH_NONE);
        for (size_t i = 0; i < m->n; i++)
            assert_memory_equal(one.g[i], three.g[i], sp_numel(&m->params[i]) * sizeof(float));
        free_grads(&one);
        free_grads(&three);
        sp_batch_free(&b);
        sp_model_close(m);
    }
    omp_set_num_threads(before);
}

/* Kept, computed again, or some of each: the same bits, also in buffers that a larger and a smaller
 * batch have used. */
static void kept_or_computed_again(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        sp_model *m = small_model(which);
        sp_batch b;
        small_batch(&b, SP_MEAN_TOKEN);
        const uint64_t one_layer = sp_acts_bytes(&m->cfg, b.n);
        grads want = all_gradients(m, &b, SP_EACH_NONE);
        sp_batch shorter = b;
        shorter.n_seq = 1, shorter.n = b.start[1];
        for (uint64_t layers = 0; layers < 3; layers++) {
            sp_grad_buffers *buffers = sp_grad_buffers_new(layers * one_layer);
            for (int round = 0; round < 3; round++) {
                grads k = gradients_in(buffers, m, round == 1 ? &shorter : &b, SP_EACH_NONE);
                for (size_t i = 0; round != 1 && i < m->n; i++)
                    assert_memory_equal(k.g[i], want.g[i], sp_numel(&m->params[i]) * sizeof(float));
                free_grads(&k);
            }
            sp_grad_buffers_free(buffers);
        }
        free_grads(&want);
        sp_batch_free(&b);
        sp_model_close(m);
    }
}

/* Several tiles, odd edges, terms of different depth, and the few rows that go without tiles:
 * against sums in double. */
static void check_products(int64_t n, int64_t in, int64_t out0, int64_t out1, sp_dtype dtype)
{
    const int64_t out[2] = {out0, out1};
    sp_linear l[2];
    float *x = sp_xfloats((size_t)(n * in)), *dx = sp_xfloats((size_t)(n * in)), *w[2];
    for (int64_t i = 0; i < n * in; i++) x[i] = (float)sp_rand_normal(1, 0, (uint64_t)i);
    for (int k = 0; k < 2; k++) {
        size_t size = (size_t)(out[k] * in);
        void *stored = sp_xmalloc(size * sizeof(float));
        w[k] = sp_xfloats(size);
        for (size_t i = 0; i < size; i++) w[k][i] = (float)sp_rand_normal(2, (uint64_t)k, i);
        sp_from_f32(stored, w[k], dtype, size);
        sp_to_f32(w[k], stored, dtype, size);
        l[k] = (sp_linear){sp_xfloats((size_t)(n * out[k])), {stored, dtype}, out[k]};
    }
    sp_gemm_xwts(x, n, in, l, 2);
    sp_gemm_dyws(dx, n, in, l, 2);
    double scale = sqrt((double)in);
    for (int64_t t = 0; t < n; t += SP_MAX(n / 3, 1)) {
        double *sum = sp_xcalloc((size_t)in, sizeof *sum);
        for (int k = 0; k < 2; k++)
            for (int64_t o = 0; o < out[k]; o++) {
                double y = 0;
                for (int64_t i = 0; i < in; i++)
                    y += (double)x[t * in + i] * (double)w[k][o * in + i];
                assert_true(fabs(y - (double)l[k].y[t * out[k] + o]) < 1e-5 * scale);
                for (int64_t i = 0; i < in; i++)
                    sum[i] += (double)l[k].y[t * out[k] + o] * (double)w[k][o * in + i];
            }
        for (int64_t i = 0; i < in; i++)
            assert_true(fabs(sum[i] - (double)dx[t * in + i]) <
                        1e-5 * scale * sqrt((double)(out0 + out1)));
        free(sum);
    }
    for (int k = 0; k < 2; k++) free((void *)l[k].w.data), free(l[k].y), free(w[k]);
    free(x), free(dx);
}

static void products(void **state)
{
    (void)state;
    const sp_dtype dtypes[3] = {SP_F32, SP_BF16, SP_F16};
    if (in_bf16()) SKIP("products in BF16: test_dnnl.c has those");
    for (int d = 0; d < 3; d++) {
        /* few rows; a rest of 16 elements */
        for (int n = 1; n < 8; n++) check_products(n, 100, 7, 30, dtypes[d]);
        check_products(8, 64, 129, 4, dtypes[d]);
        /* one tile beside four: the same cut for both terms of the sum */
        check_products(9, 33, 5, 300, dtypes[d]);
        check_products(600, 70, 20, 800, dtypes[d]);
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        GOLDEN_LIST(llama2),
        GOLDEN_LIST(llama3),
        GOLDEN_LIST(llama31),
        GOLDEN_LIST(mistral),
        GOLDEN_LIST(gemma),
        cmocka_unit_test(differences_llama),
        cmocka_unit_test(differences_mistral),
        cmocka_unit_test(differences_gemma),
        cmocka_unit_test(per_example_is_separate_runs),
        cmocka_unit_test(soft_targets_match_definition),
        cmocka_unit_test(threads_do_not_change_bytes),
        cmocka_unit_test(kept_or_computed_again),
        cmocka_unit_test(products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
