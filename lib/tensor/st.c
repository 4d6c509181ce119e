/* st.c - the reader of st.h.
 *
 * A source is a list of parts (files), each with a header and a data section. A part that is a
 * regular file, raw or zstd in small frames, is read in place (file.h). Anything else is one
 * sequential part: a pipe, which goes forward only, or a file compressed in one huge frame, which
 * is opened again whenever something behind is wanted.
 */
#include "tensor/st.h"

#include "base/hash.h"
#include "io/file.h"
#include "io/in.h"
#include "tensor/st_header.h"
#include "tensor/vec.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK      (8u << 20) /* bytes converted at a time */
#define MAX_SHARDS 10000

typedef struct {
    char *path, *file; /* file: its name without the directory */
    sp_file *f;        /* NULL = sequential */
    uint64_t data;     /* where the data section begins, and its size */
    uint64_t size;
} part;

struct sp_src {
    char *name;
    part *parts;
    int n_parts;
    sp_in *in; /* the sequential part, and how much of it has been consumed */
    uint64_t pos;
    bool reopen;
    sp_tinfo *t;
    size_t n;
    size_t *by_name;
    sp_meta meta;
    uint64_t digest;
};

/* ---- bytes ---------------------------------------------------------------------------- */

/* Bring the sequential part to byte `at`. */
static int seek_to(sp_src *s, uint64_t at, sp_err *e)
{
    if (at < s->pos) {
        if (!s->reopen)
            return sp_fail(e, SP_EINPUT, "%s: byte %llu is already past", s->name,
                           (unsigned long long)at);
        sp_in_close(s->in);
        s->pos = 0;
        if (!(s->in = sp_in_open(s->parts[0].path, e))) return -1;
    }
    if (at > s->pos && sp_in_skip(s->in, at - s->pos, e) < 0) return -1;
    s->pos = at;
    return 0;
}

/* n bytes of a part at `at`, counted from the start of its file. */
static int fetch(sp_src *s, const part *p, uint64_t at, void *buf, size_t n, sp_err *e)
{
    if (n == 0) return 0;
    if (p->f) return sp_file_read(p->f, at, buf, n, e);
    if (!s->in) return sp_fail(e, SP_ESYSTEM, "%s: cannot be read again", s->name);
    if (seek_to(s, at, e) < 0) return -1;
    int r = sp_in_read(s->in, buf, n, e);
    if (r == 0) return sp_fail(e, SP_EINPUT, "%s: %s", s->name, at ? "truncated" : "is empty");
    s->pos += n;
    return r < 0 ? -1 : 0;
}

/* ---- opening -------------------------------------------------------------------------- */

static int check_size(const part *p, sp_err *e)
{
    uint64_t have = sp_file_size(p->f), want = p->data + p->size;
    if (have == want) return 0;
    return sp_fail(e, SP_EINPUT, "%s: %s: %llu bytes, its header describes %llu", p->path,
                   have < want ? "truncated" : "longer than its header says",
                   (unsigned long long)have, (unsigned long long)want);
}

static void take_tensors(sp_src *s, sp_tinfo *t, size_t n, sp_meta *meta)
{
    for (size_t i = 0; i < n; i++) t[i].shard = s->n_parts - 1;
    s->t = sp_xrealloc(s->t, (s->n + n) * sizeof *t);
    memcpy(s->t + s->n, t, n * sizeof *t);
    s->n += n;
    free(t);
    for (size_t i = 0; i < meta->n; i++)
        if (!sp_meta_get(&s->meta, meta->key[i]))
            sp_meta_set(&s->meta, meta->key[i], meta->value[i]);
    sp_meta_free(meta);
}

static int read_header(sp_src *s, part *p, sp_err *e)
{
    uint8_t b[8];
    uint64_t len = 0, total;
    sp_tinfo *t;
    size_t n;
    sp_meta meta = {0};
    if (fetch(s, p, 0, b, sizeof b, e) < 0) return -1;
    for (int i = 7; i >= 0; i--) len = len << 8 | b[i];
    if (len > SP_MAX_HEADER)
        return sp_fail(e, SP_EINPUT, "%s: not a safetensors file (a header of %llu bytes)", p->path,
                       (unsigned long long)len);
    char *json = sp_xmalloc(len + 1);
    int rc = fetch(s, p, 8, json, len, e);
    if (rc == 0) rc = sp_header_parse(p->path, json, len, &t, &n, &meta, &total, e);
    free(json);
    if (rc < 0) return -1;
    take_tensors(s, t, n, &meta);
    p->data = 8 + len;
    p->size = total;
    return p->f ? check_size(p, e) : 0;
}

