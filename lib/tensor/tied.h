/* tied.h - heads that are tied to the embedding, in a source of tensors.
 *
 * A model is tied where its head multiplies by the embedding. Then one matrix does both,
 * stored as SP_EMBED_NAME, or as SP_HEAD_NAME alone; where both are stored, the head is
 * idle: it may have become stale, and loaders set it aside.
 */
#ifndef SP_TIED_H
#define SP_TIED_H

#include "tensor/idle.h"
#include "tensor/src.h"

/* Has s both an embedding and a head? Then the head of a tied model is idle. */
bool sp_has_both(const sp_src *s);
/* Has s a head and no embedding? */
bool sp_has_head_alone(const sp_src *s);
/* Are both stored, of equal dtype and bytes?
 *    1: they are
 *    0: they are not, or s is a pipe, which cannot be read twice
 *   -1: reading failed (*e) */
SP_MUST_CHECK int sp_head_is_copy(sp_src *s, sp_err *e);

/* Take the idle tensors out of s, as if they were not stored. */
void sp_drop_idle(sp_src *s, bool tied);
/* Take the head out of s, if it has one. */
void sp_drop_head(sp_src *s);

#endif
