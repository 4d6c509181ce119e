/* merge.h - ways to combine patches into one change of a weight tensor, on arrays in
 * memory. merge.c names the source of each.
 *
 * A patch is thinned first (sp_merge_thin), then all of them become one change which is
 * added to the base (sp_merge_chunk):
 *
 *     out = base + lambda * combine(scale_1 * thin(patch_1), scale_2 * thin(patch_2) ...)
 *
 *     method        thin                       combine
 *     sum, dare     -                          sum
 *     average       -                          mean
 *     ties          the largest stay           mean of those whose sign the sum has
 *     fisher        -                          mean weighted by Fisher information
 *     breadcrumbs   the largest but the very   sum
 *                   largest stay
 *     slerp         -                          along the arc between two models
 *     stock         -                          mean, shortened by how little they agree
 *
 * Any method may drop entries at random before that (--drop).
 */
#ifndef SP_MERGE_H
#define SP_MERGE_H

#include "base/error.h"
#include "tensor/radix.h"
#include "tensor/rounding.h"
#include "tensor/tinfo.h"

#define SP_MERGE_METHODS "sum|average|ties|dare|fisher|breadcrumbs|slerp|stock"
#define SP_MERGE_MAX     32 /* patches */
/* dare is sum by another name, with another default for --drop */
typedef enum {
    SP_SUM,
    SP_AVERAGE,
    SP_TIES,
    SP_DARE,
    SP_FISHER,
    SP_BREADCRUMBS,
    SP_SLERP,
    SP_STOCK
} sp_merge_method;

typedef struct {
    int method;    /* an sp_merge_method */
    double lambda; /* times the change as a whole */
    /* fraction of every patch dropped at random, the rest divided by 1 - drop (DARE) */
    double drop;
    uint64_t seed; /* of what is dropped */
    /* ties: 1 = the largest of a whole patch are kept, 0 = of each of its tensors */
    int global;
    double density; /* ties, breadcrumbs: fraction kept */
    double gamma;   /* breadcrumbs: fraction of the largest that goes */
    double t;       /* slerp: 0 = first patch, 1 = second */
} sp_merge_opt;

/* n elements of one patch, as stored, and which of them count. All arrays (n), borrowed.
 */
typedef struct {
    int number; /* of the patch, from 0: tells random choices apart */
    double scale;
    sp_dtype dtype;
    const char *x; /* NULL = the patch does not have the tensor, which counts as zeros */
    uint8_t *keep; /* the mask, and what thinning leaves of it. NULL = all; where
                      something is dropped or thinned, it must be there */
    sp_dtype fisher_dtype;
    const char *fisher;  /* diagonal of the Fisher information, or NULL */
    float *work;         /* space for thinning; patches may share it */
    sp_radix *threshold; /* global trimming: the patch's; chunks come in order */
} sp_delta;

/* Does the method thin patches, so that keep and work must be there? */
bool sp_merge_thins(const sp_merge_opt *o);
/* Must the functions below see whole tensors? Else chunks will do. */
bool sp_merge_whole(const sp_merge_opt *o);
/* May chunks come in any order and from several threads, each with deltas of its own?
 * Else the functions use OpenMP themselves. */
bool sp_merge_apart(const sp_merge_opt *o);
/* Does thinning need the threshold of a whole patch? */
bool sp_merge_global(const sp_merge_opt *o);

/* Global trimming, before the first sp_merge_thin: between sp_radix_start and
 * sp_radix_next, count elements [at, at + n) of tensor t, for all chunks of a patch. */
void sp_merge_count(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at,
                    size_t n);

/* Clear from d->keep what is dropped or thinned of elements [at, at + n) of tensor t. */
void sp_merge_thin(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at,
                   size_t n);

/* What was wrong with the numbers of a chunk. */
typedef struct {
    enum {
        SP_MERGE_FINE,
        SP_MERGE_BAD_RESULT, /* a result, or the base, is NaN or Inf */
        SP_MERGE_BAD_PATCH,  /* a patch holds NaN or Inf, masked or not */
        SP_MERGE_BAD_FISHER  /* its Fisher information does, or a negative number */
    } what;
    int patch; /* the last one with this fault */
} sp_merge_fault;

/* out[i] = base[i] + change[i] for n elements: the change is taken in double, the result
 * rounded to F32 and then to dtype od. Where the change is zero, the element of base (of
 * dtype bd) goes through untouched. d: K patches, thinned, at most SP_MERGE_MAX; K = 0
 * changes nothing. Adds to *rounding (or NULL) the elements with a change and those among
 * them that round to what they were. Makes out in every case; of several faults returns
 * the last of the list. */
sp_merge_fault sp_merge_chunk(const sp_merge_opt *o, const sp_delta *d, int K,
                              const char *base, sp_dtype bd, char *out, sp_dtype od,
                              size_t n, sp_rounding *rounding);

#endif
