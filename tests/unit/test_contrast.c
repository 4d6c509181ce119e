/* test_contrast.c - the decoding-time defences against numbers worked by hand, and against slow
 * versions that follow the definitions. */
#include "base/philox.h"
#include "eval/contrast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { N = 40 };

static void logs(const double *p, int n, float *z)
{
    /* logits are known up to a constant */
    for (int i = 0; i < n; i++) z[i] = (float)(log(p[i]) + 1.7);
}

static void expect_safe(const double *base, const double *expert, int n, double strength,
                        int64_t common, const double *want)
{
    float z[8], w[8];
    logs(base, n, z), logs(expert, n, w);
    sp_contrast_logits(&(sp_contrast){SP_SAFEDECODING, strength, 2, common}, z, w, n);
    for (int i = 0; i < n; i++) {
        if (want[i] < 0) assert_true(isinf(z[i]) && z[i] < 0);
        else assert_true(fabs(exp((double)z[i]) - want[i]) < 1e-6 * fmax(want[i], 1e-6));
    }
}

static void test_safe_decoding_by_hand(void **state)
{
    (void)state;
    /* top 2: {0,1} and {3,1} share one token; top 3: {0,1,2} and {3,1,2} share two. .30 - .03 = .27
     * and .15 + .18 = .33, over .60. */
    expect_safe((double[]){.5, .3, .15, .05}, (double[]){.1, .29, .21, .4}, 4, 3, 2,
                (double[]){-1, .45, .55, -1});
    /* .6 - 1.2 is below zero: 1e-8. The others: .9 and .7. */
    expect_safe((double[]){.6, .3, .1}, (double[]){.2, .5, .3}, 3, 3, 3,
                (double[]){1e-8 / 1.6, .5625, .4375});
    /* One token is asked for and the second of each list brings two at once: .6 + .3 * .5 = .75 ...
     */
    expect_safe((double[]){.6, .3, .1}, (double[]){.3, .6, .1}, 3, .5, 1, (double[]){.5, .5, -1});
    /* The likeliest of both lists is the same: nothing else is in. */
    expect_safe((double[]){.6, .3, .1}, (double[]){.7, .1, .2}, 3, 3, 1, (double[]){1, -1, -1});
    /* More tokens asked for than there are: all. */
    expect_safe((double[]){.5, .5}, (double[]){.25, .75}, 2, 1, 5, (double[]){.25, .75});
}

static void test_differences_by_hand(void **state)
{
    (void)state;
    float z[2] = {1, 2}, w[2] = {3, 1};
    sp_contrast_logits(&(sp_contrast){.kind = SP_SELF_CD, .strength = 2.5}, z, w, 2);
    assert_true(z[0] == 6.0f && z[1] == -.5f); /* 1 - 2.5 (1 - 3), 2 - 2.5 (2 - 1) */
    float y[2] = {1, 2};
    sp_contrast_logits(&(sp_contrast){.kind = SP_ROSE, .strength = .5}, y, w, 2);
    assert_true(y[0] == -.5f && y[1] == 1.5f);
}

/* Is v among the r largest? */
static bool in_top(const float *x, int v, int r)
{
    int above = 0;
    for (int i = 0; i < N; i++) above += x[i] > x[v] || (x[i] == x[v] && i < v);
    return above < r;
}

static double share(const float *x, int v)
{
    double sum = 0;
    for (int i = 0; i < N; i++) sum += exp((double)x[i]);
    return exp((double)x[v]) / sum;
}

/* SafeDecoding as written down: try every r from `common` on, count what both lists hold, stop when
 * it is enough. */
static void slow_safe(const float *z, const float *w, double alpha, int common, double *p)
{
    int r = common, held = 0;
    for (;; r++) {
        held = 0;
        for (int v = 0; v < N; v++) held += in_top(z, v, r) && in_top(w, v, r);
        if (held >= common) break;
    }
    double total = 0;
    for (int v = 0; v < N; v++) {
        p[v] = share(z, v) + alpha * (share(w, v) - share(z, v));
        if (p[v] <= 0) p[v] = 1e-8;
        if (!in_top(z, v, r) || !in_top(w, v, r)) p[v] = 0;
        total += p[v];
    }
    for (int v = 0; v < N; v++) p[v] /= total;
}

static void random_rows(uint64_t seed, float *z, float *w)
{
    for (uint64_t i = 0; i < N; i++) {
        z[i] = (float)floor(12 * sp_rand_unit(seed, 1, i)) / 2; /* coarse, so that some are equal */
        w[i] = z[i] / 2 + (float)floor(8 * sp_rand_unit(seed, 2, i)) / 2;
    }
}

static void test_against_slow(void **state)
{
    (void)state;
    float z[N], w[N], out[N];
    double p[N];
    for (uint64_t seed = 0; seed < 200; seed++) {
        int common = 1 + (int)(seed % 9);
        double strength = .5 * (double)(seed % 7);
        random_rows(seed, z, w);
        memcpy(out, z, sizeof z);
        sp_contrast_logits(&(sp_contrast){SP_SAFEDECODING, strength, 2, common}, out, w, N);
        slow_safe(z, w, strength, common, p);
        for (int v = 0; v < N; v++) assert_true(fabs(exp((double)out[v]) - p[v]) <= 1e-5 * p[v]);
        for (int kind = SP_SELF_CD; kind <= SP_ROSE; kind++) {
            memcpy(out, z, sizeof z);
            sp_contrast_logits(&(sp_contrast){.kind = (sp_contrast_kind)kind, .strength = strength},
                               out, w, N);
            for (int v = 0; v < N; v++) {
                double want =
                    kind == SP_ROSE ? z[v] - strength * w[v] : z[v] - strength * (z[v] - w[v]);
                assert_true(fabs(out[v] - want) < 1e-5);
            }
        }
    }
}

/* Rows that are no distribution are not papered over by the floor. */
static void test_damage_shows(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        float rows[2][3] = {{1, 2, 3}, {3, 2, 1}};
        rows[which][1] = NAN;
        sp_contrast_logits(&(sp_contrast){SP_SAFEDECODING, 3, 2, 2}, rows[0], rows[1], 3);
        for (int i = 0; i < 3; i++) assert_true(isnan(rows[0][i]));
    }
}

static void test_joint(void **state)
{
    (void)state;
    sp_contrast c = {SP_SAFEDECODING, 3, 2, 5};
    assert_true(sp_contrast_joint(&c, 0) && sp_contrast_joint(&c, 1) && !sp_contrast_joint(&c, 2));
    c.kind = SP_ROSE;
    assert_true(sp_contrast_joint(&c, 99));
    c.kind = SP_PLAIN;
    assert_false(sp_contrast_joint(&c, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safe_decoding_by_hand),
        cmocka_unit_test(test_differences_by_hand),
        cmocka_unit_test(test_against_slow),
        cmocka_unit_test(test_damage_shows),
        cmocka_unit_test(test_joint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
