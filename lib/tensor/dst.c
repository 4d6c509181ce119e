/* dst.c - see dst.h.
 *
 * One file is open at a time. A stream is one file; in a directory the tensors of a file stand side
 * by side in the list, so that the next file begins where the file number changes.
 *
 * Bytes go out in the order in which they come. `cur` and `done` say where the writer stands: at
 * byte `done` of tensor t[cur]. A directory of three tensors in two files is written like this:
 *
 *     tensor    a        b        c
 *     shard     0        0        1
 *     file      [header a b]      [header c]
 *                                 ^ t[cur] becomes c: the first file is finished, the second begun
 *
 * A tensor of zero bytes gets no write of its own. The next write, or the end, steps over it.
 */
#include "tensor/dst.h"

#include "base/arith.h"
#include "base/memory.h"
#include "io/out.h"
#include "tensor/header.h"
#include "tensor/hf_dir.h"
#include "tensor/vec.h"

#include <stdlib.h>
#include <string.h>

#define NARROW_STEP (1u << 20) /* elements converted at a time */

struct sp_dst {
    sp_out *out; /* the file that is being written, or NULL */
    sp_tinfo *t; /* (n) what goes in, in order; names are copies */
    size_t n, cur;
    uint64_t done; /* bytes of t[cur] already written */
    sp_meta meta;
    sp_hf_dir *dir; /* NULL = a stream */
};

/* Free d and what it owns, except the open file and the directory: those must be finished or
 * aborted before. */
static void free_dst(sp_dst *d)
{
    sp_tinfos_free(d->t, d->n);
    sp_meta_free(&d->meta);
    free(d);
}

/* A new dst with copies of the tensors, their names and the metadata, and no file open. It clears
 * the shards, which say where a tensor lies in its source. sp_hf_dir_open sets those of the
 * output. */
static sp_dst *new_dst(const sp_tinfo *t, size_t n, const sp_meta *meta)
{
    sp_dst *d = sp_xcalloc(1, sizeof *d);
    d->t = sp_xarray(n, sizeof *d->t);
    d->n = n;
    for (size_t i = 0; i < n; i++) {
        d->t[i] = t[i];
        d->t[i].name = sp_xstrdup(t[i].name);
        d->t[i].shard = 0;
    }
    for (size_t i = 0; meta && i < meta->n; i++)
        sp_meta_set(&d->meta, meta->pair[i].key, meta->pair[i].value);
    return d;
}

/* ---- files ---------------------------------------------------------------------------- */

/* Open `path` as the current file and write the header of t[0..n): its length in 8 bytes,
 * little-endian, then the JSON text. Sets numel, nbytes and offset of each. 0 or -1. After a
 * failure d->out may be open: sp_dst_abort closes it. */
static int begin_file(sp_dst *d, const char *path, sp_tinfo *t, size_t n, int level, sp_err *e)
{
    size_t len;
    uint8_t b[8];
    char *header = sp_header_format(t, n, &d->meta, &len, e);
    if (!header) return -1;
    for (int i = 0; i < 8; i++) b[i] = (uint8_t)((uint64_t)len >> 8 * i);
    int rc = (d->out = sp_out_open(path, level, e)) ? 0 : -1;
    if (rc == 0) rc = sp_out_write(d->out, b, sizeof b, e);
    if (rc == 0) rc = sp_out_write(d->out, header, len, e);
    free(header);
    return rc;
}

/* Finish the current file, if there is one. sp_out_finish frees it also when it fails, so that
 * d->out is cleared first. 0 or -1. */
static int end_file(sp_dst *d, sp_err *e)
{
    sp_out *o = d->out;
    d->out = NULL;
    return o ? sp_out_finish(o, e) : 0;
}

/* Begin the file of a directory that t[cur] goes to. Its header names all tensors from t[cur] on
 * that have the same shard. 0 or -1. */
static int begin_shard(sp_dst *d, sp_err *e)
{
    size_t end = d->cur;
    int shard = d->t[d->cur].shard;
    while (end < d->n && d->t[end].shard == shard) end++;
    char *path = sp_hf_dir_path(d->dir, shard);
    int rc = begin_file(d, path, d->t + d->cur, end - d->cur, 0, e);
    free(path);
    return rc;
}

