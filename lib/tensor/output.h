/* output.h - the tensor output of a tool: where its command line sends it, and what it is
 * made from.
 */
#ifndef SP_OUTPUT_H
#define SP_OUTPUT_H

#include "tensor/dst.h"
#include "tensor/src.h"

typedef struct {
    const char *path; /* -o; NULL or "-" = standard output */
    int level;        /* -z: of zstd, 0 = raw */
    bool no_pg;       /* --no-pg: without provenance (pg.h) */

    /* A checkpoint directory: then `path` is to become one like it (sp_dst_open_dir).
     * NULL: the output is a stream. */
    const char *base_dir;
    /* The input in whose place the output stands: its metadata go along. Or NULL. */
    const sp_src *replaces;
    /* What provenance names; an input may be NULL (skipped). */
    sp_src *const *inputs;
    size_t n_inputs;
} sp_output;

/* Open the output for tensors t[0..n). NULL on error, as sp_dst_open. */
SP_MUST_CHECK sp_dst *sp_output_open(const sp_output *o, const sp_tinfo *t, size_t n,
                                     sp_err *e);
/* The same for the tensors of `like`, all of dtype `dtype` or, if that is -1, of their
 * own. */
SP_MUST_CHECK sp_dst *sp_output_like(const sp_output *o, const sp_src *like, int dtype,
                                     sp_err *e);

#endif
