/* output.c - see output.h.
 *
 * Metadata are put together in two steps, in this order: what the replaced input says, without its
 * provenance, then the provenance of all inputs and of the running program (pg.h). sp_dst copies
 * them, as it copies the tensors.
 */
#include "tensor/output.h"

#include "base/memory.h"
#include "tensor/pg.h"

#include <stdlib.h>

sp_dst *sp_output_open(const sp_output *o, const sp_tinfo *t, size_t n, sp_err *e)
{
    sp_meta meta = {0};
    if (o->replaces) sp_pg_inherit(&meta, sp_src_meta(o->replaces));
    if (!o->no_pg) sp_pg_append(&meta, o->inputs, o->n_inputs);
    sp_dst *d = o->base_dir ? sp_dst_open_dir(o->path, o->base_dir, t, n, &meta, e)
                            : sp_dst_open(o->path, t, n, &meta, o->level, e);
    sp_meta_free(&meta);
    return d;
}

sp_dst *sp_output_like(const sp_output *o, const sp_src *like, int dtype, sp_err *e)
{
    size_t n = sp_src_count(like);
    sp_tinfo *t = sp_xarray(n, sizeof *t);
    for (size_t i = 0; i < n; i++) {
        /* shallow copies: the names stay those of `like`, and sp_dst_open copies them */
        t[i] = *sp_src_info(like, i);
        if (dtype >= 0) t[i].dtype = (sp_dtype)dtype;
    }
    sp_dst *d = sp_output_open(o, t, n, e);
    free(t);
    return d;
}
