/* masters.h - the parameters in training: an F32 master of each (sp_param.own) and the
 * optimizer's two moments, in memory or in a scratch file.
 *
 * Masters come into being with the first step. In a file, a layer's masters and the
 * moments of the parameter being updated pass through memory; the rest stays on disk.
 */
#ifndef SP_MASTERS_H
#define SP_MASTERS_H

#include "engine/model.h"
#include "train/optim.h"

typedef struct {
    sp_param *p;   /* borrowed from the model */
    sp_moments mo; /* m and v NULL without moments (SGD) */
} sp_master;

typedef struct {
    sp_model *m; /* borrowed; m->scratch is where masters go, NULL = memory */
    size_t n;
    sp_master *v; /* [n] in the order in which their gradients are emitted (order.h) */
    size_t moment_size; /* bytes of one moment of one weight, 0 = no moments */
} sp_masters;

/* What is to be trained, and how. */
typedef struct {
    bool all; /* every parameter; else the linears */
    sp_optim_kind optim;
    sp_dtype moments;
    uint64_t seed; /* of the rounding of BF16 moments */
    /* directory of the scratch file; NULL: memory, or sp_scratch_dir() if masters and
     * moments would take more than half of the memory */
    const char *scratch;
} sp_masters_opt;

/* Zero moments for all parameters in scope; with a scratch file, sets m->scratch. Errors:
 * no room on the disk, or a model of random weights together with a scratch file. 0 or
 * -1; release with sp_masters_close in either case. */
SP_MUST_CHECK int sp_masters_open(sp_masters *s, sp_model *m, const sp_masters_opt *o,
                                  sp_err *e);
void sp_masters_close(sp_masters *s); /* masters stay: they are the model's weights */

/* Bytes: of all masters and moments as a state holds them; and of those that are in
 * memory at a time. */
uint64_t sp_masters_state_bytes(const sp_masters *s);
uint64_t sp_masters_memory_bytes(const sp_masters *s);

/* Let go of the pages of master i that lie in the scratch file or are mapped; their
 * content stays. */
void sp_master_release(const sp_masters *s, size_t i);

#endif
