/* src.c - see src.h.
 *
 * A source is a list of readers, one for each file, and the tensors of all of them in one array,
 * each with the number of its file. A second array lists the tensors by name, for searching.
 *
 * A directory of two files:
 *
 *     file      [0] model-00001 ...     [1] model-00002 ...
 *     t         [0] b   [1] d           [2] a   [3] c           t[2].shard = 1
 *     by_name   2 0 3 1                                          a b c d
 *
 * The number of a tensor is its index in t. Reading tensor i asks reader file[t[i].shard]. A stream
 * is the same with one file. All of this is made when the source is opened and does not change
 * afterwards, so that several threads may ask for it.
 */
#include "tensor/src.h"

#include "base/arith.h"
#include "base/hash.h"
#include "base/memory.h"
#include "tensor/hf_found.h"
#include "tensor/hf_index.h"
#include "tensor/idle.h"
#include "tensor/reader.h"
#include "tensor/vec.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WIDEN_BYTES (8u << 20)  /* as stored, read and converted to F32 at a time */
#define GROW_FLOATS (16u << 20) /* what sp_src_load_f32 begins with on a pipe */

struct sp_src {
    char *name;
    sp_reader **file; /* (n_files) */
    int n_files;
    sp_tinfo *t; /* (n) copies; the names in them belong to the readers */
    size_t n;
    size_t *by_name; /* (n) indices into t, sorted by name */
    sp_meta meta;
    uint64_t digest;
};

/* ---- names and fingerprint ------------------------------------------------------------ */

/* For qsort_r: compare the names of two tensors of t, given by index. */
static int compare_names(const void *a, const void *b, void *t)
{
    const sp_tinfo *ti = t;
    return strcmp(ti[*(const size_t *)a].name, ti[*(const size_t *)b].name);
}

/* Sort by_name, which has space for them, by the names of the tensors. */
static void index_names(sp_src *s)
{
    for (size_t i = 0; i < s->n; i++) s->by_name[i] = i;
    qsort_r(s->by_name, s->n, sizeof *s->by_name, compare_names, s->t);
}

/* Fill by_name. No two files may have the same tensor: equal names stand side by side once they are
 * sorted. (In one file, the header has been checked for that.) 0 or -1 (SP_EINPUT). */
static int sort_names(sp_src *s, sp_err *e)
{
    s->by_name = sp_xarray(s->n, sizeof *s->by_name);
    index_names(s);
    for (size_t i = 1; i < s->n; i++) {
        const sp_tinfo *a = &s->t[s->by_name[i - 1]], *b = &s->t[s->by_name[i]];
        if (!strcmp(a->name, b->name))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": both in %s and in %s", s->name,
                           a->name, sp_src_shard_name(s, SP_MIN(a->shard, b->shard)),
                           sp_src_shard_name(s, SP_MAX(a->shard, b->shard)));
    }
    return 0;
}

int64_t sp_src_find(const sp_src *s, const char *name)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(s->t[s->by_name[mid]].name, name);
        if (c == 0) return (int64_t)s->by_name[mid];
        if (c < 0) lo = mid + 1;
        else hi = mid;
    }
    return -1;
}

void sp_src_drop(sp_src *s, size_t i)
{
    memmove(s->t + i, s->t + i + 1, (--s->n - i) * sizeof *s->t);
    index_names(s);
}

void sp_src_rename(sp_src *s, size_t i, const char *name)
{
    s->t[i].name = (char *)name; /* like the others it is not ours to free */
    index_names(s);
}

/* Hash names, dtypes and shapes in the order of the tensors, then the metadata in their order.
 * Strings go in with their NUL: otherwise "ab", "c" and "a", "bc" would be the same. */
static uint64_t fingerprint(const sp_src *s)
{
    uint64_t h = SP_HASH0;
    for (size_t i = 0; i < s->n; i++) {
        const sp_tinfo *t = &s->t[i];
        const char *dtype = sp_dtype_name(t->dtype);
        h = sp_hash(h, t->name, strlen(t->name) + 1);
        h = sp_hash(h, dtype, strlen(dtype) + 1);
        h = sp_hash(h, t->shape, (size_t)t->rank * sizeof *t->shape);
    }
    for (size_t i = 0; i < s->meta.n; i++) {
        const sp_meta_pair *p = &s->meta.pair[i];
        h = sp_hash(h, p->key, strlen(p->key) + 1);
        h = sp_hash(h, p->value, strlen(p->value) + 1);
    }
    return h;
}

/* ---- opening -------------------------------------------------------------------------- */

/* Open one file and append what is in it: its reader, its tensors with the number of the file, and
 * those of its metadata whose keys no earlier file has. The source owns the reader, and the reader
 * the names. 0 or -1; on failure nothing is appended. */
