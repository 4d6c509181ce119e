/* model.h - a decoder-only transformer: its configuration and its parameters.
 * checkpoint.h opens one.
 */
#ifndef SP_MODEL_H
#define SP_MODEL_H

#include "base/scratch.h"
#include "engine/param.h"
#include "engine/rope.h"

typedef struct {
    sp_config cfg;
    size_t n; /* parameters, in the order of the checkpoint */
    sp_param *params;
    sp_param *embed, *norm, *head; /* among params; head == embed when tied */
    sp_param **layer;              /* [layers * SP_PER_LAYER], among params */
    sp_rope rope;        /* tables, which grow with the positions that are asked for */
    size_t max_numel;    /* of the largest parameter */
    struct sp_src *src;  /* the checkpoint, open: params borrow its bytes; or NULL */
    sp_scratch *scratch; /* where `own` copies are made, NULL = memory; owned */
    /* weights that are mapped from the checkpoint leave memory after use, so that they do
     * not fill it (residency.h); default: true */
    bool release_pages;
} sp_model;

/* Set the pointers into params and max_numel. To be called again whenever the order of
 * params has changed. */
void sp_model_index(sp_model *m);

/* Weight `kind` (SP_Q .. SP_NORM2) of layer l. Borrowed: it stays the model's. */
static inline sp_param *sp_layer_param(const sp_model *m, int64_t l, int kind)
{
    return m->layer[l * SP_PER_LAYER + kind];
}

/* Make p->own, a private F32 copy of the stored values, in m->scratch if there is one;
 * nothing where it is there already. */
void sp_model_own(sp_model *m, sp_param *p);

#endif
