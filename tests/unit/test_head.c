/* test_head.c - logits and cross-entropy of small models against sums in double, hard and soft
 * targets mixed, over more tokens than a block has; and their gradients against the definition and
 * finite differences.
 */
#include "cli/restart.h"
#include "engine/gemm.h"
#include "engine/norm.h"
#include "models.h"
#include "skip.h"

enum { N = 700 }; /* more than two blocks, of which some end early */

/* A model of each family with hidden states and targets: every seventh token has none, and between
 * 100 and 140 the reference counts if there is one. */
typedef struct {
    sp_model *m, *ref;
    int64_t h, v;
    float *x, *ref_x, *coef;
    int32_t *target;
    double *p, *log_p, *ref_p; /* (N, V) softmax of the logits, its logarithm; the reference's */
} subject;

/* The logits of token t in double, by the formulas of norm.h and head.h. */
static void slow_logits(const sp_model *m, const float *x, int64_t t, double *z)
{
    int64_t h = m->cfg.hidden;
    const float *xt = x + t * h, *w = m->head->own, *norm = m->norm->own;
    double sum = 0, plus = m->cfg.norm_plus_one ? 1 : 0;
    for (int64_t i = 0; i < h; i++) sum += (double)xt[i] * (double)xt[i];
    double rms = sqrt(sum / (double)h + m->cfg.norm_eps);
    for (int64_t v = 0; v < m->cfg.vocab; v++) {
        z[v] = 0;
        for (int64_t i = 0; i < h; i++)
            z[v] += (double)xt[i] / rms * (plus + (double)norm[i]) * (double)w[v * h + i];
    }
}

static void slow_probs(const sp_model *m, const float *x, double *p, double *log_p)
{
    int64_t v = m->cfg.vocab;
    for (int64_t t = 0; t < N; t++, p += v, log_p += v) {
        double sum = 0;
        slow_logits(m, x, t, log_p);
        for (int64_t i = 0; i < v; i++) sum += exp(log_p[i]);
        for (int64_t i = 0; i < v; i++) log_p[i] -= log(sum), p[i] = exp(log_p[i]);
    }
}

static void subject_open(subject *s, int which, bool soft)
{
    *s = (subject){.m = small_model(which), .ref = soft ? shaken_model(which) : NULL};
    s->h = s->m->cfg.hidden, s->v = s->m->cfg.vocab;
    s->x = random_floats(N * s->h, 1), s->ref_x = random_floats(N * s->h, 2);
    s->coef = random_floats(N, 3), s->target = sp_xarray(N, sizeof *s->target);
    for (int t = 0; t < N; t++) {
        s->target[t] = (int32_t)(sp_rand_u64(4, 0, (uint64_t)t) % (uint64_t)s->v);
        if (t % 7 == 3) s->target[t] = SP_NO_TARGET;
        else if (soft && t >= 100 && t < 140) s->target[t] = SP_SOFT;
    }
    size_t all = (size_t)(N * s->v);
    s->p = sp_xarray(all, sizeof *s->p), s->log_p = sp_xarray(all, sizeof *s->p);
    s->ref_p = sp_xarray(all, sizeof *s->p);
    slow_probs(s->m, s->x, s->p, s->log_p);
    double *unused = sp_xarray(all, sizeof *unused);
    if (soft) slow_probs(s->ref, s->ref_x, s->ref_p, unused);
    free(unused);
}

static void subject_close(subject *s)
{
    sp_model_close(s->m);
    sp_model_close(s->ref);
    free(s->x), free(s->ref_x), free(s->coef), free(s->target);
    free(s->p), free(s->log_p), free(s->ref_p);
}

/* What token t should be like at vocabulary entry i. */
static double wanted_p(const subject *s, int64_t t, int64_t i)
{
    if (s->target[t] == SP_SOFT) return s->ref_p[t * s->v + i];
    return i == s->target[t];
}

static double loss(const subject *s, sp_head_io io)
{
    io.ref = s->ref, io.ref_x = s->ref_x;
    return sp_head_loss(s->m, s->x, N, s->target, s->coef, &io);
}

/* ---- values --------------------------------------------------------------------------- */

