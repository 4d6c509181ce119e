/* roc.c - see roc.h.
 *
 * Each side is sorted once. The midrank of a margin in the other side is found by two binary
 * searches there, one for the margins below and one for those at or below. Sun and Xu take the same
 * number as a difference of two midranks, one in both sides together and one in the margin's own.
 *
 * Midranks are multiples of 1/2, so that their sum is exact, and the area is exactly 0 or 1 where
 * the sides do not overlap.
 */
#include "eval/roc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double Z = 1.959963984540054; /* normal quantile of 97.5 % */

/* For qsort: ascending. */
static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How many of the sorted s[0..n) are below x, or at x as well. */
static size_t count(const double *s, size_t n, double x, bool or_equal)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s[mid] < x || (or_equal && s[mid] == x)) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* The midrank of x among the sorted s[0..n), less 1/2: those below, and half of those equal. */
static double midrank(const double *s, size_t n, double x)
{
    return ((double)count(s, n, x, false) + (double)count(s, n, x, true)) / 2;
}

/* Fill the placements of one side, and return the sum of its midranks in the other. A harmful
 * request is placed by how many are above it, a harmless one by how many are below. */
static double place(sp_roc *r, sp_side side, const double *margin)
{
    sp_side other = side == SP_HARMFUL ? SP_HARMLESS : SP_HARMFUL;
    double n = (double)r->n[other], sum = 0;
    for (size_t i = 0; i < r->n[side]; i++) {
        double rank = midrank(r->sorted[other], r->n[other], margin[i]);
        r->placement[side][i] = (side == SP_HARMFUL ? n - rank : rank) / n;
        sum += rank;
    }
    return sum;
}

void sp_roc_init(sp_roc *r, double *const margin[SP_SIDES], const size_t n[SP_SIDES])
{
    for (int s = 0; s < SP_SIDES; s++) {
        r->n[s] = n[s];
        r->placement[s] = sp_xarray(n[s], sizeof(double));
        r->sorted[s] = sp_xarray(n[s], sizeof(double));
        memcpy(r->sorted[s], margin[s], n[s] * sizeof(double));
        qsort(r->sorted[s], n[s], sizeof(double), by_size);
    }
    place(r, SP_HARMFUL, margin[SP_HARMFUL]);
    double sum = place(r, SP_HARMLESS, margin[SP_HARMLESS]);
    r->auc = sum / ((double)n[SP_HARMFUL] * (double)n[SP_HARMLESS]);
}

void sp_roc_free(sp_roc *r)
{
    for (int s = 0; s < SP_SIDES; s++) {
        free(r->placement[s]);
        free(r->sorted[s]);
    }
}

/* ---- variance and intervals ----------------------------------------------------------- */

double sp_roc_covariance(const sp_roc *a, const sp_roc *b)
{
    double cov = 0;
    for (int s = 0; s < SP_SIDES; s++) {
        double sum = 0, n = (double)a->n[s];
        if (n < 2) return NAN;
        for (size_t i = 0; i < a->n[s]; i++)
            sum += (a->placement[s][i] - a->auc) * (b->placement[s][i] - b->auc);
        cov += sum / (n - 1) / n;
    }
    return cov;
}

/* The inverse of the logit. */
static double logistic(double x) { return 1 / (1 + exp(-x)); }

sp_estimate sp_roc_area(const sp_roc *r)
{
    double a = r->auc, se = sqrt(sp_roc_covariance(r, r));
    if (a == 0 || a == 1) {
        double bound = pow(.025, 1 / (double)SP_MIN(r->n[SP_HARMFUL], r->n[SP_HARMLESS]));
        return (sp_estimate){a, se, a == 0 ? 0 : bound, a == 0 ? 1 - bound : 1};
    }
    double logit = log(a / (1 - a)), half = Z * se / (a * (1 - a));
    return (sp_estimate){a, se, logistic(logit - half), logistic(logit + half)};
}

/* The variance of a difference is var(a) + var(b) - 2 cov(a, b). What rounding leaves of it, where
 * it is 0, is far below 1e-13 of its parts. */
sp_estimate sp_roc_difference(const sp_roc *a, const sp_roc *b)
{
    double d = a->auc - b->auc;
    double parts = sp_roc_covariance(a, a) + sp_roc_covariance(b, b);
    double var = parts - 2 * sp_roc_covariance(a, b);
    double se = var <= 1e-13 * parts ? 0 : sqrt(var), half = se == 0 ? NAN : Z * se;
    return (sp_estimate){d, se, d - half, d + half};
}

double sp_roc_p(const sp_estimate *difference)
{
    double d = fabs(difference->value), se = difference->se;
    if (se == 0) return d == 0 ? 1 : NAN;
    return erfc(d / se / sqrt(2));
}

/* ---- the curve ------------------------------------------------------------------------ */

/* The largest k with k / n <= rate. The product is rounded: .29 of 100 would be 28. */
static size_t share_of(double rate, size_t n)
{
    size_t k = (size_t)(rate * (double)n);
    while (k < n && (double)(k + 1) / (double)n <= rate) k++;
    while ((double)k / (double)n > rate) k--;
    return k;
}

/* k of the n harmful requests may be above, so that the largest but k is the threshold. */
sp_refusal sp_roc_at(const sp_roc *r, double rate)
{
    size_t n = r->n[SP_HARMFUL], m = r->n[SP_HARMLESS], k = share_of(rate, n);
    if (k == n) return (sp_refusal){NAN, 0};
    double t = r->sorted[SP_HARMFUL][n - 1 - k];
    return (sp_refusal){t, (double)count(r->sorted[SP_HARMLESS], m, t, true) / (double)m};
}

/* The threshold goes up through the margins of both sides; at[] counts those at or below it. */
size_t sp_roc_curve(const sp_roc *r, sp_roc_point *point)
{
    size_t at[SP_SIDES] = {0}, n_points = 0;
    const double nf = (double)r->n[SP_HARMFUL], nl = (double)r->n[SP_HARMLESS];
    point[n_points++] = (sp_roc_point){1, 0};
    while (at[0] < r->n[0] || at[1] < r->n[1]) {
        double t = INFINITY; /* the next margin */
        for (int s = 0; s < SP_SIDES; s++)
            if (at[s] < r->n[s]) t = SP_MIN(t, r->sorted[s][at[s]]);
        for (int s = 0; s < SP_SIDES; s++)
            while (at[s] < r->n[s] && r->sorted[s][at[s]] <= t) at[s]++;
        point[n_points++] =
            (sp_roc_point){(nf - (double)at[SP_HARMFUL]) / nf, (double)at[SP_HARMLESS] / nl};
    }
    return n_points;
}
