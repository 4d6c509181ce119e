/* merge.c - see merge.h.
 *
 * A method is one entry of the table `methods`: what thins each patch beforehand, what it must find
 * out about the whole tensor, and how scaled, masked patches become one change. Combining works on
 * blocks of all patches, widened to double, side by side:
 *
 *     x[0]   patch 1   .5   0  -1 ...
 *     x[1]   patch 2   .2  .1   0 ...
 *            the change replaces x[0]
 *
 * Loops have no branch around arithmetic, so that the compiler makes vectors of them.
 *
 * Slerp and stock pass over the tensor twice: first for the products of each two patches (K, K), of
 * which they make weights (mix), then to combine. All other methods combine in their only pass. Any
 * thread loads a block, combines it and adds it to base: blocks do not depend on each other.
 */
#include "patch/merge.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/philox.h"
#include "tensor/topk.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Elements a thread works on at a time: a few rows of doubles stay in the nearest cache. */
#define MERGE_BLOCK   1024
/* Elements of a partial sum of products, <= MERGE_BLOCK; another number would round otherwise. */
#define PRODUCT_BLOCK 512
/* Added to the Fisher information: where there is none, models count alike. */
#define FISHER_FLOOR  1e-6

/* What slerp or stock has found out about the whole tensor: change = base * (the old value) +
 * patch[0] * x[0] + patch[1] * x[1] ... */
typedef struct {
    double base, patch[SP_MERGE_MAX];
} mix;

/* A block of the patches, side by side. */
typedef struct {
    const sp_delta *d;
    int K;
    const mix *mix;           /* or NULL */
    double (*x)[MERGE_BLOCK]; /* K rows of scaled elements, zero where dropped */
    double (*f)[MERGE_BLOCK]; /* K rows of Fisher information, or NULL */
    double base[MERGE_BLOCK];
} rows;

/* ---- loading -------------------------------------------------------------------------- */

/* Space for a block of K patches, for one thread; rows_free frees it. d and m are borrowed. Only
 * Fisher merging has f. */
static rows *rows_new(const sp_merge_opt *o, const sp_delta *d, int K, const mix *m)
{
    rows *r = sp_xmalloc(sizeof *r);
    r->d = d;
    r->K = K;
    r->mix = m;
    r->x = sp_xarray((size_t)K, sizeof *r->x);
    r->f = o->method == SP_FISHER ? sp_xarray((size_t)K, sizeof *r->f) : NULL;
    return r;
}

static void rows_free(rows *r)
{
    free(r->x);
    free(r->f);
    free(r);
}

/* Are all of x[0..n) at least 0? NaN passes: load_fisher finds it with sp_all_finite. */
static bool none_negative(const double *x, size_t n)
{
    uint64_t bad = 0;
    for (size_t i = 0; i < n; i++) bad |= x[i] < 0;
    return !bad;
}

/* Elements [at, at + n) of a patch to x, masked and scaled: times scale / (1 - drop), zero where
 * not kept. A patch without the tensor gives zeros. n <= MERGE_BLOCK. False when it holds NaN or
 * Inf, masked or not. */
static bool load_patch(const sp_merge_opt *o, const sp_delta *d, size_t at, double *x, size_t n)
{
    static const uint8_t all[MERGE_BLOCK] = {[0 ... MERGE_BLOCK - 1] = 1};
    const uint8_t *keep = d->keep ? d->keep + at : all;
    double scale = d->scale / (1 - o->drop);
    if (!d->x) {
        memset(x, 0, n * sizeof *x);
        return true;
    }
    const char *stored = d->x + at * sp_dtype_size(d->dtype);
    return sp_to_f64_masked(x, stored, d->dtype, keep, scale, n);
}

/* Elements [at, at + n) of a patch's Fisher information to f, in double. False when it holds NaN,
 * Inf or a negative number. */
static bool load_fisher(const sp_delta *d, size_t at, double *f, size_t n)
{
    const char *stored = d->fisher + at * sp_dtype_size(d->fisher_dtype);
    sp_to_f64(f, stored, d->fisher_dtype, n);
    return none_negative(f, n) && sp_all_finite(stored, d->fisher_dtype, n);
}

/* Faults as one number, so that the worst of several blocks is their maximum: 0 = none. */
static int fault_number(int what, int patch) { return what * SP_MERGE_MAX + patch; }
static sp_merge_fault fault_of(int number)
{
    return (sp_merge_fault){number / SP_MERGE_MAX, number % SP_MERGE_MAX};
}

