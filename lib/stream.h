/* stream.h - what the stream tools share: inputs opened or refused, tensors matched by name and shape, outputs shaped like an
 * input, reports as JSON. Everything here dies on failure.
 */
#ifndef SP_STREAM_H
#define SP_STREAM_H

#include "st.h"

#include <jansson.h>

#define SP_STEP (4u << 20) /* elements a tool holds of each stream at a time */

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

/* The output -o (level -z), with names and shapes of `like`; dtype -1 = as in `like`. Provenance names the inputs. */
sp_dst *sp_dst_like(const sp_src *like, int dtype, sp_src *const *inputs, size_t n);
void sp_need_write(sp_dst *d, const void *buf, size_t nbytes);
/* Prove the end of each input (NULLs are skipped), finish d (may be NULL), close all. */
void sp_close_streams(sp_dst *d, sp_src *const *inputs, size_t n);

/* Two inputs side by side in chunks, the second in the order of the first. */
typedef struct {
    sp_src *in[2];     /* in[1] may be NULL */
    size_t index[2];   /* of the tensor at hand, its dtypes, and n <= SP_STEP of its elements as stored */
    sp_dtype dtype[2];
    void *buf[2];
} sp_pair;

/* Open both (b may be NULL); every tensor of a must be in b. */
sp_pair sp_pair_open(const char *a, const char *b);
/* Call fn on every chunk of tensor i of in[0]. */
void sp_pair_each(sp_pair *p, size_t i, void (*fn)(sp_pair *p, size_t n, void *ctx), void *ctx);
void sp_pair_close(sp_pair *p, sp_dst *d); /* as sp_close_streams */

/* For an SP_CALL option whose self is an int *: a floating dtype by name. */
int sp_set_float_dtype(void *self, const char *name, const char *value, sp_err *e);

json_t *sp_json_real(double x);    /* null when not finite */
void sp_print_json(json_t *root); /* to -o; takes root over */

#endif