/* Go on to the next tensor. In a directory, finish the file and begin the next one where the shard
 * changes. 0 or -1. */
static int next_tensor(sp_dst *d, sp_err *e)
{
    d->cur++;
    d->done = 0;
    bool boundary = d->dir && d->cur < d->n && d->t[d->cur].shard != d->t[d->cur - 1].shard;
    if (!boundary) return 0;
    return end_file(d, e) < 0 ? -1 : begin_shard(d, e);
}

/* ---- opening -------------------------------------------------------------------------- */

sp_dst *sp_dst_open(const char *path, const sp_tinfo *tensors, size_t n, const sp_meta *meta,
                    int level, sp_err *e)
{
    sp_dst *d = new_dst(tensors, n, meta);
    if (begin_file(d, path, d->t, n, level, e) == 0) return d;
    sp_dst_abort(d);
    return NULL;
}

sp_dst *sp_dst_open_dir(const char *dir, const char *base_dir, const sp_tinfo *tensors, size_t n,
                        const sp_meta *meta, sp_err *e)
{
    sp_dst *d = new_dst(tensors, n, meta);
    if (!sp_meta_get(&d->meta, "format")) sp_meta_push(&d->meta, "format", "pt");
    d->dir = sp_hf_dir_open(dir, base_dir, d->t, n, e);
    if (d->dir && (!n || begin_shard(d, e) == 0)) return d;
    sp_dst_abort(d);
    return NULL;
}

const sp_tinfo *sp_dst_info(const sp_dst *d, size_t i) { return &d->t[i]; }

/* ---- tensors -------------------------------------------------------------------------- */

int sp_dst_write(sp_dst *d, const void *buf, size_t nbytes, sp_err *e)
{
    /* the bytes belong to the next tensor that has any */
    while (nbytes > 0 && d->cur < d->n && d->t[d->cur].nbytes == 0)
        if (next_tensor(d, e) < 0) return -1;
    if (d->cur >= d->n || nbytes > d->t[d->cur].nbytes - d->done)
        return sp_fail(e, SP_ESYSTEM, "more data written than tensor \"%s\" holds",
                       d->cur < d->n ? d->t[d->cur].name : "(none)");
    if (sp_out_write(d->out, buf, nbytes, e) < 0) return -1;
    d->done += nbytes;
    return d->done == d->t[d->cur].nbytes ? next_tensor(d, e) : 0;
}

int sp_dst_write_f32(sp_dst *d, const float *x, sp_err *e)
{
    if (d->cur >= d->n) return sp_fail(e, SP_ESYSTEM, "more tensors written than announced");
    sp_dtype dtype = d->t[d->cur].dtype;
    size_t n = d->t[d->cur].numel, size = sp_dtype_size(dtype);
    if (dtype == SP_F32 || n == 0) return sp_dst_write(d, x, n * size, e);
    /* convert in steps: all at once would need memory for a second copy of a large tensor */
    void *stored = sp_xmalloc(SP_MIN(n, (size_t)NARROW_STEP) * size);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < n; at += NARROW_STEP) {
        size_t take = SP_MIN(n - at, (size_t)NARROW_STEP);
        sp_from_f32(stored, x + at, dtype, take);
        rc = sp_dst_write(d, stored, take * size, e);
    }
    free(stored);
    return rc;
}

/* ---- the end -------------------------------------------------------------------------- */

int sp_dst_finish(sp_dst *d, sp_err *e)
{
    int rc = 0;
    /* empty tensors at the end of the list have had no write that steps over them */
    while (rc == 0 && d->cur < d->n && d->t[d->cur].nbytes == 0) rc = next_tensor(d, e);
    if (rc == 0 && d->cur < d->n)
        rc = sp_fail(e, SP_ESYSTEM, "tensor \"%s\" was not written", d->t[d->cur].name);
    if (rc == 0) rc = end_file(d, e);
    if (rc < 0) {
        sp_dst_abort(d);
        return -1;
    }
    /* the last step: only a directory whose files are all complete gets its name */
    if (d->dir) rc = sp_hf_dir_finish(d->dir, e);
    free_dst(d);
    return rc;
}

void sp_dst_abort(sp_dst *d)
{
    if (!d) return;
    sp_out_abort(d->out);
    sp_hf_dir_abort(d->dir);
    free_dst(d);
}
