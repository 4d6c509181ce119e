/* acts.h - work space of a layer: what its forward pass computes and the backward pass
 * needs, and the backward pass's own.
 *
 * N tokens at most; H = hidden, Q = heads * head_dim, KV = kv_heads * head_dim, F = mlp.
 * layer.h says what the names mean.
 */
#ifndef SP_ACTS_H
#define SP_ACTS_H

#include "engine/config.h"

#include <stddef.h>

typedef struct {
    float *scale1, *scale2; /* (H) multipliers of the two norms */
    float *h1, *h2;         /* (N, H) norm1(x), norm2(x1) */
    float *x1;              /* (N, H) x + attention */
    float *q, *ctx;         /* (N, Q) queries, turned; what attention mixed */
    float *k, *v;           /* (N, KV) keys, turned; values */
    float *gate, *up, *act; /* (N, F); act = act(gate) * up */
    float *all;             /* the one allocation in which they lie */
} sp_acts;

/* Gradients of what sp_acts calls by the same names. */
typedef struct {
    float *dh, *xhat;   /* (N, H) of h1 or h2; x or x1 divided by its rms */
    float *dq, *dctx;   /* (N, Q) */
    float *dk, *dv;     /* (N, KV) */
    float *dgate, *dup; /* (N, F) */
    float *all;
} sp_work;

/* For up to n tokens; uninitialised. */
SP_MUST_CHECK sp_acts *sp_acts_new(const sp_config *c, int64_t n);
SP_MUST_CHECK sp_work *sp_work_new(const sp_config *c, int64_t n);
void sp_acts_free(sp_acts *a); /* NULL is allowed */
void sp_work_free(sp_work *w);

/* Bytes that they take; of sp_work, those that products take beside it included. */
size_t sp_acts_bytes(const sp_config *c, int64_t n);
size_t sp_work_bytes(const sp_config *c, int64_t n);

#endif