static int add_file(sp_src *s, const char *path, bool in_place, sp_err *e)
{
    sp_reader *r = sp_reader_open(path, in_place, e);
    if (!r) return -1;
    s->file = sp_xrealloc(s->file, (size_t)(s->n_files + 1) * sizeof *s->file);
    s->file[s->n_files] = r;
    size_t n;
    const sp_tinfo *t = sp_reader_tensors(r, &n);
    s->t = sp_xrealloc(s->t, (s->n + n) * sizeof *s->t);
    for (size_t i = 0; i < n; i++, s->n++) {
        s->t[s->n] = t[i];
        s->t[s->n].shard = s->n_files;
    }
    s->n_files++;
    const sp_meta *m = sp_reader_meta(r);
    for (size_t i = 0; i < m->n; i++)
        if (!sp_meta_get(&s->meta, m->pair[i].key))
            sp_meta_push(&s->meta, m->pair[i].key, m->pair[i].value);
    return 0;
}

/* Check that every entry of the index is a tensor of the file that it names, and that every tensor
 * has an entry. Programs disagree about what nothing reads: this may be missing here or there. 0 or
 * -1 (SP_EINPUT). */
static int check_index(const sp_src *s, const sp_hf_index *x, sp_err *e)
{
    for (size_t k = 0; k < x->n; k++) {
        const sp_hf_entry *want = &x->entry[k];
        int64_t i = sp_src_find(s, want->tensor);
        if (i < 0 && sp_idle_name(want->tensor, true)) continue;
        if (i < 0 || strcmp(sp_src_shard_name(s, s->t[i].shard), want->file))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": in the index, but not in %s", s->name,
                           want->tensor, want->file);
    }
    for (size_t i = 0; i < s->n; i++)
        if (!sp_hf_index_find(x, s->t[i].name) && !sp_idle_name(s->t[i].name, true))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": in %s, but not in the index", s->name,
                           s->t[i].name, sp_src_shard_name(s, s->t[i].shard));
    return 0;
}

/* Open the files that the index at path `index` names, in the order of their names, and compare
 * them with it. Then the index is freed. 0 or -1. */
static int open_sharded(sp_src *s, const char *index, sp_err *e)
{
    sp_hf_index x;
    int rc = sp_hf_index_load(&x, index, e);
    if (rc < 0) return -1;
    for (size_t i = 0; rc == 0 && i < x.n_files; i++) {
        char *path = sp_xasprintf("%s/%s", s->name, x.file[i]);
        rc = add_file(s, path, true, e);
        free(path);
    }
    if (rc == 0) rc = sort_names(s, e);
    if (rc == 0) rc = check_index(s, &x, e);
    sp_hf_index_free(&x);
    return rc;
}

/* Open the directory s->name: model.safetensors where there is one, even beside an index; else what
 * the index names. Files must be readable in place: tensors are wanted in any order. 0 or -1. */
static int open_dir(sp_src *s, sp_err *e)
{
    struct stat st;
    char *one = sp_xasprintf("%s/" SP_HF_WEIGHTS, s->name),
         *index = sp_xasprintf("%s/" SP_HF_INDEX, s->name);
    int rc;
    if (lstat(one, &st) == 0) { /* also a link to nothing, which opening it will name */
        rc = add_file(s, one, true, e);
        if (rc == 0) rc = sort_names(s, e);
    } else if (lstat(index, &st) == 0) {
        rc = open_sharded(s, index, e);
    } else {
        char *found = sp_hf_found(s->name);
        rc = sp_fail(e, SP_EINPUT, "%s: no " SP_HF_WEIGHTS " or " SP_HF_INDEX " in it%s", s->name,
                     found);
        free(found);
    }
    free(one);
    free(index);
    return rc;
}

sp_src *sp_src_open(const char *path, sp_err *e)
{
    struct stat st;
    bool dir = strcmp(path, "-") && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    sp_src *s = sp_xcalloc(1, sizeof *s);
    s->name = sp_xstrdup(!strcmp(path, "-") ? "standard input" : path);
    for (size_t n = strlen(s->name); dir && n > 1 && s->name[n - 1] == '/'; n--) s->name[n - 1] = 0;
    int rc = dir ? open_dir(s, e) : add_file(s, path, false, e);
    if (rc == 0 && !dir) rc = sort_names(s, e);
    if (rc < 0) {
        sp_src_close(s);
        return NULL;
    }
    s->digest = fingerprint(s);
    return s;
}

void sp_src_close(sp_src *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_files; i++) sp_reader_close(s->file[i]);
    free(s->file);
    free(s->t);
    free(s->by_name);
    sp_meta_free(&s->meta);
    free(s->name);
    free(s);
}

