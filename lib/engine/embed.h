/* embed.h - token ids to the input of the first layer. */
#ifndef SP_EMBED_H
#define SP_EMBED_H

#include "engine/model.h"

/* y (n, hidden) = the embeddings of ids[0..n), times embed_scale. Ids are below vocab. */
void sp_embed_forward(const sp_model *m, const int32_t *ids, int64_t n, float *y);

#endif