static void logits(void **state)
{
    (void)state;
    if (sp_gemm_rounds()) SKIP("products in BF16");
    for (int which = 0; which < 3; which++) {
        subject s;
        subject_open(&s, which, false);
        float *z = sp_xfloats((size_t)(N * s.v));
        double *want = sp_xarray((size_t)s.v, sizeof *want);
        sp_head_logits(s.m, s.x, N, z);
        for (int64_t t = 0; t < N; t++) {
            slow_logits(s.m, s.x, t, want);
            for (int64_t i = 0; i < s.v; i++)
                expect_near("logit", (double)z[t * s.v + i], want[i], 1e-5);
        }
        free(z), free(want);
        subject_close(&s);
    }
}

static void check_loss(int which, bool soft)
{
    subject s;
    subject_open(&s, which, soft);
    double *ce = sp_xarray(N, sizeof *ce), sum = 0, size = 0;
    int32_t *top = sp_xarray(N, sizeof *top);
    float *log_sum = random_floats(N, 9), *before = copy_floats(log_sum, N);
    double got = loss(&s, (sp_head_io){.ce = ce, .top = top, .log_sum = log_sum});
    for (int64_t t = 0; t < N; t++) {
        const double *p = s.p + t * s.v, *log_p = s.log_p + t * s.v;
        if (s.target[t] == SP_NO_TARGET) {
            assert_true(ce[t] == 0 && top[t] == -1 && log_sum[t] == before[t]);
            continue;
        }
        double want = 0, *z = sp_xarray((size_t)s.v, sizeof *z);
        for (int64_t i = 0; i < s.v; i++) want -= wanted_p(&s, t, i) * log_p[i];
        expect_near("ce", ce[t], want, 1e-5);
        sum += (double)s.coef[t] * want, size += fabs((double)s.coef[t]);
        assert_true(top[t] >= 0 && top[t] < s.v);
        for (int64_t i = 0; i < s.v; i++) assert_true(p[i] <= p[top[t]] * (1 + 1e-5));
        slow_logits(s.m, s.x, t, z);
        expect_near("log_sum", (double)log_sum[t], z[0] - log_p[0], 1e-5);
        free(z);
    }
    expect_near("loss", got, sum, 1e-5 * size);
    free(ce), free(top), free(log_sum), free(before);
    subject_close(&s);
}

static void losses(void **state)
{
    (void)state;
    if (sp_gemm_rounds()) SKIP("products in BF16");
    for (int which = 0; which < 3; which++) {
        check_loss(which, false);
        check_loss(which, true);
    }
}

/* No coefficients: the plain sum. No token scored: 0. */
static void sums(void **state)
{
    (void)state;
    subject s;
    subject_open(&s, 0, false);
    double ce[N], sum = 0, got = sp_head_loss(s.m, s.x, N, s.target, NULL, &(sp_head_io){.ce = ce});
    for (int t = 0; t < N; t++) sum += ce[t];
    assert_true(got == sum);
    for (int t = 0; t < N; t++) s.target[t] = SP_NO_TARGET;
    assert_true(sp_head_loss(s.m, s.x, N, s.target, s.coef, &(sp_head_io){0}) == 0);
    subject_close(&s);
}

/* ---- gradients ------------------------------------------------------------------------ */

/* dhead = sum_t coef_t (p_t - wanted_t) h_t^T on top of what is there, in double. */
static void check_dhead(const subject *s, const float *before, const float *dhead)
{
    double *h = sp_xarray((size_t)(N * s->h), sizeof *h);
    float *scale = sp_xfloats((size_t)s->h), *normed = sp_xfloats((size_t)(N * s->h));
    sp_norm_scale(&s->m->cfg, s->m->norm, scale);
    sp_norm_forward(normed, s->x, scale, N, s->h, s->m->cfg.norm_eps);
    for (int64_t i = 0; i < s->v; i++)
        for (int64_t j = 0; j < s->h; j++) {
            double want = (double)before[i * s->h + j];
            for (int64_t t = 0; t < N; t++)
                if (s->target[t] != SP_NO_TARGET)
                    want += (double)s->coef[t] * (s->p[t * s->v + i] - wanted_p(s, t, i)) *
                            (double)normed[t * s->h + j];
            expect_near("dhead", (double)dhead[i * s->h + j], want, 5e-5);
        }
    free(h), free(scale), free(normed);
}

