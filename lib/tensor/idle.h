/* idle.h - tensors that checkpoints carry and nothing reads, and the two names of a tied
 * embedding.
 *
 * A model is tied where its head multiplies by the embedding. Then one matrix does both,
 * stored as SP_EMBED_NAME, or as SP_HEAD_NAME alone; where both are stored, the head is
 * idle: it may have become stale, and loaders set it aside.
 */
#ifndef SP_IDLE_H
#define SP_IDLE_H

#include "tensor/src.h"

#include <stdbool.h>

#define SP_EMBED_NAME "model.embed_tokens.weight"
#define SP_HEAD_NAME  "lm_head.weight"

/* Is a tensor of this name read by nobody: rotary frequencies, which follow from the
 * configuration, or the head of a model that is tied and has an embedding besides? */
bool sp_idle_name(const char *name, bool tied);

/* Has s both an embedding and a head? Then the head of a tied model is idle. */
bool sp_has_both(const sp_src *s);
/* Has s a head and no embedding? */
bool sp_has_head_alone(const sp_src *s);
/* Has s both, of equal dtype and bytes? False on a pipe, which cannot be read twice. 1, 0
 * or -1 (reading failed). */
SP_MUST_CHECK int sp_head_is_copy(sp_src *s, sp_err *e);

/* Take the idle tensors out of s, as if they were not stored. */
void sp_drop_idle(sp_src *s, bool tied);
/* Take the head out of s, if it has one. */
void sp_drop_head(sp_src *s);

#endif
