/* merge.h - ways to combine patches into one change of a weight tensor (method.md, section 3). A method is one entry of the table in
 * merge.c: what thins each patch beforehand, and how scaled, masked patches become one change.
 */
#ifndef SP_MERGE_H
#define SP_MERGE_H

#include "st.h"

#define SP_MERGE_METHODS "sum|average|ties|dare"

typedef struct {
    int method;     /* index into SP_MERGE_METHODS */
    int n_patches;  /* of the whole merge, whether or not they have the tensor at hand */
    double density; /* ties: fraction of a patch tensor that is kept */
    double drop;    /* dare: fraction dropped */
    uint64_t seed;
} sp_merge_opt;

/* n elements of one patch, as stored, and which of them count. */
typedef struct {
    int number; /* of the patch, 0.. : tells random choices apart */
    double scale;
    sp_dtype dtype;
    const char *x;
    uint8_t *keep;
    float *work; /* room for n floats, where sp_merge_whole says so */
} sp_delta;

bool sp_merge_whole(const sp_merge_opt *o); /* must thin see whole tensors? */

/* Clear what the method drops of elements [at, at + n) of tensor t from d->keep, which holds the mask. */
void sp_merge_thin(const sp_merge_opt *o, sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n);

/* out[i] = base[i] + change[i] for n elements, the change taken in double, the result rounded to F32 and then to dtype od. Where the change is
 * zero the element of base goes through untouched. Returns 0; k + 1 when the k-th patch holds NaN or Inf; -1 when a result does. */
int sp_merge_chunk(const sp_merge_opt *o, const sp_delta *d, int n_deltas, const char *base, sp_dtype bd, char *out, sp_dtype od, size_t n);

#endif
