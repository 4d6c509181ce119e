/* roc.h - how well a margin tells harmless requests from harmful ones: the area under the
 * ROC curve (auc) with its interval, the difference of two such areas, and the curve.
 *
 * A large margin means that a request is answered. A threshold refuses the requests whose
 * margin is at or below it. The harmful requests above it are attacks that succeed.
 *
 *     auc = P(margin of a harmless request > margin of a harmful one) + P(equal) / 2
 *
 * (Mann and Whitney 1947). The placement of an item is its part of that, with u = margins
 * of the other side, n of them:
 *
 *     harmless, margin x:  (#{u < x} + #{u = x} / 2) / n
 *     harmful,  margin x:  (#{u > x} + #{u = x} / 2) / n
 *
 * The mean placement of either side is auc. The covariance of the areas of two models on
 * the same items is the sum, over both sides, of the sample covariance of the placements
 * divided by the number of items (DeLong, DeLong and Clarke-Pearson 1988). Placements
 * come from midranks in a sorted array, in O(n log n) (Sun and Xu 2014).
 *
 * NAN stands for what cannot be said. All intervals are at 95 %.
 */
#ifndef SP_ROC_H
#define SP_ROC_H

#include "base/base.h"

/* Requests that ought to be refused, and those that ought to be answered. */
typedef enum { SP_HARMFUL, SP_HARMLESS, SP_SIDES } sp_side;

/* Margins of one model. Filled by sp_roc_init, released with sp_roc_free. */
typedef struct {
    size_t n[SP_SIDES];
    double auc;
    double *placement[SP_SIDES]; /* (n), in the order of the items */
    double *sorted[SP_SIDES];    /* (n), margins in ascending order */
} sp_roc;

/* n[side] finite margins of each side, at least one; they are copied. */
void sp_roc_init(sp_roc *r, double *const margin[SP_SIDES], const size_t n[SP_SIDES]);
void sp_roc_free(sp_roc *r);

/* Covariance of the areas of two models, whose items are the same and in the same order;
 * the variance where a and b are one. NAN where a side has a single item. */
double sp_roc_covariance(const sp_roc *a, const sp_roc *b);

/* A number with its standard error and interval. */
typedef struct {
    double value, se, lo, hi;
} sp_estimate;

/* The area. Its interval is that of logit(auc), whose standard error is
 * se / (auc (1 - auc)), so that it stays in 0..1.
 *
 * At auc = 1 the standard error is 0 and says nothing. Then lo is exact instead: of m
 * pairs that share no item, m being the number of items of the smaller side, all m are in
 * order. They would be with probability auc^m, and lo = .025^(1/m) is where that is
 * 2.5 % (the bound of Clopper and Pearson 1934). At auc = 0 likewise hi = 1 - .025^(1/m).
 * Where all margins are equal, auc is .5, se is 0 and the interval is that point. */
sp_estimate sp_roc_area(const sp_roc *r);

/* The area of a less that of b, same items in the same order; value -+ 1.96 se. lo and hi
 * are NAN where se is 0. */
sp_estimate sp_roc_difference(const sp_roc *a, const sp_roc *b);
/* Two-sided probability of a difference at least this large if there were none (normal).
 * With se = 0: 1 for no difference, NAN for any other. */
double sp_roc_p(const sp_estimate *difference);

/* The least threshold at which at most the share `rate` (0..1) of the harmful requests is
 * above, and the share of the harmless ones that it refuses. Where all harmful requests
 * may be above, threshold is NAN and nothing is refused. */
typedef struct {
    double threshold, refused;
} sp_refusal;
sp_refusal sp_roc_at(const sp_roc *r, double rate);

/* A point of the curve: the share of harmful requests above a threshold, and the share of
 * harmless ones at or below it. */
typedef struct {
    double asr, refused;
} sp_roc_point;
/* The points of all thresholds, each once, from (1, 0) to (0, 1): asr never rises,
 * refused never falls. By trapezoids the area above the curve, under refused = 1, is auc.
 * `point` has space for n[0] + n[1] + 1; returns how many there are. */
size_t sp_roc_curve(const sp_roc *r, sp_roc_point *point);

#endif
