/* acts.c - see acts.h.
 *
 * All arrays of a set lie in one allocation, each at the beginning of a cache line. A set is
 * described once, as a list of (where the address goes, how many floats); allocating it and
 * counting its bytes both walk that list, so that they cannot disagree.
 *
 *     all   | scale1 ... pad | scale2 ... pad | h1 ... pad | ...
 *           ^ 64-byte aligned, as is the beginning of each array
 *
 * The padding is never read. sp_acts and sp_work lie in memory of their own, apart from `all`.
 */
#include "engine/acts.h"

#include "base/memory.h"
#include "engine/gemm.h"

#include <stdlib.h>

/* One array of a set: where its address goes, and its floats. */
typedef struct {
    float **at;
    size_t n;
} array;

/* Round a number of floats up to whole cache lines of 16. */
static size_t aligned(size_t floats) { return (floats + 15) / 16 * 16; }

/* Count the floats of all arrays together, padding included. */
static size_t total(const array *list, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += aligned(list[i].n);
    return sum;
}

/* Allocate all arrays in one piece and set their addresses through list[i].at. Returns the piece,
 * which the caller frees; its floats are uninitialised. */
static float *allocate(const array *list, size_t count)
{
    float *all = sp_xfloats(total(list, count)), *next = all;
    for (size_t i = 0; i < count; next += aligned(list[i].n), i++) *list[i].at = next;
    return all;
}

enum { ACTS = 12, WORK = 8 }; /* arrays of a set */

/* Describe the arrays of a forward pass over n tokens. Only the addresses of the members of *a are
 * taken, so *a may be uninitialised. */
static void list_acts(array list[ACTS], sp_acts *a, const sp_config *c, int64_t n)
{
    size_t one = (size_t)c->hidden, h = (size_t)(n * c->hidden),
           q = (size_t)(n * c->heads * c->head_dim), kv = (size_t)(n * c->kv_heads * c->head_dim),
           f = (size_t)(n * c->mlp);
    const array arrays[ACTS] = {{&a->scale1, one}, {&a->scale2, one}, {&a->h1, h},  {&a->h2, h},
                                {&a->x1, h},       {&a->q, q},        {&a->ctx, q}, {&a->k, kv},
                                {&a->v, kv},       {&a->gate, f},     {&a->up, f},  {&a->act, f}};
    memcpy(list, arrays, sizeof arrays);
}

/* Describe those of a backward pass in the same way. */
static void list_work(array list[WORK], sp_work *w, const sp_config *c, int64_t n)
{
    size_t h = (size_t)(n * c->hidden), q = (size_t)(n * c->heads * c->head_dim),
           kv = (size_t)(n * c->kv_heads * c->head_dim), f = (size_t)(n * c->mlp);
    const array arrays[WORK] = {{&w->dh, h},  {&w->xhat, h}, {&w->dq, q},    {&w->dctx, q},
                                {&w->dk, kv}, {&w->dv, kv},  {&w->dgate, f}, {&w->dup, f}};
    memcpy(list, arrays, sizeof arrays);
}

sp_acts *sp_acts_new(const sp_config *c, int64_t n)
{
    array list[ACTS];
    sp_acts *a = sp_xcalloc(1, sizeof *a);
    list_acts(list, a, c, n);
    a->all = allocate(list, ACTS);
    return a;
}

sp_work *sp_work_new(const sp_config *c, int64_t n)
{
    array list[WORK];
    sp_work *w = sp_xcalloc(1, sizeof *w);
    list_work(list, w, c, n);
    w->all = allocate(list, WORK);
    return w;
}

size_t sp_acts_bytes(const sp_config *c, int64_t n)
{
    array list[ACTS];
    sp_acts unused;
    list_acts(list, &unused, c, n);
    return total(list, ACTS) * sizeof(float);
}

size_t sp_work_bytes(const sp_config *c, int64_t n)
{
    array list[WORK];
    sp_work unused;
    list_work(list, &unused, c, n);
    return total(list, WORK) * sizeof(float) + sp_gemm_bytes(n, c->mlp, c->mlp);
}

void sp_acts_free(sp_acts *a)
{
    if (a) free(a->all);
    free(a);
}

void sp_work_free(sp_work *w)
{
    if (w) free(w->all);
    free(w);
}
