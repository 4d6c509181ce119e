/* top.h - masks of the largest numbers of a stream of scores: of each tensor, of each
 * row, or of all tensors together. Zeros and negatives never enter; ties go to the lowest
 * index.
 */
#ifndef SP_TOP_H
#define SP_TOP_H

#include "tensor/dst.h"
#include "tensor/src.h"

typedef enum {
    SP_TOP_MATRIX, /* floor(rate * numel) of each tensor */
    SP_TOP_ROW,    /* floor(rate * columns) of each row (last dimension) of each tensor */
    SP_TOP_GLOBAL  /* floor(rate * all numbers) of all tensors together */
} sp_top_by;

typedef struct {
    double rate;          /* 0..1 */
    int by;               /* an sp_top_by */
    bool allow_nonfinite; /* NaN and Inf are no error; Inf counts as the largest, NaN as
                             nothing */
} sp_top_opt;

typedef struct sp_top sp_top;

/* Prepare masks of the numbers in `scores`, F16, BF16, F32, F64 or BOOL; borrowed until
 * free. For SP_TOP_GLOBAL the threshold is found, which reads them three times. NULL on
 * error (SP_EINPUT: a pipe, where they must be read several times; NaN or Inf). */
SP_MUST_CHECK sp_top *sp_top_new(const sp_top_opt *o, sp_src *scores, sp_err *e);
/* Write the mask of every tensor to dst, which has the tensors of scores in BOOL. 0, or
 * -1: scores or dst failed, NaN or Inf (SP_EINPUT), no space for the scores of a large
 * tensor (SP_ESYSTEM). */
SP_MUST_CHECK int sp_top_write(sp_top *t, sp_dst *dst, sp_err *e);
void sp_top_free(sp_top *t);

#endif
