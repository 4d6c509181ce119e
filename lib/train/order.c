/* order.c - see order.h.
 *
 * The list must agree with what grad.c does, because masters.c finds a parameter's moments by
 * counting the gradients that have arrived.
 */
#include "train/order.h"

/* down comes first, as the last matrix of a layer; q, k and v follow o, through which d reaches
 * them. */
const int sp_backward_order[SP_PER_LAYER] = {SP_DOWN, SP_GATE, SP_UP, SP_NORM2, SP_O,
                                             SP_Q,    SP_K,    SP_V,  SP_NORM1};

size_t sp_grad_order(const sp_model *m, bool all, sp_param **list)
{
    size_t n = 0;
    if (all && !m->cfg.tied) list[n++] = m->head;
    if (all) list[n++] = m->norm;
    for (int64_t l = m->cfg.layers - 1; l >= 0; l--)
        for (int i = 0; i < SP_PER_LAYER; i++)
            if (sp_in_scope(all, sp_backward_order[i]))
                list[n++] = sp_layer_param(m, l, sp_backward_order[i]);
    if (all) list[n++] = m->embed;
    return n;
}