/* Append one file. `shard`: it must be readable in any order. */
static int add_part(sp_src *s, const char *path, bool shard, sp_err *e)
{
    const char *slash = strrchr(path, '/');
    s->parts = sp_xrealloc(s->parts, (size_t)(s->n_parts + 1) * sizeof *s->parts);
    part *p = &s->parts[s->n_parts++];
    *p = (part){.path = sp_xstrdup(!strcmp(path, "-") ? "standard input" : path),
                .file = sp_xstrdup(slash ? slash + 1 : path)};
    int rc = sp_file_open(&p->f, path, e);
    if (rc < 0) return -1;
    if (rc == 0) {
        struct stat st;
        if (shard)
            return sp_fail(e, SP_EINPUT,
                           "%s: is empty, not a regular file, or compressed in one piece", path);
        if (!(s->in = sp_in_open(path, e))) return -1;
        s->reopen = strcmp(path, "-") && stat(path, &st) == 0 && S_ISREG(st.st_mode);
    }
    return read_header(s, p, e);
}

/* ---- checkpoint directories ----------------------------------------------------------- */

static int by_string(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool plain_file_name(const char *f)
{
    return *f && !strchr(f, '/') && strcmp(f, ".") && strcmp(f, "..");
}

/* The distinct files of a weight map, sorted, borrowed from it. */
static int shard_files(const char *index, const json_t *map, const char ***files, size_t *n,
                       sp_err *e)
{
    const char *tensor;
    json_t *v;
    *files = sp_xarray(json_object_size(map), sizeof **files);
    *n = 0;
    json_object_foreach((json_t *)map, tensor, v)
    {
        const char *f = json_string_value(v);
        if (!f || !plain_file_name(f))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": bad file name", index, tensor);
        (*files)[(*n)++] = f;
    }
    qsort(*files, *n, sizeof **files, by_string);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (!kept || strcmp((*files)[i], (*files)[kept - 1])) (*files)[kept++] = (*files)[i];
    *n = kept;
    return kept <= MAX_SHARDS ? 0
                              : sp_fail(e, SP_EINPUT, "%s: more than %d files", index, MAX_SHARDS);
}

static json_t *load_index(const char *path, sp_err *e)
{
    json_error_t je;
    struct stat st;
    if (stat(path, &st) < 0) return sp_fail(e, SP_EINPUT, "%s: %s", path, strerror(errno)), NULL;
    if (st.st_size > SP_MAX_HEADER) return sp_fail(e, SP_EINPUT, "%s: too large", path), NULL;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &je);
    if (!root) return sp_fail(e, SP_EINPUT, "%s: line %d: %s", path, je.line, je.text), NULL;
    if (!json_is_object(json_object_get(root, "weight_map"))) {
        json_decref(root);
        return sp_fail(e, SP_EINPUT, "%s: no weight_map", path), NULL;
    }
    return root;
}

/* Index and shards must tell the same story; by_name is ready. */
static int check_map(const sp_src *s, const json_t *map, sp_err *e)
{
    const char *tensor;
    json_t *v;
    json_object_foreach((json_t *)map, tensor, v)
    {
        int64_t i = sp_src_find(s, tensor);
        if (i < 0 || strcmp(sp_src_shard_name(s, s->t[i].shard), json_string_value(v)))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": in the index, but not in %s", s->name,
                           tensor, json_string_value(v));
    }
    for (size_t i = 0; i < s->n; i++)
        if (!json_object_get(map, s->t[i].name))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": in %s, but not in the index", s->name,
                           s->t[i].name, sp_src_shard_name(s, s->t[i].shard));
    return 0;
}

static int name_tensors(sp_src *s, sp_err *e);

