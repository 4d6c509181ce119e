/* test_roc.c - areas, variances and curves against their definitions, and intervals against the
 * truth in simulations. */
#include "eval/roc.h"

#include "base/philox.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#define MOST 256 /* items of a side */

static void near(double x, double y) { assert_true(fabs(x - y) < 1e-12); }

/* Margins of both sides, in arrays of fixed size. */
typedef struct {
    double v[SP_SIDES][MOST];
    size_t n[SP_SIDES];
} margins;

/* The ROC of m. */
static sp_roc roc_of(const margins *m)
{
    sp_roc r;
    sp_roc_init(&r, (double *[]){(double *)m->v[0], (double *)m->v[1]}, m->n);
    return r;
}

/* n0 harmful and n1 harmless margins. With grid > 0 they are multiples of it, so that many are
 * equal. */
static margins draw(uint64_t seed, size_t n0, size_t n1, double grid)
{
    margins m = {.n = {n0, n1}};
    for (int s = 0; s < SP_SIDES; s++)
        for (size_t i = 0; i < m.n[s]; i++) {
            double x = sp_rand_normal(seed, (uint64_t)s, i) + s;
            m.v[s][i] = grid > 0 ? grid * round(x / grid) : x;
        }
    return m;
}

/* ---- the slow, obvious version -------------------------------------------------------- */

/* What a pair counts. */
static double kernel(double harmful, double harmless)
{
    return harmless > harmful ? 1 : harmless == harmful ? .5 : 0;
}

/* Placement of item i of side s: the mean over the other side. */
static double slow_placement(const margins *m, int s, size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < m->n[!s]; k++)
        sum += s == SP_HARMFUL ? kernel(m->v[0][i], m->v[1][k]) : kernel(m->v[0][k], m->v[1][i]);
    return sum / (double)m->n[!s];
}

static double slow_auc(const margins *m)
{
    double sum = 0;
    for (size_t i = 0; i < m->n[0]; i++)
        for (size_t k = 0; k < m->n[1]; k++) sum += kernel(m->v[0][i], m->v[1][k]);
    return sum / (double)(m->n[0] * m->n[1]);
}

static double slow_covariance(const margins *a, const margins *b)
{
    double cov = 0;
    for (int s = 0; s < SP_SIDES; s++) {
        double sum = 0, n = (double)a->n[s];
        for (size_t i = 0; i < a->n[s]; i++)
            sum +=
                (slow_placement(a, s, i) - slow_auc(a)) * (slow_placement(b, s, i) - slow_auc(b));
        cov += sum / (n - 1) / n;
    }
    return cov;
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    static const double grids[] = {0, .01, .5, 3}; /* from no ties to almost nothing else */
    for (uint64_t i = 0; i < 4; i++) {
        margins a = draw(i, 29, 17, grids[i]), b = draw(100 + i, 29, 17, grids[3 - i]);
        sp_roc ra = roc_of(&a), rb = roc_of(&b);
        near(ra.auc, slow_auc(&a));
        for (int s = 0; s < SP_SIDES; s++)
            for (size_t k = 0; k < a.n[s]; k++) near(ra.placement[s][k], slow_placement(&a, s, k));
        near(sp_roc_covariance(&ra, &ra), slow_covariance(&a, &a));
        near(sp_roc_covariance(&ra, &rb), slow_covariance(&a, &b));
        near(sp_roc_covariance(&rb, &ra), slow_covariance(&a, &b));
        sp_roc_free(&ra), sp_roc_free(&rb);
    }
}

/* ---- by hand -------------------------------------------------------------------------- */

/* Harmful 1 2 3, harmless 4 2: the placements are 1, 3/4, 1/2 and 1, 1/2, and auc is their mean,
 * 3/4. The variance is (1/8) / 2 of the harmless plus (1/16) / 3 of the harmful side, 1/12. */
static void an_example_by_hand(void **state)
{
    (void)state;
    margins m = {.v = {{1, 2, 3}, {4, 2}}, .n = {3, 2}};
    sp_roc r = roc_of(&m);
    near(r.auc, .75);
    near(r.placement[SP_HARMFUL][0], 1), near(r.placement[SP_HARMFUL][1], .75);
    near(r.placement[SP_HARMFUL][2], .5);
    near(r.placement[SP_HARMLESS][0], 1), near(r.placement[SP_HARMLESS][1], .5);
    near(sp_roc_covariance(&r, &r), 1. / 12);
    sp_estimate a = sp_roc_area(&r);
    near(a.value, .75), near(a.se, sqrt(1. / 12));
    /* logit(3/4) = log 3, with the standard error se / (3/16): odds of 3 exp(-+ 1.96 se 16/3) */
    double f = exp(1.959963984540054 * sqrt(1. / 12) * 16 / 3);
    near(a.lo, 3 / f / (1 + 3 / f)), near(a.hi, 3 * f / (1 + 3 * f));
    sp_roc_free(&r);
}