/* Elements [at, at + n) of all patches, into rows x and f of r. n <= MERGE_BLOCK. Returns the
 * number of the worst fault. Fisher information is looked at last, for its faults have the larger
 * numbers. */
static int load(const sp_merge_opt *o, rows *r, size_t at, size_t n)
{
    int worst = 0;
    for (int k = 0; k < r->K; k++)
        if (!load_patch(o, &r->d[k], at, r->x[k], n)) worst = fault_number(SP_MERGE_BAD_PATCH, k);
    for (int k = 0; r->f && k < r->K; k++)
        if (!load_fisher(&r->d[k], at, r->f[k], n)) worst = fault_number(SP_MERGE_BAD_FISHER, k);
    return worst;
}

/* ---- thinning ------------------------------------------------------------------------- */

/* DARE (Yu et al., 2023): clear d->keep at random with probability o->drop, for elements [at, at +
 * n) of tensor t. The random numbers are a function of seed, patch, name and index: neither chunks
 * nor threads change them. */
static void drop(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    uint64_t stream =
        sp_hash(sp_hash(SP_HASH0, &d->number, sizeof d->number), t->name, strlen(t->name));
#pragma omp parallel for schedule(static) if (!sp_merge_apart(o))
    for (size_t i = 0; i < n; i++)
        if (sp_rand_unit(o->seed, stream, at + i) < o->drop) d->keep[i] = 0;
}

/* d->work[i] = |x[i]|, the size of what is left of the patch, for n elements; 0 where nothing is.
 * Selection passes over zeros, so that a dropped entry is never selected again. */
static void magnitudes(sp_delta *d, size_t n)
{
    sp_to_f32(d->work, d->x, d->dtype, n);
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < n; i++) d->work[i] = d->keep[i] ? fabsf(d->work[i]) : 0;
}

/* TIES: keep the floor(density * numel) entries of largest magnitude, of the tensor or of the
 * patch. Sets d->keep (n) anew. Without o->global, the n elements are the whole tensor. */
static void trim(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, size_t n)
{
    magnitudes(d, n);
    if (o->global) sp_radix_mark(d->threshold, d->keep, d->work, n);
    else sp_topk(d->keep, d->work, n, sp_fraction(o->density, t->numel));
}

/* Model breadcrumbs (Davari and Belilovsky, 2023): keep as many, after the floor(gamma * numel)
 * largest have gone; fewer of those go where not enough would be left. The n elements are the whole
 * tensor. */
static void trim_both(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, size_t n)
{
    uint64_t kept = sp_fraction(o->density, t->numel),
             top = SP_MIN(sp_fraction(o->gamma, t->numel), t->numel - kept);
    magnitudes(d, n);
    /* first select what shall go, and make it zero; then select again among the rest */
    sp_topk(d->keep, d->work, n, top);
    for (size_t i = 0; i < n; i++)
        if (d->keep[i]) d->work[i] = 0;
    sp_topk(d->keep, d->work, n, kept);
}

/* ---- whole tensors -------------------------------------------------------------------- */

/* Sum of a[i] * b[i], one after the other. */
static double product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* g (K, K): the products of each two patches or, if `models`, of base + patch, summed over n
 * elements. Blocks add up in their order, whatever the threads: the `ordered` region sees to that.
 * Faults are left to sp_merge_chunk, which loads every block again. */
static void products(const sp_merge_opt *o, const sp_delta *d, int K, const char *base, sp_dtype bd,
                     size_t n, bool models, double *g)
{
    memset(g, 0, (size_t)(K * K) * sizeof *g);
#pragma omp parallel
    {
        rows *r = rows_new(o, d, K, NULL);
        double part[SP_MERGE_MAX * SP_MERGE_MAX];
#pragma omp for ordered schedule(static, 1)
        for (size_t at = 0; at < n; at += PRODUCT_BLOCK) {
            size_t take = SP_MIN(n - at, (size_t)PRODUCT_BLOCK);
            load(o, r, at, take);
            if (models) sp_to_f64(r->base, base + at * sp_dtype_size(bd), bd, take);
            for (int k = 0; models && k < K; k++)
                for (size_t i = 0; i < take; i++) r->x[k][i] += r->base[i];
            for (int k = 0; k < K * K; k++) part[k] = product(r->x[k / K], r->x[k % K], take);
#pragma omp ordered
            for (int k = 0; k < K * K; k++) g[k] += part[k];
        }
        rows_free(r);
    }
}

