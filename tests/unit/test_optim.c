/* test_optim.c - optimizer steps against their formulas in double, schedules against closed forms.
 */

#include "tensor/vec.h"
#include "train/optim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#define N     5
#define STEPS 7

static const float start[N] = {1, -2, 0.5f, 0, 3e-3f};

/* A gradient that changes sign, size and is sometimes zero. */
static float gradient(int t, int i)
{
    return i == 3 && t % 2 ? 0 : (float)(sin(3.7 * t + i) * pow(10, i - 3));
}

static void run(const sp_optim *o, float *w, bool decay)
{
    float m[N] = {0}, v[N] = {0}, g[N];
    for (int t = 1; t <= STEPS; t++) {
        for (int i = 0; i < N; i++) g[i] = gradient(t, i);
        sp_optim_step(o, w, g, &(sp_moments){m, v, SP_F32, 0}, N, 1e-2 / t, t, decay);
    }
}

/* The same in double, from the formulas of optim.h. */
static void reference(const sp_optim *o, double *w, bool decay)
{
    double m[N] = {0}, v[N] = {0};
    for (int t = 1; t <= STEPS; t++)
        for (int i = 0; i < N; i++) {
            double g = (double)gradient(t, i), lr = 1e-2 / t;
            if (decay) w[i] -= lr * o->weight_decay * w[i];
            m[i] = o->beta1 * m[i] + (1 - o->beta1) * g;
            v[i] = o->beta2 * v[i] + (1 - o->beta2) * g * g;
            double adam =
                m[i] / (1 - pow(o->beta1, t)) / (sqrt(v[i] / (1 - pow(o->beta2, t))) + o->eps);
            w[i] -= lr * (o->kind == SP_ADAMW ? adam : g);
        }
}

static void check(sp_optim o, bool decay)
{
    float w[N];
    double want[N];
    for (int i = 0; i < N; i++) want[i] = (double)(w[i] = start[i]);
    run(&o, w, decay);
    reference(&o, want, decay);
    for (int i = 0; i < N; i++)
        if (!(fabs((double)w[i] - want[i]) < 1e-6))
            fail_msg("weight %d: %.9g, expected %.9g", i, (double)w[i], want[i]);
}

static void adamw(void **state)
{
    (void)state;
    check((sp_optim){SP_ADAMW, 0.9, 0.999, 1e-8, 0}, true);
    check((sp_optim){SP_ADAMW, 0.9, 0.999, 1e-8, 0.1}, true);
    check((sp_optim){SP_ADAMW, 0.9, 0.999, 1e-8, 0.1}, false);
    check((sp_optim){SP_ADAMW, 0.5, 0.9, 1e-2, 2}, true); /* an epsilon that matters */
    check((sp_optim){SP_ADAMW, 0, 0, 1e-3, 0}, true);
}

static void sgd(void **state)
{
    (void)state;
    check((sp_optim){SP_SGD, 0.9, 0.999, 1e-8, 0}, true);
    check((sp_optim){SP_SGD, 0.9, 0.999, 1e-8, 0.5}, true);
    check((sp_optim){SP_SGD, 0.9, 0.999, 1e-8, 0.5}, false);
}

static void expect(sp_schedule kind, int64_t step, int64_t warmup, int64_t total, double want)
{
    double got = sp_schedule_at(kind, step, warmup, total);
    if (!(fabs(got - want) < 1e-12))
        fail_msg("schedule %d at %lld: %.15g, expected %.15g", kind, (long long)step, got, want);
}

static void schedules(void **state)
{
    (void)state;
    for (int k = SP_CONSTANT; k <= SP_COSINE; k++) {
        expect((sp_schedule)k, 0, 0, 10, 1);
        for (int s = 0; s <= 4; s++) expect((sp_schedule)k, s, 4, 10, s / 4.0);
    }
    expect(SP_CONSTANT, 9, 4, 10, 1);
    expect(SP_LINEAR, 5, 0, 10, 0.5);
    expect(SP_LINEAR, 7, 4, 10, 0.5);
    expect(SP_LINEAR, 10, 4, 10, 0);
    expect(SP_LINEAR, 12, 4, 10, 0);
    expect(SP_COSINE, 5, 0, 10, 0.5);
    expect(SP_COSINE, 6, 4, 10, (1 + 0.5) / 2);
    expect(SP_COSINE, 12, 4, 10, 0);
}

/* v of BF16 must follow a step change of g^2 whose increments (0.1 %) are below half a BF16 unit
 * (0.2 to 0.4 %): plain rounding would stay at 1. */
static void narrow_moments_follow(void **state)
{
    (void)state;
    enum { MANY = 20000, T = 400 };
    const sp_optim o = {SP_ADAMW, 0.9, 0.999, 1e-8, 0};
    float *w = calloc(MANY, sizeof *w), *g = malloc(MANY * sizeof *g),
          *wide = malloc(MANY * sizeof *wide);
    uint16_t *m = calloc(MANY, sizeof *m), *v = malloc(MANY * sizeof *v);
    double want = 1, mean = 0;
    for (int i = 0; i < MANY; i++) {
        g[i] = 1.1f;
        v[i] = 0x3f80; /* 1 */
    }
    for (int t = 1; t <= T; t++) {
        sp_optim_step(&o, w, g, &(sp_moments){m, v, SP_BF16, 5}, MANY, 1e-3, t, false);
        want = 0.999 * want + 0.001 * (double)(1.1f * 1.1f);
    }
    sp_to_f32(wide, v, SP_BF16, MANY);
    for (int i = 0; i < MANY; i++) mean += (double)wide[i] / MANY;
    assert_true(want > 1.06);
    if (!(fabs(mean - want) < 2e-3)) fail_msg("mean of v %.6f, expected %.6f", mean, want);
    free(w), free(g), free(wide), free(m), free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(adamw), cmocka_unit_test(sgd),
                                       cmocka_unit_test(schedules),
                                       cmocka_unit_test(narrow_moments_follow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
