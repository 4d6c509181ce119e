/* masters.c - see masters.h.
 *
 * An F32 master is sp_param.own. sp_model_own makes it when the parameter's first gradient arrives,
 * or when a state is read. This file makes the moments and decides where both lie. With a scratch
 * file the sizes must be known when it is opened, so that bytes are counted first:
 *
 *     state bytes     masters + moments            what state.h writes
 *     new bytes       the same in whole pages      what memory or the file must provide
 *     passing bytes   one layer + one parameter    what is in memory when the rest is in the file
 *
 * Invariant: v[i] belongs to the parameter whose gradient is the i-th that a run emits.
 */
#include "train/masters.h"

#include "base/hash.h"
#include "base/capacity.h"
#include "engine/residency.h"
#include "train/order.h"

#include <stdlib.h>
#include <string.h>

/* ---- bytes ---------------------------------------------------------------------------- */

static uint64_t master_bytes(const sp_master *s) { return sp_numel(s->p) * sizeof(float); }

/* Bytes of one of the two moments of master i; 0 for SGD. */
static uint64_t moment_bytes(const sp_masters *s, size_t i)
{
    return sp_numel(s->v[i].p) * s->moment_size;
}

uint64_t sp_masters_state_bytes(const sp_masters *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->n; i++) bytes += master_bytes(&s->v[i]) + 2 * moment_bytes(s, i);
    return bytes;
}

/* Bytes of all that is still to be made, in whole pages. Weights that have their own F32 values
 * already (random initial weights) are their masters and need no second copy. */
static uint64_t new_bytes(const sp_masters *s)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->v[i].p->own) bytes += sp_scratch_size(master_bytes(&s->v[i]));
        bytes += 2 * sp_scratch_size(moment_bytes(s, i));
    }
    return bytes;
}

/* Bytes in memory at a time when masters and moments lie in a file: the masters of one layer, and
 * both moments of the largest parameter. Layer 0 stands for all layers, which have the same
 * shapes. */
static uint64_t passing_bytes(const sp_masters *s)
{
    uint64_t masters = 0, moments = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].p->layer == 0) masters += master_bytes(&s->v[i]);
        moments = SP_MAX(moments, 2 * moment_bytes(s, i));
    }
    return masters + moments;
}

uint64_t sp_masters_memory_bytes(const sp_masters *s)
{
    return s->m->scratch ? passing_bytes(s) : new_bytes(s);
}

/* ---- opening -------------------------------------------------------------------------- */

/* Decide between memory and the directory of a scratch file, and open the file. `dir` NULL leaves
 * the choice to this function: a file is used when everything would take more than half of the
 * memory. 0 or -1. */
static int choose_place(sp_masters *s, const char *dir, sp_err *e)
{
    uint64_t bytes = new_bytes(s);
    if (!dir && bytes > sp_capacity_memory() / 2) dir = sp_scratch_dir();
    sp_note("masters and moments: %.3f GiB in %s", (double)bytes / (1 << 30), dir ? dir : "memory");
    if (!dir) return 0;
    if (s->m->params[0].own) /* random weights are in memory already */
        return sp_fail(e, SP_EUSAGE, "a scratch file does not go with random initial weights");
    s->m->scratch = sp_scratch_open(dir, "masters and moments", bytes, e);
    return s->m->scratch ? 0 : -1;
}

/* Make a zeroed moment of master i. It belongs to the scratch file if there is one, else to *s.
 * Memory is taken in floats, so an odd number of BF16 values is rounded up. */
static void *new_moment(const sp_masters *s, size_t i)
{
    uint64_t bytes = moment_bytes(s, i);
    if (s->m->scratch) return sp_scratch_take(s->m->scratch, bytes);
    return sp_xfloats0((bytes + sizeof(float) - 1) / sizeof(float));
}

/* Masters are not made here: until its first step a parameter is read from the checkpoint's
 * mapping. The rounding key of a parameter depends on seed and name alone, not on its place in the
 * list. */
int sp_masters_open(sp_masters *s, sp_model *m, const sp_masters_opt *o, sp_err *e)
{
    sp_param **list = sp_xarray(m->n, sizeof *list);
    *s = (sp_masters){.m = m, .n = sp_grad_order(m, o->all, list)};
    s->v = sp_xcalloc(s->n, sizeof *s->v);
    s->moment_size = o->optim == SP_SGD ? 0 : sp_dtype_size(o->moments);
    for (size_t i = 0; i < s->n; i++) s->v[i].p = list[i];
    free(list);
    if (choose_place(s, o->scratch, e) < 0) return -1;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->v[i].p->name;
        sp_moments *mo = &s->v[i].mo;
        mo->dtype = o->moments;
        mo->key = o->seed ^ sp_hash(SP_HASH0, name, strlen(name));
        if (!s->moment_size) continue;
        mo->m = new_moment(s, i);
        mo->v = new_moment(s, i);
    }
    return 0;
}

/* Moments in a scratch file belong to the file, and the file belongs to the model. */
void sp_masters_close(sp_masters *s)
{
    for (size_t i = 0; i < s->n && !s->m->scratch; i++) {
        free(s->v[i].mo.m);
        free(s->v[i].mo.v);
    }
    free(s->v);
}

void sp_master_release(const sp_masters *s, size_t i)
{
    const sp_moments *mo = &s->v[i].mo;
    sp_param_release(s->m, s->v[i].p);
    if (!s->m->scratch || !mo->m) return;
    sp_scratch_evict(mo->m, moment_bytes(s, i));
    sp_scratch_evict(mo->v, moment_bytes(s, i));
}