/* The cosine of the angle between patches (or models) i and j, from their products g (K, K); 0
 * where one is zero. Rounding can bring the quotient beyond 1, where acos has no value. */
static double cosine(const double *g, int K, int i, int j)
{
    double norms = sqrt(g[i * K + i]) * sqrt(g[j * K + j]);
    return norms > 0 ? SP_MIN(SP_MAX(g[i * K + j] / norms, -1), 1) : 0;
}

/* Spherical interpolation (Shoemake, 1985) between the first two models, each tensor taken as one
 * vector; along a straight line where they are nearly parallel, as sin(angle) is nearly 0 there.
 * The merged model is a * (base + patch 1) + b * (base + patch 2). The change
 * is that minus the base: (a + b - 1) * base + a * patch 1 + b * patch 2. On the straight line,
 * a + b = 1 and the base drops out. */
static mix slerp(const sp_merge_opt *o, const double *g, int K)
{
    double c = cosine(g, K, 0, 1), angle = acos(c);
    if (fabs(c) > 0.9995) return (mix){0, {1 - o->t, o->t}};
    double a = sin((1 - o->t) * angle) / sin(angle), b = sin(o->t * angle) / sin(angle);
    return (mix){a + b - 1, {a, b}};
}

/* Model stock (Jang et al., 2024): as far from the base towards the average as the mean cosine c
 * between patches justifies; not at all if it is negative. That is K c / (1 + (K - 1) c) times the
 * average, so that each of the K patches counts c / (1 + (K - 1) c). */
static mix stock(const sp_merge_opt *o, const double *g, int K)
{
    (void)o;
    double c = 0;
    for (int i = 0; i < K; i++)
        for (int j = 0; j < i; j++) c += cosine(g, K, i, j) / (K * (K - 1) / 2);
    c = SP_MAX(c, 0);
    mix m = {0};
    for (int k = 0; k < K; k++) m.patch[k] = c / (1 + (K - 1) * c);
    return m;
}

/* ---- combining ------------------------------------------------------------------------ */

/* Each of these replaces x[0], n <= MERGE_BLOCK elements, by the change. */

static void combine_sum(rows *r, size_t n)
{
    double *sum = r->x[0];
    for (int k = 1; k < r->K; k++)
        for (size_t i = 0; i < n; i++) sum[i] += r->x[k][i];
}

/* A patch without the tensor counts as zero: the mean over all of them is the mean of the tuned
 * models. */
static void combine_average(rows *r, size_t n)
{
    combine_sum(r, n);
    for (size_t i = 0; i < n; i++) r->x[0][i] /= r->K;
}

/* TIES (Yadav et al., 2023): the sign of the sum is elected, the mean taken over the entries that
 * have it. */
static void combine_elect(rows *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0, agreed = 0;
        int count = 0;
        for (int k = 0; k < r->K; k++) sum += r->x[k][i];
        for (int k = 0; k < r->K; k++)
            if (sum >= 0 ? r->x[k][i] > 0 : r->x[k][i] < 0) agreed += r->x[k][i], count++;
        r->x[0][i] = count ? agreed / count : 0;
    }
}

/* Fisher (Matena and Raffel, 2022): the models' mean with weights c F, less the base. c is the
 * scale of a patch, and x has c in it already: sum(F x) / sum(F c). */
static void combine_fisher(rows *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = 0, weights = 0;
        for (int k = 0; k < r->K; k++) {
            sum += (r->f[k][i] + FISHER_FLOOR) * r->x[k][i];
            weights += (r->f[k][i] + FISHER_FLOOR) * r->d[k].scale;
        }
        r->x[0][i] = sum / weights;
    }
}

/* Slerp and stock: a linear combination of base and patches. */
static void combine_mix(rows *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double sum = r->mix->base * r->base[i];
        for (int k = 0; k < r->K; k++) sum += r->mix->patch[k] * r->x[k][i];
        r->x[0][i] = sum;
    }
}

/* ---- methods -------------------------------------------------------------------------- */