static int open_sharded(sp_src *s, const char *index, sp_err *e)
{
    const char **files = NULL;
    size_t n = 0;
    json_t *root = load_index(index, e), *map = json_object_get(root, "weight_map");
    int rc = root ? shard_files(index, map, &files, &n, e) : -1;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        char *path = sp_xasprintf("%s/%s", s->name, files[i]);
        rc = add_part(s, path, true, e);
        free(path);
    }
    if (rc == 0) rc = name_tensors(s, e);
    if (rc == 0) rc = check_map(s, map, e);
    free(files);
    json_decref(root);
    return rc;
}

static int open_dir(sp_src *s, sp_err *e)
{
    struct stat st;
    char *one = sp_xasprintf("%s/model.safetensors", s->name),
         *index = sp_xasprintf("%s/model.safetensors.index.json", s->name);
    int rc;
    if (stat(one, &st) == 0) {
        rc = add_part(s, one, true, e);
        if (rc == 0) rc = name_tensors(s, e);
    } else if (stat(index, &st) == 0) rc = open_sharded(s, index, e);
    else
        rc = sp_fail(e, SP_EINPUT, "%s: no model.safetensors or model.safetensors.index.json in it",
                     s->name);
    free(one);
    free(index);
    return rc;
}

/* ---- names and fingerprint ------------------------------------------------------------ */

static int by_tensor_name(const void *a, const void *b, void *t)
{
    const sp_tinfo *ti = t;
    return strcmp(ti[*(const size_t *)a].name, ti[*(const size_t *)b].name);
}

static int name_tensors(sp_src *s, sp_err *e)
{
    s->by_name = sp_xarray(s->n, sizeof *s->by_name);
    for (size_t i = 0; i < s->n; i++) s->by_name[i] = i;
    qsort_r(s->by_name, s->n, sizeof *s->by_name, by_tensor_name, s->t);
    for (size_t i = 1; i < s->n; i++) {
        const sp_tinfo *a = &s->t[s->by_name[i - 1]], *b = &s->t[s->by_name[i]];
        if (!strcmp(a->name, b->name))
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": both in %s and in %s", s->name,
                           a->name, sp_src_shard_name(s, SP_MIN(a->shard, b->shard)),
                           sp_src_shard_name(s, SP_MAX(a->shard, b->shard)));
    }
    return 0;
}

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
        h = sp_hash(h, s->meta.key[i], strlen(s->meta.key[i]) + 1);
        h = sp_hash(h, s->meta.value[i], strlen(s->meta.value[i]) + 1);
    }
    return h;
}

sp_src *sp_src_open(const char *path, sp_err *e)
{
    struct stat st;
    bool dir = strcmp(path, "-") && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
    sp_src *s = sp_xcalloc(1, sizeof *s);
    s->name = sp_xstrdup(!strcmp(path, "-") ? "standard input" : path);
    for (size_t n = strlen(s->name); dir && n > 1 && s->name[n - 1] == '/'; n--) s->name[n - 1] = 0;
    int rc = dir ? open_dir(s, e) : add_part(s, path, false, e);
    if (rc == 0 && !dir) rc = name_tensors(s, e);
    if (rc < 0) {
        sp_src_close(s);
        return NULL;
    }
    s->digest = fingerprint(s);
    return s;
}

/* ---- queries -------------------------------------------------------------------------- */

const char *sp_src_name(const sp_src *s) { return s->name; }
size_t sp_src_count(const sp_src *s) { return s->n; }
const sp_tinfo *sp_src_info(const sp_src *s, size_t i) { return &s->t[i]; }
const sp_meta *sp_src_meta(const sp_src *s) { return &s->meta; }
bool sp_src_seekable(const sp_src *s) { return !s->in || s->reopen; }
bool sp_src_parallel(const sp_src *s) { return !s->in; }
int sp_src_nshards(const sp_src *s) { return s->n_parts; }
const char *sp_src_shard_name(const sp_src *s, int shard) { return s->parts[shard].file; }
uint64_t sp_src_digest(const sp_src *s) { return s->digest; }

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

/* ---- reading -------------------------------------------------------------------------- */