/* Along g the loss must rise at the rate |g|^2: central difference over n values at w. */
static void check_slope(const subject *s, float *w, const float *g, int64_t n)
{
    double norm2 = 0, side[2];
    float *was = copy_floats(w, n);
    for (int64_t i = 0; i < n; i++) norm2 += (double)g[i] * (double)g[i];
    double step = 0.05 / norm2;
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < n; i++) w[i] = was[i] + (float)((k ? -step : step) * (double)g[i]);
        side[k] = loss(s, (sp_head_io){0});
    }
    memcpy(w, was, (size_t)n * sizeof *w);
    free(was);
    expect_near("slope", (side[0] - side[1]) / (2 * step) / norm2, 1, 5e-3);
}

static void check_gradients(int which, bool soft)
{
    subject s;
    subject_open(&s, which, soft);
    float *dx = random_floats(N * s.h, 5), *dhead = random_floats(s.v * s.h, 6),
          *dnorm = sp_xfloats0((size_t)s.h), *before = copy_floats(dhead, s.v * s.h);
    loss(&s, (sp_head_io){.dx = dx, .dhead = dhead, .dnorm = dnorm});
    check_dhead(&s, before, dhead);
    check_slope(&s, s.x, dx, N * s.h);
    check_slope(&s, s.m->norm->own, dnorm, s.h);
    for (int64_t t = 0; t < N; t++)
        for (int64_t i = 0; s.target[t] == SP_NO_TARGET && i < s.h; i++)
            assert_true(dx[t * s.h + i] == 0);
    free(dx), free(dhead), free(dnorm), free(before);
    subject_close(&s);
}

static void gradients(void **state)
{
    (void)state;
    if (sp_gemm_rounds()) SKIP("products in BF16");
    for (int which = 0; which < 3; which++) {
        check_gradients(which, false);
        check_gradients(which, true);
    }
}

/* Rows of the gradient by themselves. */
static void rows_of_the_gradient(void **state)
{
    (void)state;
    if (sp_gemm_rounds()) SKIP("products in BF16");
    subject s;
    subject_open(&s, 1, false);
    float *dhead = sp_xfloats0((size_t)(s.v * s.h)), *part = random_floats(s.v * s.h, 7),
          log_sum[N];
    loss(&s, (sp_head_io){.dhead = dhead, .log_sum = log_sum});
    for (int64_t row = 0, rows; row < s.v; row += rows) {
        rows = SP_MIN(10, s.v - row);
        sp_head_rows(s.m, s.x, N, s.target, s.coef, log_sum, row, rows, part);
        for (int64_t i = 0; i < rows * s.h; i++)
            expect_near("row", (double)part[i], (double)dhead[row * s.h + i], 5e-5);
    }
    free(dhead), free(part);
    subject_close(&s);
}

/* Work space: for a block of tokens at most, and less for fewer. */
static void bytes(void **state)
{
    (void)state;
    sp_model *m = small_model(0);
    const uint64_t token = sizeof(float) * (uint64_t)(5 * m->cfg.hidden + m->cfg.vocab);
    if (!sp_gemm_rounds()) {
        assert_int_equal(sp_head_bytes(m, 3), 3 * token);
        assert_int_equal(sp_head_bytes(m, 100000), 256 * token);
    }
    assert_true(sp_head_bytes(m, 3) < sp_head_bytes(m, 5000));
    assert_int_equal(sp_head_bytes(m, 5000), sp_head_bytes(m, 500000));
    sp_model_close(m);
}

int main(int argc, char **argv)
{
    (void)argc;
    sp_restart_want("OPENBLAS_CORETYPE", sp_gemm_core_type());
    sp_restart(argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits),
        cmocka_unit_test(losses),
        cmocka_unit_test(sums),
        cmocka_unit_test(gradients),
        cmocka_unit_test(rows_of_the_gradient),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
