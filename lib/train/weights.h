/* weights.h - parameters as tensors of a stream, and the trained weights written to one.
 */
#ifndef SP_WEIGHTS_H
#define SP_WEIGHTS_H

#include "engine/model.h"
#include "tensor/dst.h"
#include "tensor/rounding.h"

/* Name, shape and size of a parameter in dtype d, as a stream's header has them; the name
 * is borrowed from p. */
sp_tinfo sp_param_tensor(const sp_param *p, sp_dtype d);

/* Write all parameters of m in their order (m->params) to dst, which was opened for them
 * in dtype d. A trained weight w that was w0 in the checkpoint is written as the nearest
 * number that w0 plus an F32 patch can give: sp-diff and sp-merge then bring the same
 * bytes back. Adds to *rounding the trained weights that differ from the checkpoint's,
 * and those of them that do not in dtype d. 0 or -1. */
SP_MUST_CHECK int sp_weights_write(const sp_model *m, sp_dtype d, sp_dst *dst,
                                   sp_rounding *rounding, sp_err *e);

#endif
