/* model.c - see model.h.
 *
 * params is one array; all other pointers of a model lead into it, so they are set anew whenever it
 * is reordered. A parameter says itself where it belongs: by layer and kind inside the layers, by
 * its name outside them.
 *
 *     layer[]     q of 0 | k of 0 | ... | norm2 of 0 | q of 1 | ...    pointers, in this order
 *     params[]    embedding | norm2 of 0 | q of 7 | ...                the weights, in any order
 */
#include "engine/model.h"

#include "base/arith.h"
#include "base/memory.h"
#include "tensor/idle.h"
#include "tensor/vec.h"

#include <stdlib.h>
#include <string.h>

void sp_model_index(sp_model *m)
{
    free(m->layer);
    m->embed = m->norm = m->head = NULL;
    m->layer = sp_xcalloc((size_t)m->cfg.layers * SP_PER_LAYER, sizeof *m->layer);
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        m->max_numel = SP_MAX(m->max_numel, sp_numel(p));
        if (p->layer >= 0) m->layer[p->layer * SP_PER_LAYER + p->kind] = p;
        else if (!strcmp(p->name, SP_EMBED_NAME)) m->embed = p;
        else if (!strcmp(p->name, "model.norm.weight")) m->norm = p;
        /* the only other one outside the layers; there is none if the head is tied */
        else m->head = p;
    }
    if (!m->cfg.tied) return;
    if (m->embed) m->head = m->embed;
    else m->embed = m->head; /* stored by the head's name */
}

void sp_model_own(sp_model *m, sp_param *p)
{
    size_t n = sp_numel(p);
    if (p->own) return;
    p->own = m->scratch ? sp_scratch_take(m->scratch, n * sizeof *p->own) : sp_xfloats(n);
    sp_to_f32(p->own, p->data, p->dtype, n);
}