static const struct {
    void (*thin)(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, size_t n);
    mix (*weigh)(const sp_merge_opt *o, const double *products, int K);
    bool models;                        /* products of whole models, not of patches */
    void (*combine)(rows *r, size_t n); /* into x[0] */
} methods[] = {
    [SP_SUM] = {NULL, NULL, false, combine_sum},
    [SP_AVERAGE] = {NULL, NULL, false, combine_average},
    [SP_TIES] = {trim, NULL, false, combine_elect},
    [SP_DARE] = {NULL, NULL, false, combine_sum},
    [SP_FISHER] = {NULL, NULL, false, combine_fisher},
    [SP_BREADCRUMBS] = {trim_both, NULL, false, combine_sum},
    [SP_SLERP] = {NULL, slerp, true, combine_mix},
    [SP_STOCK] = {NULL, stock, false, combine_mix},
};

bool sp_merge_thins(const sp_merge_opt *o) { return methods[o->method].thin; }
bool sp_merge_global(const sp_merge_opt *o) { return o->method == SP_TIES && o->global; }
bool sp_merge_apart(const sp_merge_opt *o)
{
    return !methods[o->method].thin && !methods[o->method].weigh;
}
bool sp_merge_whole(const sp_merge_opt *o)
{
    return methods[o->method].weigh || (methods[o->method].thin && !sp_merge_global(o));
}

void sp_merge_count(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    if (o->drop > 0) drop(o, d, t, at, n);
    magnitudes(d, n);
    sp_radix_count(d->threshold, d->work, n);
}

void sp_merge_thin(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    if (!d->x) return;
    if (o->drop > 0) drop(o, d, t, at, n);
    if (methods[o->method].thin) methods[o->method].thin(o, d, t, n);
}

/* Combine the patches in r and add the change to n <= MERGE_BLOCK elements of base, of dtype bd, to
 * give those of out, of dtype od. What rounding undoes is counted in *rounding, unless that is
 * NULL. Returns whether the result is finite. */
static bool merge_block(const sp_merge_opt *o, rows *r, const char *base, sp_dtype bd, char *out,
                        sp_dtype od, size_t n, sp_rounding *rounding)
{
    double unmoved[MERGE_BLOCK]; /* the base in dtype od, which is no wider */
    /* sp_add_f64 takes base as stored only in the dtype of the output; combine_mix reads r->base */
    bool wide = bd != od || methods[o->method].weigh || !r->K;
    if (wide) sp_to_f64(r->base, base, bd, n);
    if (!r->K) {
        sp_from_f64(out, r->base, od, n);
        return sp_all_finite(out, od, n);
    }
    methods[o->method].combine(r, n);
    bool finite = sp_add_f64(out, od, wide ? (const void *)r->base : base, wide ? SP_F64 : bd,
                             *r->x, o->lambda, n);
    if (!rounding) return finite;
    if (bd != od) sp_from_f64(unmoved, r->base, od, n);
    sp_rounding_count(rounding, *r->x, o->lambda, bd == od ? (const void *)base : unmoved, out, od,
                      n);
    return finite;
}

sp_merge_fault sp_merge_chunk(const sp_merge_opt *o, const sp_delta *d, int K, const char *base,
                              sp_dtype bd, char *out, sp_dtype od, size_t n, sp_rounding *rounding)
{
    int worst = 0;
    uint64_t changed = 0, lost = 0;
    mix m = {0};
    if (K && methods[o->method].weigh) {
        double g[SP_MERGE_MAX * SP_MERGE_MAX];
        products(o, d, K, base, bd, n, methods[o->method].models, g);
        m = methods[o->method].weigh(o, g, K);
    }
#pragma omp parallel reduction(max : worst) reduction(+ : changed, lost) if (!sp_merge_apart(o))
    {
        rows *r = rows_new(o, d, K, &m);
        sp_rounding own = {0}; /* of this thread */
#pragma omp for schedule(static)
        for (size_t at = 0; at < n; at += MERGE_BLOCK) {
            size_t take = SP_MIN(n - at, (size_t)MERGE_BLOCK);
            worst = SP_MAX(worst, load(o, r, at, take));
            const char *from = base + at * sp_dtype_size(bd);
            char *to = out + at * sp_dtype_size(od);
            if (!merge_block(o, r, from, bd, to, od, take, rounding ? &own : NULL))
                worst = SP_MAX(worst, fault_number(SP_MERGE_BAD_RESULT, 0));
        }
        changed += own.changed;
        lost += own.lost;
        rows_free(r);
    }
    if (rounding) rounding->changed += changed, rounding->lost += lost;
    return fault_of(worst);
}
