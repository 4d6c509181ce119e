/* stream.h - what the stream tools share: inputs opened or refused, tensors matched by
 * name and shape, outputs shaped like an input and made piece by piece, reports as JSON.
 * Everything here dies on failure.
 */
#ifndef SP_STREAM_H
#define SP_STREAM_H

#include "tensor/output.h"

#include <jansson.h>

#define SP_STEP \
    (4u << 20) /* elements that a loop over chunks holds of each stream at a time */
#define SP_PIECE                                                                       \
    (256u << 10) /* bytes of each stream that a thread holds at a time: those of a few \
                    streams stay in its cache */

sp_src *sp_need_src(const char *path);
/* The tensor of s with the name and shape of `want`: its index. */
size_t sp_need_tensor(const sp_src *s, const sp_tinfo *want);
/* Every tensor of `all` must be in s (name and shape). */
void sp_need_tensors(const sp_src *s, const sp_src *all);
/* Elements [first, first + n) of tensor i as stored. */
void sp_need_part(sp_src *s, size_t i, uint64_t first, size_t n, void *buf);
void sp_need_float(const sp_src *s, size_t i); /* tensor i is of a floating dtype */
void sp_need_bool(const sp_src *s, size_t i);
_Noreturn void sp_die_nonfinite(const sp_src *s, size_t i);
/* the same as an error; gives -1 */
int sp_fail_nonfinite(const sp_src *s, const sp_tinfo *t, sp_err *e);

/* The output -o (level -z), with names and shapes of `like`; dtype -1 = as in `like`.
 * Provenance names the inputs. */
sp_dst *sp_dst_like(const sp_src *like, int dtype, sp_src *const *inputs, size_t n);
void sp_need_write(sp_dst *d, const void *buf, size_t nbytes);
/* Prove the end of each input (NULLs are skipped), finish d (may be NULL), close all. */
void sp_close_streams(sp_dst *d, sp_src *const *inputs, size_t n);

/* Elements [at, at + n) of an output's tensor i, t: n times the widest element, of the
 * output and the inputs, is SP_PIECE bytes at most. */
typedef struct {
    const sp_tinfo *t;
    size_t i;
    uint64_t at;
    size_t n;
    /* the same of each input as stored, NULL where it has no such tensor, and its dtype;
     * may be overwritten */
    void **in;
    sp_dtype *dtype;
    void *out; /* to be made */
} sp_piece;
/* 0, or -1: the error of the first piece that has one ends the program. */
typedef int sp_piece_fn(const sp_piece *p, void *ctx, sp_err *e);

/* Make all of d by calling fn on every piece, in several threads at a time (of which none
 * may call OpenMP's); reading, computing and writing overlap, and pieces are written in
 * order (queue.h). Inputs that can be read in one order only are read in the order of d;
 * all others are read by the thread that needs them. `what`: for the progress line. */
void sp_each_piece(sp_dst *d, sp_src *const *in, size_t n_in, const char *what,
                   sp_piece_fn *fn, void *ctx);

/* Two inputs side by side in chunks, the second in the order of the first. */
typedef struct {
    sp_src *in[2]; /* in[1] may be NULL */
    /* of the tensor at hand, its dtypes, and n <= SP_STEP of its elements as stored */
    size_t index[2];
    sp_dtype dtype[2];
    void *buf[2];
} sp_pair;

/* Open both (b may be NULL); every tensor of a must be in b. */
sp_pair sp_pair_open(const char *a, const char *b);
/* Call fn on every chunk of tensor i of in[0]. */
void sp_pair_each(sp_pair *p, size_t i, void (*fn)(sp_pair *p, size_t n, void *ctx),
                  void *ctx);
void sp_pair_close(sp_pair *p, sp_dst *d); /* as sp_close_streams */

/* For an SP_CALL option whose self is an int *: a floating dtype by name. */
int sp_set_float_dtype(void *self, const char *name, const char *value, sp_err *e);

json_t *sp_json_real(double x);   /* null when not finite */
void sp_print_json(json_t *root); /* to -o; takes root over */

#endif