/* The sides change places when all margins change their sign. */
static void sides_are_symmetric(void **state)
{
    (void)state;
    margins a = draw(1, 31, 40, .5), b = {.n = {40, 31}}, c = {.n = {31, 40}};
    for (int s = 0; s < SP_SIDES; s++)
        for (size_t i = 0; i < a.n[s]; i++) b.v[!s][i] = a.v[s][i], c.v[s][i] = -a.v[s][i];
    sp_roc ra = roc_of(&a), rb = roc_of(&b), rc = roc_of(&c);
    near(rb.auc, 1 - ra.auc), near(rc.auc, 1 - ra.auc);
    sp_estimate ea = sp_roc_area(&ra), eb = sp_roc_area(&rb), d = sp_roc_difference(&ra, &rc),
                back = sp_roc_difference(&rc, &ra);
    near(eb.se, ea.se), near(eb.lo, 1 - ea.hi), near(eb.hi, 1 - ea.lo);
    near(d.value, 2 * ra.auc - 1),
        near(d.se, 2 * ea.se); /* c mirrors a: the covariance is -1 times the variance */
    near(back.value, -d.value), near(back.lo, -d.hi), near(back.hi, -d.lo), near(back.se, d.se);
    near(sp_roc_p(&back), sp_roc_p(&d));
    sp_roc_free(&ra), sp_roc_free(&rb), sp_roc_free(&rc);
}

static void difference_and_its_probability(void **state)
{
    (void)state;
    margins a = draw(2, 50, 60, 0), b = draw(3, 50, 60, 0);
    sp_roc ra = roc_of(&a), rb = roc_of(&b);
    sp_estimate d = sp_roc_difference(&ra, &rb), same = sp_roc_difference(&ra, &ra);
    double var = slow_covariance(&a, &a) + slow_covariance(&b, &b) - 2 * slow_covariance(&a, &b);
    near(d.value, slow_auc(&a) - slow_auc(&b)), near(d.se, sqrt(var));
    near(d.hi - d.value, 1.959963984540054 * sqrt(var)), near(d.value - d.lo, d.hi - d.value);
    near(sp_roc_p(&(sp_estimate){.value = -1.959963984540054, .se = 1}), .05);
    near(sp_roc_p(&(sp_estimate){.value = 0, .se = .1}), 1);
    near(same.value, 0), near(same.se, 0), near(sp_roc_p(&same), 1);
    assert_true(isnan(same.lo) && isnan(same.hi));
    sp_roc_free(&ra), sp_roc_free(&rb);
}

static void what_cannot_be_said(void **state)
{
    (void)state;
    margins apart = {.v = {{1, 2, 3}, {4, 5}}, .n = {3, 2}},
            wrong = {.v = {{9, 8, 7}, {4, 5}}, .n = {3, 2}};
    margins one = {.v = {{1, 3}, {2}}, .n = {2, 1}},
            equal = {.v = {{1, 1}, {1, 1, 1}}, .n = {2, 3}};
    sp_roc r = roc_of(&apart), w = roc_of(&wrong);
    sp_estimate a = sp_roc_area(&r), d = sp_roc_difference(&w, &r);
    near(a.value, 1), near(a.se, 0), near(a.lo, sqrt(.025)), near(a.hi, 1); /* two pairs of two */
    a = sp_roc_area(&w);
    near(a.value, 0), near(a.se, 0), near(a.lo, 0), near(a.hi, 1 - sqrt(.025));
    near(d.value, -1), near(d.se, 0);
    assert_true(isnan(d.lo) && isnan(d.hi) && isnan(sp_roc_p(&d)));
    sp_roc_free(&r), sp_roc_free(&w);
    r = roc_of(&one);
    a = sp_roc_area(&r);
    near(a.value, .5);
    assert_true(isnan(a.se) && isnan(a.lo) && isnan(a.hi) && isnan(sp_roc_covariance(&r, &r)));
    sp_roc_free(&r);
    r = roc_of(&equal);
    a = sp_roc_area(&r);
    near(a.value, .5), near(a.se, 0), near(a.lo, .5), near(a.hi, .5);
    sp_roc_free(&r);
}

/* ---- the curve ------------------------------------------------------------------------ */

static void curve_of(const margins *m)
{
    sp_roc r = roc_of(m);
    sp_roc_point point[2 * MOST + 1];
    size_t n = sp_roc_curve(&r, point);
    double area = 0;
    assert_true(n >= 2 && n <= m->n[0] + m->n[1] + 1);
    near(point[0].asr, 1), near(point[0].refused, 0);
    near(point[n - 1].asr, 0), near(point[n - 1].refused, 1);
    for (size_t i = 1; i < n; i++) {
        sp_roc_point p = point[i - 1], q = point[i];
        assert_true(q.asr <= p.asr && q.refused >= p.refused);
        assert_true(q.asr < p.asr || q.refused > p.refused);
        area += (p.asr - q.asr) * (1 - (p.refused + q.refused) / 2);
    }
    near(area, r.auc);
    sp_roc_free(&r);
}

