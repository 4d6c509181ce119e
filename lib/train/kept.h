/* kept.h - activations that stay in memory between the forward and the backward pass.
 *
 * What a layer computes inside for one chunk of the batch is a set (sp_acts). The topmost
 * layers, which the backward pass reaches first, keep their sets as long as memory is
 * granted; all other layers share one more set, and their backward pass computes its
 * content again, to the same bits. Four layers and two chunks a batch, with memory for
 * five sets:
 *
 *     set      0  1  2  3  4  shared
 *     layer    3  3  2  2  1  the others
 *     chunk    0  1  0  1  0
 */
#ifndef SP_KEPT_H
#define SP_KEPT_H

#include "engine/acts.h"
#include "engine/model.h"

typedef struct sp_kept sp_kept;

#define SP_KEEP (1u << 30) /* bytes that runs usually grant */

/* Sets may take `bytes` beside the shared one, but no more than an eighth of the
 * machine's memory. None is made yet. For one model. */
sp_kept *sp_kept_new(uint64_t bytes);
void sp_kept_free(sp_kept *k); /* NULL is allowed */

/* Make sets for a batch of `chunks` chunks of up to `tokens` tokens. Sets of an earlier
 * batch are used again where they are large enough. */
void sp_kept_reserve(sp_kept *k, const sp_model *m, int64_t tokens, int64_t chunks);

/* Where layer l's activations of a chunk go: a set of their own, or the shared one. */
typedef struct {
    sp_acts *acts;
    bool kept; /* still there on the way back */
} sp_kept_set;
sp_kept_set sp_kept_of(const sp_kept *k, int64_t l, int64_t chunk);

/* Bytes that sets may really take where `asked` are granted. */
uint64_t sp_kept_limit(uint64_t asked);

#endif
