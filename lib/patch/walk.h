/* walk.h - the one walk over tensor streams: several inputs side by side, tensor after
 * tensor, in pieces, and an output that is made of them.
 *
 * Say there are inputs a and b and an output with tensors x (300,000 elements) and y
 * (5); all are F32, b has no y. In pieces of 256 KiB the callback sees
 *
 *     x [0, 65536)        in: a's, b's   out: to be made
 *     x [65536, 131072)   in: a's, b's   out: to be made
 *     ...
 *     y [0, 5)            in: a's, NULL  out: to be made
 *
 * and the output gets the pieces in this order, whichever is ready first.
 */
#ifndef SP_WALK_H
#define SP_WALK_H

#include "tensor/dst.h"
#include "tensor/src.h"

/* Bytes of each stream that a thread holds at a time: those of a few streams stay in its
 * cache. */
#define SP_PIECE_BYTES (256u << 10)
/* Elements that are a good step for whoever needs all pieces in order. */
#define SP_STEP        (4u << 20)

/* Elements [at, at + n) of a tensor. An empty tensor is one piece with n = 0. */
typedef struct {
    const sp_tinfo *t; /* of the output; without an output, of in[0] */
    size_t i;          /* its number there */
    uint64_t at;
    size_t n;
    /* (inputs) the number of the tensor in each input, -1 = it has none of that name and
     * shape, and its dtype there */
    const int64_t *index;
    const sp_dtype *dtype;
    void **in; /* (inputs) the elements as stored, NULL = none; may be overwritten */
    void *out; /* where to put the n elements of the output; NULL without one */
} sp_piece;

/* Make p->out. 0, or -1 with *e filled: the first piece that has an error, in their
 * order, ends the walk. */
typedef int sp_piece_fn(const sp_piece *p, void *ctx, sp_err *e);
/* How many elements of p->t shall make a piece? index and dtype are set. */
typedef uint64_t sp_step_fn(const sp_piece *p, void *ctx);

typedef struct {
    sp_src *const *in; /* (n_in) in[0] says how many tensors there are */
    size_t n_in;
    /* (n_in) or NULL: input k is read only where input with[k] has the tensor too;
     * with[k] = k: wherever it has it */
    const size_t *with;
    sp_dst *dst;      /* the output, or NULL */
    const char *what; /* is being done, for the progress line; NULL = no line */
    sp_piece_fn *fn;
    void *ctx;
    /* NULL: pieces of at most SP_PIECE_BYTES, which several threads work on at a time, so
     * that reading, computing and writing overlap. fn must not use OpenMP.
     * Else: pieces of step() elements, one after the other. fn may use OpenMP, and at
     * once the whole tensor, if step() says so. */
    sp_step_fn *step;
} sp_walk;

/* Walk over all tensors of the output, or of in[0]. Inputs that can be read in one order
 * only are read in this order; all others by the thread that needs them. 0, or -1: an
 * input or the output failed, or fn did. */
SP_MUST_CHECK int sp_walk_run(const sp_walk *w, sp_err *e);
/* The same, and then prove the end of each input and finish the output. Closes inputs and
 * output in every case. 0, or -1: then the output is not there. */
SP_MUST_CHECK int sp_walk_complete(const sp_walk *w, sp_err *e);

/* For sp_walk.step: SP_STEP elements of any tensor. */
uint64_t sp_walk_steps(const sp_piece *p, void *ctx);

#endif