static void curve_rises_over_the_area(void **state)
{
    (void)state;
    static const double grids[] = {0, .1, 1, 50};
    for (uint64_t i = 0; i < 4; i++) {
        margins m = draw(10 + i, 33, 21, grids[i]);
        curve_of(&m);
    }
    margins m = {.v = {{2, 1}, {2, 3}}, .n = {2, 2}};
    sp_roc_point p[5];
    sp_roc r = roc_of(&m);
    assert_int_equal(sp_roc_curve(&r, p), 4); /* below 1; at 1, 2, 3 */
    near(p[1].asr, .5), near(p[1].refused, 0);
    near(p[2].asr, 0), near(p[2].refused, .5);
    sp_roc_free(&r);
}

/* The thresholds that could be chosen are the margins themselves. The least is wanted of those with
 * at most the given share of harmful ones above. */
static void refused_at_a_rate(void **state)
{
    (void)state;
    static const double wanted[] = {0, .01, .1, .29, .5, .99};
    for (uint64_t seed = 0; seed < 3; seed++) {
        margins m = draw(20 + seed, 100, 70, seed * .3);
        sp_roc r = roc_of(&m);
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
            double least = INFINITY, refused = 0;
            for (size_t k = 0; k < m.n[0]; k++) {
                double above = 0;
                for (size_t j = 0; j < m.n[0]; j++) above += m.v[0][j] > m.v[0][k];
                if (above / 100 <= wanted[i]) least = SP_MIN(least, m.v[0][k]);
            }
            for (size_t j = 0; j < m.n[1]; j++) refused += m.v[1][j] <= least;
            sp_refusal x = sp_roc_at(&r, wanted[i]);
            near(x.threshold, least), near(x.refused, refused / 70);
        }
        sp_refusal all = sp_roc_at(&r, 1);
        assert_true(isnan(all.threshold) && all.refused == 0);
        sp_roc_free(&r);
    }
}

/* ---- simulations ---------------------------------------------------------------------- */

#define RUNS 1500
#define EACH 120 /* items of a side */

/* Margins of two models whose noise has correlation 1/2. Harmless ones lie `d` higher, so that
 * auc = Phi(d / sqrt(2)) for both. */
static void two_models(uint64_t run, double d, margins *a, margins *b)
{
    for (int s = 0; s < SP_SIDES; s++) {
        a->n[s] = b->n[s] = EACH;
        for (size_t i = 0; i < EACH; i++) {
            uint64_t at = 3 * i;
            double common = sp_rand_normal(run, (uint64_t)s, at) * sqrt(.5) + d * s;
            a->v[s][i] = common + sp_rand_normal(run, (uint64_t)s, at + 1) * sqrt(.5);
            b->v[s][i] = common + sp_rand_normal(run, (uint64_t)s, at + 2) * sqrt(.5);
        }
    }
}

static bool inside(const sp_estimate *x, double truth) { return x->lo <= truth && truth <= x->hi; }

static void right_in_95_of_100(size_t n) { assert_in_range(n, RUNS * 93 / 100, RUNS * 97 / 100); }

static void intervals_hold_the_truth(void **state)
{
    (void)state;
    static const double d[] = {1.53, 2.66}; /* auc .860 and .970 */
    for (uint64_t i = 0; i < 2; i++) {
        size_t area = 0, difference = 0, significant = 0;
        double truth = erfc(-d[i] / 2) / 2;
        for (uint64_t run = 0; run < RUNS; run++) {
            margins a, b;
            two_models(10000 * i + run, d[i], &a, &b);
            sp_roc ra = roc_of(&a), rb = roc_of(&b);
            sp_estimate x = sp_roc_area(&ra), y = sp_roc_difference(&ra, &rb);
            area += inside(&x, truth), difference += inside(&y, 0);
            significant += sp_roc_p(&y) < .05;
            sp_roc_free(&ra), sp_roc_free(&rb);
        }
        right_in_95_of_100(area);
        right_in_95_of_100(difference);
        assert_int_equal(significant, RUNS - difference); /* p and the interval are the same test */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(an_example_by_hand),
        cmocka_unit_test(sides_are_symmetric),
        cmocka_unit_test(difference_and_its_probability),
        cmocka_unit_test(what_cannot_be_said),
        cmocka_unit_test(curve_rises_over_the_area),
        cmocka_unit_test(refused_at_a_rate),
        cmocka_unit_test(intervals_hold_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
