/* embed.c - see embed.h.
 *
 * Token t takes row ids[t] of the table (vocab, hidden). Rows are widened one by one as they are
 * needed: a widened copy of the table would be as large as one of the head.
 */
#include "engine/embed.h"

void sp_embed_forward(const sp_model *m, const int32_t *ids, int64_t n, float *y)
{
    int64_t h = m->cfg.hidden;
    sp_mat table = sp_param_matrix(m->embed);
    for (int64_t t = 0; t < n; t++) {
        float *yt = y + t * h;
        sp_mat_widen(yt, table, ids[t] * h, h);
        for (int64_t i = 0; i < h; i++) yt[i] *= m->cfg.embed_scale;
    }
}
