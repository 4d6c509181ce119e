/* idle.h - names of tensors that checkpoints carry and nothing reads, and the two names
 * of a tied embedding (tied.h).
 */
#ifndef SP_IDLE_H
#define SP_IDLE_H

#include <stdbool.h>

#define SP_EMBED_NAME "model.embed_tokens.weight"
#define SP_HEAD_NAME  "lm_head.weight"

/* Is a tensor of this name read by nobody: rotary frequencies, which follow from the
 * configuration, or the head of a model that is tied and has an embedding besides? */
bool sp_idle_name(const char *name, bool tied);

#endif
