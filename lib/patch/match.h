/* match.h - does one set of tensors fit another? Names, shapes and dtypes, with the
 * messages for those that do not. All functions: 0, or -1 with SP_EINPUT.
 */
#ifndef SP_MATCH_H
#define SP_MATCH_H

#include "tensor/src.h"

/* What numbers an input may hold. */
typedef enum {
    SP_FLOATS, /* F16, BF16, F32, F64 */
    SP_SCORES, /* those, and BOOL as 0 and 1 */
    SP_BITS    /* BOOL: a mask */
} sp_kind;

/* Find the tensor of s with the name and shape of `want`: its number into *index (which
 * may be NULL). */
SP_MUST_CHECK int sp_match_tensor(const sp_src *s, const sp_tinfo *want, size_t *index,
                                  sp_err *e);
/* Every tensor of `part` is in `whole`, with the same shape. */
SP_MUST_CHECK int sp_match_all(const sp_src *whole, const sp_src *part, sp_err *e);
/* Tensor i of s is of this kind; all tensors of s are. */
SP_MUST_CHECK int sp_match_kind(const sp_src *s, size_t i, sp_kind kind, sp_err *e);
SP_MUST_CHECK int sp_match_kinds(const sp_src *s, sp_kind kind, sp_err *e);

/* The error for a NaN or Inf in tensor t of s; gives -1. */
int sp_match_nonfinite(const sp_src *s, const sp_tinfo *t, sp_err *e);

#endif
