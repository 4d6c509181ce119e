/* residency.c - see residency.h.
 *
 * The mapping of a checkpoint is private and never written, so a page that is dropped costs nothing
 * but reading it again, from the page cache if it is still there. A scratch file is shared
 * with the page cache: what was written to a page that is dropped stays there or in the file.
 */
#include "engine/residency.h"

#include <sys/mman.h>
#include <unistd.h>

/* Is it a weight whose pages are mapped from the checkpoint and may come and go? */
static bool comes_and_goes(const sp_model *m, const sp_param *p)
{
    return m->release_pages && p->data && !p->copy;
}

/* Tell the kernel about the pages of a mapped weight. Weights begin and end inside pages: reading
 * ahead takes in the pages at both ends, giving back leaves them to the neighbours.
 *
 *     pages         |   0   |   1   |   2   |   3   |
 *     weight            [=======================]
 *     read ahead    |   0   |   1   |   2   |   3   |
 *     given back            |   1   |   2   |
 *
 * What madvise returns is ignored: it is advice, and values are the same without it. */
static void advise(const sp_model *m, const sp_param *p, int advice)
{
    if (!comes_and_goes(m, p)) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = (uintptr_t)p->data, to = from + sp_numel(p) * sp_dtype_size(p->dtype);
    if (advice == MADV_WILLNEED) from -= from % page;
    else from += (page - from % page) % page, to -= to % page;
    if (to > from) madvise((void *)from, to - from, advice);
}

void sp_layer_prefetch(const sp_model *m, int64_t l)
{
    for (size_t i = 0; i < m->n; i++) {
        const sp_param *p = &m->params[i];
        if (p->layer != l) continue;
        if (!p->own) advise(m, p, MADV_WILLNEED); /* with an own copy, `data` is not read */
        else if (m->scratch) sp_scratch_prefetch(p->own, sp_numel(p) * sizeof(float));
    }
}

void sp_layer_release(const sp_model *m, int64_t l)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->params[i].layer == l) sp_param_release(m, &m->params[i]);
}

void sp_param_release(const sp_model *m, const sp_param *p)
{
    advise(m, p, MADV_DONTNEED);
    if (m->scratch && p->own) sp_scratch_evict(p->own, sp_numel(p) * sizeof(float));
}
