/* state.c - see state.h.
 *
 * Saving and reading share one list of tensors, so that both agree on names, order and sizes. The
 * order of a file for parameters a and b is
 *
 *     w.a  m.a  v.a  w.b  m.b  v.b
 *
 * with SGD only w.a and w.b. A safetensors output appears under its name complete or not at all
 * (dst.h), which is what makes a kill harmless.
 */
#include "train/state.h"

#include "base/capacity.h"
#include "tensor/dst.h"
#include "tensor/src.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the tensors of a state ----------------------------------------------------------- */

/* w, m and v of every master in turn, n of them. The names in `info` are owned; `data` points into
 * the masters and is borrowed. */
typedef struct {
    size_t n;
    sp_tinfo *info;
    void **data;
} tensor_list;

/* Describe p's values as one flat array named "PREFIX.NAME"; the name belongs to the caller. */
static sp_tinfo flat_tensor(char prefix, const sp_param *p, sp_dtype d)
{
    size_t n = sp_numel(p);
    return (sp_tinfo){.name = sp_xasprintf("%c.%s", prefix, p->name),
                      .dtype = d,
                      .rank = 1,
                      .shape = {(int64_t)n},
                      .numel = n,
                      .nbytes = n * sp_dtype_size(d)};
}

/* List what a state of *s holds. Masters must have been made (sp_model_own). Release with
 * free_list. */
static tensor_list list_tensors(const sp_masters *s)
{
    tensor_list l = {0, sp_xcalloc(3 * s->n, sizeof *l.info), sp_xcalloc(3 * s->n, sizeof *l.data)};
    for (size_t i = 0; i < s->n; i++) {
        const sp_master *w = &s->v[i];
        void *data[3] = {w->p->own, w->mo.m, w->mo.v};
        /* moments are NULL for SGD, which ends the list of this parameter */
        for (int k = 0; k < 3 && data[k]; k++) {
            l.info[l.n] = flat_tensor("wmv"[k], w -> p, k ? w -> mo.dtype : SP_F32);
            l.data[l.n++] = data[k];
        }
    }
    return l;
}

static void free_list(tensor_list *l)
{
    for (size_t i = 0; i < l->n; i++) free(l->info[i].name);
    free(l->info);
    free(l->data);
}

/* ---- writing -------------------------------------------------------------------------- */

int sp_state_save(const sp_state *s, int64_t step, sp_err *e)
{
    char number[32];
    sp_meta meta = {0};
    snprintf(number, sizeof number, "%" PRId64, step);
    sp_meta_set(&meta, "step", number);
    sp_meta_set(&meta, "fingerprint", s->fingerprint);
    tensor_list l = list_tensors(s->masters);
    sp_dst *d = sp_dst_open(s->path, l.info, l.n, &meta, 0, e);
    /* the loop stops at the first error, whose message must not be overwritten */
    int rc = d ? 0 : -1;
    for (size_t i = 0; i < l.n && rc == 0; i++)
        rc = sp_dst_write(d, l.data[i], l.info[i].nbytes, e);
    if (d && rc == 0) rc = sp_dst_finish(d, e);
    else if (d) sp_dst_abort(d);
    free_list(&l);
    sp_meta_free(&meta);
    return rc;
}

/* ---- reading -------------------------------------------------------------------------- */

/* Check that src is a state, and of this run. 0 or -1. */
static int check_meta(const sp_state *s, const sp_src *src, sp_err *e)
{
    const sp_meta *meta = sp_src_meta(src);
    const char *name = sp_src_name(src), *made = sp_meta_get(meta, "fingerprint");
    if (!made || !sp_meta_get(meta, "step"))
        return sp_fail(e, SP_EINPUT, "%s: not a training state", name);
    if (strcmp(made, s->fingerprint))
        return sp_fail(e, SP_EINPUT, "%s: state of another run: found \"%s\", expected \"%s\"",
                       name, made, s->fingerprint);
    return 0;
}

/* Find tensor t in the state and read its bytes to `to`, which has room for t->nbytes. 0 or -1. */
static int read_tensor(sp_src *src, const sp_tinfo *t, void *to, sp_err *e)
{
    int64_t at = sp_src_find(src, t->name);
    if (at < 0 || sp_src_info(src, (size_t)at)->nbytes != t->nbytes)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\" is missing or has the wrong size",
                       sp_src_name(src), t->name);
    return sp_src_read(src, (size_t)at, to, e);
}

/* Read the whole state into the masters and its next step into *step. Masters are made first,
 * because the file is read straight into them. 0 or -1. */
static int read_state(const sp_state *s, sp_src *src, int64_t *step, sp_err *e)
{
    if (check_meta(s, src, e) < 0) return -1;
    for (size_t i = 0; i < s->masters->n; i++) sp_model_own(s->masters->m, s->masters->v[i].p);
    tensor_list l = list_tensors(s->masters);
    int rc = 0;
    for (size_t i = 0; i < l.n && rc == 0; i++) rc = read_tensor(src, &l.info[i], l.data[i], e);
    free_list(&l);
    *step = strtoll(sp_meta_get(sp_src_meta(src), "step"), NULL, 10);
    return rc;
}

/* Check the disk for two states, because one stays until the next is whole. `have` bytes of them
 * are there already. 0 or -1. */
static int check_disk(const sp_state *s, const char *dir, uint64_t have, sp_err *e)
{
    uint64_t two = 2 * sp_masters_state_bytes(s->masters);
    return sp_capacity_check_disk(dir, "states", two > have ? two - have : 0, e);
}

int sp_state_open(sp_state *s, const char *dir, const char *fingerprint, sp_masters *masters,
                  int64_t *step, sp_err *e)
{
    struct stat st;
    *s = (sp_state){.fingerprint = fingerprint, .masters = masters};
    *step = 0;
    if (!dir) return 0;
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return sp_fail(e, SP_ESYSTEM, "%s: %s", dir, strerror(errno));
    s->path = sp_xasprintf("%s/state.safetensors", dir);
    /* the size of an old state counts as room, so stat comes before the check */
    bool there = stat(s->path, &st) == 0;
    if (check_disk(s, dir, there ? (uint64_t)st.st_size : 0, e) < 0) return -1;
    if (!there) return 0;
    sp_src *src = sp_src_open(s->path, e);
    int rc = src ? read_state(s, src, step, e) : -1;
    if (src) sp_src_close(src);
    return rc;
}

void sp_state_close(sp_state *s) { free(s->path); }