/* The error for going back on a pipe names where it stands. */
static int check_order(const sp_src *s, const sp_tinfo *t, uint64_t at, sp_err *e)
{
    if (!s->in || s->reopen || at >= s->pos) return 0;
    uint64_t pos = s->pos - s->parts[0].data;
    size_t i = 0;
    while (i + 1 < s->n && s->t[i].offset + s->t[i].nbytes <= pos) i++;
    return sp_fail(e, SP_EINPUT,
                   "%s: tensor \"%s\" expected, but the pipe has gone on to \"%s\": tensors must "
                   "come in the order "
                   "of the first input",
                   s->name, t->name, s->t[i].name);
}

int sp_src_read_part(sp_src *s, size_t i, uint64_t first, size_t n, void *buf, sp_err *e)
{
    const sp_tinfo *t = &s->t[i];
    size_t size = sp_dtype_size(t->dtype);
    uint64_t at = s->parts[t->shard].data + t->offset + first * size;
    if (n == 0) return 0;
    if (check_order(s, t, at, e) < 0) return -1;
    return fetch(s, &s->parts[t->shard], at, buf, n * size, e);
}

int sp_src_read(sp_src *s, size_t i, void *buf, sp_err *e)
{
    return sp_src_read_part(s, i, 0, s->t[i].numel, buf, e);
}

const void *sp_src_map(const sp_src *s, size_t i)
{
    const sp_tinfo *t = &s->t[i];
    const part *p = &s->parts[t->shard];
    const uint8_t *base = p->f ? sp_file_map(p->f) : NULL;
    if (!base || t->nbytes == 0) return NULL;
    base += p->data + t->offset;
    return (uintptr_t)base % sp_dtype_size(t->dtype) ? NULL : base;
}

int sp_src_read_f32_part(sp_src *s, size_t i, uint64_t first, size_t n, float *buf, sp_err *e)
{
    const sp_tinfo *t = &s->t[i];
    size_t size = sp_dtype_size(t->dtype), step = CHUNK / size;
    if (t->dtype == SP_F32) return sp_src_read_part(s, i, first, n, buf, e);
    if (!sp_dtype_is_float(t->dtype) && t->dtype != SP_BOOL)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected floating point",
                       s->name, t->name, sp_dtype_name(t->dtype));
    const uint8_t *map = sp_src_map(s, i);
    if (map) return sp_to_f32(buf, map + first * size, t->dtype, n), 0;
    void *tmp = sp_xmalloc(SP_MIN(n, step) * size);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < n; at += step) {
        size_t take = SP_MIN(step, n - at);
        rc = sp_src_read_part(s, i, first + at, take, tmp, e);
        if (rc == 0) sp_to_f32(buf + at, tmp, t->dtype, take);
    }
    free(tmp);
    return rc;
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
    while (got < n || !*x) {
        /* a pipe's header may claim any size */
        uint64_t room = s->in ? SP_MIN(n, SP_MAX(2 * got, (uint64_t)16 << 20)) : n;
        if (room > *cap || !*x) {
            if (got) *x = sp_xrealloc(*x, room * sizeof **x);
            else free(*x), *x = sp_xfloats(room);
            *cap = room;
        }
        room = SP_MIN(n, *cap);
        if (sp_src_read_f32_part(s, i, got, room - got, *x + got, e) < 0) return -1;
        got = room;
    }
    return 0;
}

int sp_src_end(sp_src *s, sp_err *e)
{
    for (int i = 0; i < s->n_parts; i++) /* sizes were checked when they were opened */
        if (s->parts[i].f && sp_file_verify(s->parts[i].f, e) < 0) return -1;
    if (!s->in) return 0;
    if (seek_to(s, SP_MAX(s->pos, s->parts[0].data + s->parts[0].size), e) < 0) return -1;
    return sp_in_end(s->in, e);
}

void sp_src_close(sp_src *s)
{
    if (!s) return;
    for (int i = 0; i < s->n_parts; i++) {
        sp_file_close(s->parts[i].f);
        free(s->parts[i].path);
        free(s->parts[i].file);
    }
    free(s->parts);
    sp_in_close(s->in);
    sp_tinfos_free(s->t, s->n);
    free(s->by_name);
    sp_meta_free(&s->meta);
    free(s->name);
    free(s);
}