int sp_src_end(sp_src *s, sp_err *e)
{
    for (int i = 0; i < s->n_files; i++)
        if (sp_reader_end(s->file[i], e) < 0) return -1;
    return 0;
}

/* ---- queries -------------------------------------------------------------------------- */

const char *sp_src_name(const sp_src *s) { return s->name; }
size_t sp_src_count(const sp_src *s) { return s->n; }
const sp_tinfo *sp_src_info(const sp_src *s, size_t i) { return &s->t[i]; }
const sp_meta *sp_src_meta(const sp_src *s) { return &s->meta; }
uint64_t sp_src_digest(const sp_src *s) { return s->digest; }
int sp_src_nshards(const sp_src *s) { return s->n_files; }
const char *sp_src_shard_name(const sp_src *s, int shard) { return sp_reader_file(s->file[shard]); }

/* All files of a directory are read in place: what holds for the first holds for all. An index may
 * name no file at all. */
bool sp_src_seekable(const sp_src *s) { return !s->n_files || sp_reader_seekable(s->file[0]); }
bool sp_src_parallel(const sp_src *s) { return !s->n_files || sp_reader_parallel(s->file[0]); }

/* ---- reading -------------------------------------------------------------------------- */

int sp_src_read_part(sp_src *s, size_t i, uint64_t first, size_t n, void *buf, sp_err *e)
{
    const sp_tinfo *t = &s->t[i];
    size_t size = sp_dtype_size(t->dtype);
    return sp_reader_read(s->file[t->shard], t, first * size, buf, n * size, e);
}

int sp_src_read(sp_src *s, size_t i, void *buf, sp_err *e)
{
    return sp_src_read_part(s, i, 0, s->t[i].numel, buf, e);
}

const void *sp_src_map(const sp_src *s, size_t i)
{
    return sp_reader_map(s->file[s->t[i].shard], &s->t[i]);
}

/* Elements [first, first + n) of tensor i to buf as F32. Reads a stretch at a time as stored, and
 * converts it: a copy of the whole tensor would need more memory. 0 or -1. */
static int read_and_widen(sp_src *s, size_t i, uint64_t first, size_t n, float *buf, sp_err *e)
{
    sp_dtype dtype = s->t[i].dtype;
    size_t size = sp_dtype_size(dtype), step = WIDEN_BYTES / size;
    void *stored = sp_xmalloc(SP_MIN(n, step) * size);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < n; at += step) {
        size_t take = SP_MIN(step, n - at);
        rc = sp_src_read_part(s, i, first + at, take, stored, e);
        if (rc == 0) sp_to_f32(buf + at, stored, dtype, take);
    }
    free(stored);
    return rc;
}

int sp_src_read_f32_part(sp_src *s, size_t i, uint64_t first, size_t n, float *buf, sp_err *e)
{
    const sp_tinfo *t = &s->t[i];
    if (t->dtype == SP_F32) return sp_src_read_part(s, i, first, n, buf, e);
    if (!sp_dtype_is_float(t->dtype) && t->dtype != SP_BOOL)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected floating point",
                       s->name, t->name, sp_dtype_name(t->dtype));
    /* convert straight from the mapped file where there is one: no copy in between */
    const uint8_t *map = sp_src_map(s, i);
    if (!map) return read_and_widen(s, i, first, n, buf, e);
    sp_to_f32(buf, map + first * sp_dtype_size(t->dtype), t->dtype, n);
    return 0;
}

int sp_src_read_f32(sp_src *s, size_t i, float *buf, sp_err *e)
{
    return sp_src_read_f32_part(s, i, 0, s->t[i].numel, buf, e);
}

int sp_src_load_f32(sp_src *s, size_t i, float **x, size_t *cap, sp_err *e)
{
    uint64_t n = s->t[i].numel, got = 0, bytes;
    if (!sp_mul(n, sizeof(float), &bytes))
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": too large", s->name, s->t[i].name);
    /* an empty tensor goes through once as well: the caller gets an array in every case */
    while (got < n || !*x) {
        uint64_t want = n;
        /* a pipe's header may claim any size: twice what has come is asked for at most */
        if (!sp_src_parallel(s)) want = SP_MIN(n, SP_MAX(2 * got, (uint64_t)GROW_FLOATS));
        if (want > *cap || !*x) {
            /* what an earlier tensor left in the array need not be copied */
            if (got) *x = sp_xrealloc(*x, want * sizeof **x);
            else free(*x), *x = sp_xfloats(want);
            *cap = want;
        }
        want = SP_MIN(n, *cap);
        if (sp_src_read_f32_part(s, i, got, want - got, *x + got, e) < 0) return -1;
        got = want;
    }
    return 0;
}
