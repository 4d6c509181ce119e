/* merge.h - ways to combine patches into one change of a weight tensor (method.md,
 * section 3). A method is one entry of the table in merge.c: what thins each patch
 * beforehand, what it must know of the whole tensor, and how scaled, masked patches
 * become one change.
 */
#ifndef SP_MERGE_H
#define SP_MERGE_H

#include "tensor/radix.h"
#include "tensor/tinfo.h"
#include "tensor/vec.h"

#define SP_MERGE_METHODS "sum|average|ties|dare|fisher|breadcrumbs|slerp|stock"
#define SP_MERGE_MAX     32 /* patches */
/* dare is sum, by another name */
enum {
    SP_SUM,
    SP_AVERAGE,
    SP_TIES,
    SP_DARE,
    SP_FISHER,
    SP_BREADCRUMBS,
    SP_SLERP,
    SP_STOCK
};

typedef struct {
    int method;
    double lambda; /* times the change as a whole */
    /* fraction of every patch dropped at random, the rest divided by 1 - drop (DARE) */
    double drop;
    uint64_t seed;
    /* ties: 1 = the largest of a whole patch are kept, 0 = of each of its tensors */
    int global;
    double density; /* ties, breadcrumbs: fraction kept */
    double gamma;   /* breadcrumbs: fraction of the largest that goes */
    double t;       /* slerp: 0 = first patch, 1 = second */
} sp_merge_opt;

/* n elements of one patch, as stored, and which of them count. */
typedef struct {
    int number; /* of the patch, 0.. : tells random choices apart */
    double scale;
    sp_dtype dtype;
    const char *x; /* NULL = the patch does not have the tensor, which counts as zeros */
    uint8_t *keep; /* NULL = all */
    sp_dtype fisher_dtype;
    const char *fisher; /* diagonal of the Fisher information, or NULL */
    /* room for n floats while thinning; may be shared by all patches */
    float *work;
    sp_radix *threshold; /* global trimming: the patch's, at one chunk after the other */
} sp_delta;

/* must the functions below see whole tensors? Otherwise chunks will do, */
bool sp_merge_whole(const sp_merge_opt *o);
/* and these in any order and by several threads, each with deltas of its own? */
bool sp_merge_apart(const sp_merge_opt *o);
/* does thinning need the threshold of a whole patch? */
bool sp_merge_global(const sp_merge_opt *o);

/* Global trimming, before the first sp_merge_thin: between sp_radix_start and
 * sp_radix_next, count all chunks of a patch. */
void sp_merge_count(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at,
                    size_t n);

/* Clear what the method drops of elements [at, at + n) of tensor t from d->keep, which
 * holds the mask. */
void sp_merge_thin(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at,
                   size_t n);

/* out[i] = base[i] + change[i] for n elements, the change taken in double, the result
 * rounded to F32 and then to dtype od. Where the change is zero the element of base goes
 * through untouched; K = 0 patches (of at most SP_MERGE_MAX) change nothing. Returns 0; k
 * + 1 when patch k holds NaN or Inf; K + k + 1 when its Fisher information does, or a
 * negative number; -1 when a result is NaN or Inf. */
int sp_merge_chunk(const sp_merge_opt *o, const sp_delta *d, int K, const char *base,
                   sp_dtype bd, char *out, sp_dtype od, size_t n);

#endif
