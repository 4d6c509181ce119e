/* tinfo.h - what a header says about one tensor: name, dtype, shape, and where its bytes
 * lie.
 */
#ifndef SP_TINFO_H
#define SP_TINFO_H

#include "base/error.h"
#include "tensor/dtype.h"

#include <stdint.h>

#define SP_MAX_RANK 8

typedef struct {
    char *name;
    sp_dtype dtype;
    int rank;                   /* dimensions, 0 = a scalar */
    int64_t shape[SP_MAX_RANK]; /* the first `rank` count; the last one varies fastest */
    uint64_t numel, nbytes;     /* product of the shape, and times the dtype's size */
    uint64_t offset; /* of the first byte, from the start of its file's data section */
    int shard; /* which file of a checkpoint holds it, from 0; 0 for a single file */
} sp_tinfo;

/* Set numel and nbytes from shape and dtype. False where a dimension is negative or a
 * product does not fit into 64 bits; then both are undefined. */
SP_MUST_CHECK bool sp_tinfo_size(sp_tinfo *t);

/* Write the shape into buf as "4096x11008", or "scalar"; cut to n bytes with the NUL. */
void sp_shape_str(const sp_tinfo *t, char *buf, size_t n);
/* Have both the same rank and dimensions? */
bool sp_same_shape(const sp_tinfo *a, const sp_tinfo *b);

/* Free an array t of n and the names in it. */
void sp_tinfos_free(sp_tinfo *t, size_t n);

#endif
