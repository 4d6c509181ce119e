/* merge.c - see merge.h. */
#include "merge.h"

#include "vec.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 4096 /* elements a thread works on at a time */

/* ---- methods ------------------------------------------------------------------------------------------------------ */

static void combine_sum(const sp_merge_opt *o, double *out, double (*x)[BLOCK], int K, size_t n)
{
    (void)o;
    for (int k = 0; k < K; k++)
        for (size_t i = 0; i < n; i++) out[i] += x[k][i];
}

/* A patch without the tensor counts as zero: the mean over all of them is the mean of the tuned models. */
static void combine_average(const sp_merge_opt *o, double *out, double (*x)[BLOCK], int K, size_t n)
{
    combine_sum(o, out, x, K, n);
    for (size_t i = 0; i < n; i++) out[i] /= o->n_patches;
}

/* TIES (Yadav et al., 2023): the sign of the sum is elected, the mean taken over the entries that have it. */
static void combine_elect(const sp_merge_opt *o, double *out, double (*x)[BLOCK], int K, size_t n)
{
    (void)o;
    for (size_t i = 0; i < n; i++) {
        double sum = 0, agreed = 0;
        int count = 0;
        for (int k = 0; k < K; k++) sum += x[k][i];
        for (int k = 0; k < K; k++)
            if (sum >= 0 ? x[k][i] > 0 : x[k][i] < 0) agreed += x[k][i], count++;
        out[i] = count ? agreed / count : 0;
    }
}

/* Keep the floor(density * numel) entries of largest magnitude. */
static void trim(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    (void)at;
    sp_to_f32(d->work, d->x, d->dtype, n);
    for (size_t i = 0; i < n; i++) d->work[i] = d->keep[i] ? fabsf(d->work[i]) : 0;
    sp_top_k(d->keep, d->work, n, sp_fraction(o->density, t->numel));
}

/* DARE (Yu et al., 2023): drop at random, each patch on its own. */
static void drop(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    uint64_t stream = sp_hash(sp_hash(SP_HASH0, &d->number, sizeof d->number), t->name, strlen(t->name));
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) d->keep[i] &= sp_rand_unit(o->seed, stream, at + i) >= o->drop;
}

static const struct {
    void (*thin)(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n);
    /* x: K rows of n <= BLOCK scaled elements, zero where dropped; out starts as zeros */
    void (*combine)(const sp_merge_opt *o, double *out, double (*x)[BLOCK], int K, size_t n);
    bool whole;   /* thin needs whole tensors */
    bool rescale; /* survivors of `drop` make up for the others */
} methods[] = {
    {NULL, combine_sum, false, false},
    {NULL, combine_average, false, false},
    {trim, combine_elect, true, false},
    {drop, combine_sum, false, true},
};

bool sp_merge_whole(const sp_merge_opt *o) { return methods[o->method].whole; }

void sp_merge_thin(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    if (methods[o->method].thin) methods[o->method].thin(o, d, t, at, n);
}

/* ---- the sum ------------------------------------------------------------------------------------------------------ */

static bool all_finite(const double *x, size_t n)
{
    int bad = 0;
    for (size_t i = 0; i < n; i++) bad |= !(fabs(x[i]) <= DBL_MAX);
    return !bad;
}

/* Elements [at, at + n) of a patch, masked and scaled. False when it holds NaN or Inf, masked or not. */
static bool load_block(const sp_merge_opt *o, const sp_delta *d, size_t at, double *x, size_t n)
{
    double scale = d->scale / (methods[o->method].rescale ? 1 - o->drop : 1);
    sp_to_f64(x, d->x + at * sp_dtype_size(d->dtype), d->dtype, n);
    bool ok = all_finite(x, n);
    for (size_t i = 0; i < n; i++) x[i] = d->keep[at + i] ? scale * x[i] : 0;
    return ok;
}

/* The n <= BLOCK elements that begin at base and out; x holds the patches. False when a result is NaN or Inf. */
static bool merge_block(const sp_merge_opt *o, double (*x)[BLOCK], int K, const char *base, sp_dtype bd, char *out, sp_dtype od, size_t n)
{
    double b[BLOCK], change[BLOCK] = {0};
    methods[o->method].combine(o, change, x, K, n);
    sp_to_f64(b, base, bd, n);
    for (size_t i = 0; i < n; i++) b[i] = change[i] == 0 ? b[i] : b[i] + change[i];
    sp_from_f64(out, b, od, n);
    sp_to_f64(b, out, od, n);
    return all_finite(b, n);
}

int sp_merge_chunk(const sp_merge_opt *o, const sp_delta *d, int n_deltas, const char *base, sp_dtype bd, char *out, sp_dtype od, size_t n)
{
    int bad = 0;
    bool ok = true;
#pragma omp parallel reduction(max : bad) reduction(&& : ok)
    {
        double(*x)[BLOCK] = sp_xarray((size_t)n_deltas, sizeof *x);
#pragma omp for schedule(static)
        for (size_t at = 0; at < n; at += BLOCK) {
            size_t take = SP_MIN(n - at, (size_t)BLOCK);
            for (int k = 0; k < n_deltas; k++)
                if (!load_block(o, &d[k], at, x[k], take)) bad = SP_MAX(bad, k + 1);
            ok = merge_block(o, x, n_deltas, base + at * sp_dtype_size(bd), bd, out + at * sp_dtype_size(od), od, take) && ok;
        }
        free(x);
    }
    return bad ? bad : ok ? 0 : -1;
}
