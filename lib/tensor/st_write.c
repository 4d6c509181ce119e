/* st_write.c - the writer of st.h: one stream, or a Hugging Face directory of shards.
 *
 * A directory is made under a temporary name beside the final one; its shards are written one after
 * the other, since tensors come in the order of the base; the rename at the end shows it whole or
 * not at all.
 */
#include "tensor/st.h"

#include "base/capacity.h"
#include "base/cleanup.h"
#include "io/input.h"
#include "io/out.h"
#include "tensor/st_header.h"
#include "tensor/vec.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1u << 20) /* elements converted at a time */

struct sp_dst {
    sp_out *out; /* the file being written */
    sp_tinfo *t; /* what goes in, in order; names are our own */
    size_t n, cur;
    uint64_t done; /* bytes of t[cur] already written */
    sp_meta meta;
    char *dir, *tmp; /* directories only */
    char **files;    /* names of the shards */
    int n_files;
};

static void free_dst(sp_dst *d)
{
    sp_tinfos_free(d->t, d->n);
    sp_meta_free(&d->meta);
    for (int i = 0; i < d->n_files; i++) free(d->files[i]);
    free(d->files);
    free(d->dir);
    free(d->tmp);
    free(d);
}

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
        sp_meta_set(&d->meta, meta->key[i], meta->value[i]);
    return d;
}

/* Open `path` and write the header of the tensors t[0..n). */
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

sp_dst *sp_dst_open(const char *path, const sp_tinfo *tensors, size_t n, const sp_meta *meta,
                    int level, sp_err *e)
{
    sp_dst *d = new_dst(tensors, n, meta);
    if (begin_file(d, path, d->t, n, level, e) == 0) return d;
    sp_dst_abort(d);
    return NULL;
}

const sp_tinfo *sp_dst_info(const sp_dst *d, size_t i) { return &d->t[i]; }

/* ---- tensors -------------------------------------------------------------------------- */

static int end_file(sp_dst *d, sp_err *e)
{
    sp_out *o = d->out;
    d->out = NULL;
    return o ? sp_out_finish(o, e) : 0;
}

/* Tensors of one shard lie side by side (checked when the directory was opened). */
static int begin_shard(sp_dst *d, sp_err *e)
{
    size_t end = d->cur;
    int shard = d->t[d->cur].shard;
    while (end < d->n && d->t[end].shard == shard) end++;
    char *path = sp_xasprintf("%s/%s", d->tmp, d->files[shard]);
    int rc = begin_file(d, path, d->t + d->cur, end - d->cur, 0, e);
    free(path);
    return rc;
}

static int next_tensor(sp_dst *d, sp_err *e)
{
    d->cur++;
    d->done = 0;
    bool boundary = d->dir && d->cur < d->n && d->t[d->cur].shard != d->t[d->cur - 1].shard;
    return !boundary ? 0 : end_file(d, e) < 0 ? -1 : begin_shard(d, e);
}

int sp_dst_write(sp_dst *d, const void *buf, size_t nbytes, sp_err *e)
{
    /* empty tensors need no call of their own */
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
    void *tmp = sp_xmalloc(SP_MIN(n, (size_t)CHUNK) * size);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < n; at += CHUNK) {
        size_t take = SP_MIN(n - at, (size_t)CHUNK);
        sp_from_f32(tmp, x + at, dtype, take);
        rc = sp_dst_write(d, tmp, take * size, e);
    }
    free(tmp);
    return rc;
}

/* ---- the end -------------------------------------------------------------------------- */

static int publish_dir(sp_dst *d, sp_err *e)
{
    if (rename(d->tmp, d->dir) < 0)
        return sp_fail(e, SP_ESYSTEM, "%s: %s", d->dir, strerror(errno));
    sp_cleanup_drop(d->tmp);
    return 0;
}

int sp_dst_finish(sp_dst *d, sp_err *e)
{
    int rc = 0;
    while (rc == 0 && d->cur < d->n && d->t[d->cur].nbytes == 0) rc = next_tensor(d, e);
    if (rc == 0 && d->cur < d->n)
        rc = sp_fail(e, SP_ESYSTEM, "tensor \"%s\" was not written", d->t[d->cur].name);
    if (rc == 0) rc = end_file(d, e);
    if (rc == 0 && d->dir) rc = publish_dir(d, e);
    if (rc < 0) sp_dst_abort(d);
    else free_dst(d);
    return rc;
}

void sp_dst_abort(sp_dst *d)
{
    if (!d) return;
    sp_out_abort(d->out);
    if (d->tmp) sp_cleanup_remove(d->tmp);
    free_dst(d);
}

/* ---- directories ---------------------------------------------------------------------- */

/* Weights in any format would contradict the new ones; the index is written anew. */
static bool is_weights(const char *file)
{
    static const char *const ends[] = {".safetensors", ".index.json", ".bin",   ".pt",
                                       ".pth",         ".ckpt",       ".h5",    ".msgpack",
                                       ".gguf",        ".onnx",       ".st.zst"};
    size_t n = strlen(file);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t m = strlen(ends[i]);
        if (n >= m && !strcasecmp(file + n - m, ends[i])) return true;
    }
    return false;
}

static int copy_file(const char *from, const char *to, sp_err *e)
{
    static uint8_t buf[1 << 16];
    FILE *in = fopen(from, "rb");
    if (!in) return sp_fail(e, sp_open_code(errno), "%s: %s", from, strerror(errno));
    sp_out *out = sp_out_open(to, 0, e);
    int rc = out ? 0 : -1;
    size_t n;
    while (rc == 0 && (n = fread(buf, 1, sizeof buf, in)) > 0) rc = sp_out_write(out, buf, n, e);
    if (rc == 0 && ferror(in)) rc = sp_fail(e, SP_ESYSTEM, "%s: %s", from, strerror(errno));
    fclose(in);
    if (rc < 0) return sp_out_abort(out), -1;
    return sp_out_finish(out, e);
}

static int write_json(const char *path, const json_t *root, size_t flags, sp_err *e)
{
    char *text = json_dumps(root, JSON_INDENT(2) | flags);
    sp_out *out = text ? sp_out_open(path, 0, e) : NULL;
    int rc = out ? 0 : sp_fail(e, SP_ESYSTEM, "%s: cannot be written", path);
    if (rc == 0) rc = sp_out_write(out, text, strlen(text), e);
    if (rc == 0) rc = sp_out_write(out, "\n", 1, e);
    free(text);
    if (rc < 0) return sp_out_abort(out), -1;
    return sp_out_finish(out, e);
}

/* The name PyTorch gives the one dtype of all tensors, NULL when they differ or nothing changed
 * against the base. */
static const char *new_torch_dtype(const sp_dst *d, const sp_src *base)
{
    static const char *const names[SP_NDTYPES] = {
        [SP_F16] = "float16", [SP_BF16] = "bfloat16", [SP_F32] = "float32", [SP_F64] = "float64"};
    bool changed = !base;
    for (size_t i = 0; i < d->n; i++) {
        int64_t j = base ? sp_src_find(base, d->t[i].name) : -1;
        if (d->t[i].dtype != d->t[0].dtype) return NULL;
        changed |= j < 0 || sp_src_info(base, (size_t)j)->dtype != d->t[i].dtype;
    }
    return changed && d->n ? names[d->t[0].dtype] : NULL;
}

static int copy_config(const char *from, const char *to, const char *dtype, sp_err *e)
{
    json_error_t je;
    json_t *root = dtype ? json_load_file(from, 0, &je) : NULL;
    if (!dtype) return copy_file(from, to, e);
    if (!json_is_object(root)) {
        json_decref(root);
        return sp_fail(e, SP_EINPUT, "%s: line %d: %s", from, je.line,
                       root ? "not an object" : je.text);
    }
    json_object_set_new(root, json_object_get(root, "dtype") ? "dtype" : "torch_dtype",
                        json_string(dtype));
    int rc = write_json(to, root, 0, e);
    json_decref(root);
    return rc;
}

static int copy_one(const sp_dst *d, const char *base_dir, const char *file, const char *dtype,
                    sp_err *e)
{
    struct stat st;
    char *from = sp_xasprintf("%s/%s", base_dir, file), *to = sp_xasprintf("%s/%s", d->tmp, file);
    int rc = 0;
    if (stat(from, &st) == 0 && S_ISREG(st.st_mode))
        rc =
            !strcmp(file, "config.json") ? copy_config(from, to, dtype, e) : copy_file(from, to, e);
    free(from);
    free(to);
    return rc;
}

static int copy_others(const sp_dst *d, const char *base_dir, const char *dtype, sp_err *e)
{
    DIR *dp = opendir(base_dir);
    if (!dp) return sp_fail(e, sp_open_code(errno), "%s: %s", base_dir, strerror(errno));
    int rc = 0;
    struct dirent *ent;
    while (rc == 0 && (ent = readdir(dp)))
        if (ent->d_name[0] != '.' && !is_weights(ent->d_name))
            rc = copy_one(d, base_dir, ent->d_name, dtype, e);
    closedir(dp);
    return rc;
}

/* Where each tensor goes, as in the base, whose order the tensors must follow; without base weights
 * all go to one file. */
static int assign_shards(sp_dst *d, const sp_src *base, sp_err *e)
{
    d->n_files = base ? sp_src_nshards(base) : 1;
    d->files = sp_xarray((size_t)d->n_files, sizeof *d->files);
    for (int i = 0; i < d->n_files; i++)
        d->files[i] = sp_xstrdup(base ? sp_src_shard_name(base, i) : "model.safetensors");
    for (size_t i = 0; base && i < d->n; i++) {
        int64_t j = sp_src_find(base, d->t[i].name);
        if (j < 0)
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": not in the base", sp_src_name(base),
                           d->t[i].name);
        d->t[i].shard = sp_src_info(base, (size_t)j)->shard;
        if (i > 0 && d->t[i].shard < d->t[i - 1].shard)
            return sp_fail(e, SP_EINPUT,
                           "%s: tensor \"%s\": comes in another order than the base has",
                           sp_src_name(base), d->t[i].name);
    }
    return 0;
}

static int write_index(const sp_dst *d, sp_err *e)
{
    if (d->n_files == 1 && !strcmp(d->files[0], "model.safetensors")) return 0;
    json_t *map = json_object();
    uint64_t total = 0;
    for (size_t i = 0; i < d->n; i++) {
        json_object_set_new(map, d->t[i].name, json_string(d->files[d->t[i].shard]));
        total += d->t[i].numel * sp_dtype_size(d->t[i].dtype);
    }
    json_t *root =
        json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)total, "weight_map", map);
    char *path = sp_xasprintf("%s/model.safetensors.index.json", d->tmp);
    int rc = write_json(path, root, JSON_SORT_KEYS, e);
    json_decref(root);
    free(path);
    return rc;
}

static bool has_weights(const char *dir)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    struct stat st;
    bool found = false;
    for (int i = 0; i < 2; i++) {
        char *p = sp_xasprintf("%s/%s", dir, names[i]);
        found |= stat(p, &st) == 0;
        free(p);
    }
    return found;
}

/* Refuse to touch what is there, and register the temporary name before it comes into being. */
static int make_dir(sp_dst *d, const char *dir, sp_err *e)
{
    d->dir = sp_xstrdup(dir);
    for (size_t n = strlen(d->dir); n > 1 && d->dir[n - 1] == '/'; n--) d->dir[n - 1] = 0;
    struct stat st;
    if (stat(d->dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return sp_fail(e, SP_EINPUT, "%s: exists and is not a directory", d->dir);
    DIR *dp = opendir(d->dir);
    int entries = 0;
    while (dp && readdir(dp)) entries++;
    if (dp) closedir(dp);
    /* . and .. are always there */
    if (entries > 2) return sp_fail(e, SP_EINPUT, "%s: exists and is not empty", d->dir);
    d->tmp = sp_xasprintf("%s.tmp-%ld", d->dir, (long)getpid());
    sp_cleanup_add(d->tmp);
    return mkdir(d->tmp, 0777) < 0 ? sp_fail(e, SP_ESYSTEM, "%s: %s", d->tmp, strerror(errno)) : 0;
}

/* The weights are written as they are: they must fit on the disk. */
static int check_sizes(sp_dst *d, const char *dir, sp_err *e)
{
    uint64_t total = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (!sp_tinfo_size(&d->t[i]))
            return sp_fail(e, SP_EINPUT, "tensor \"%s\": its size overflows", d->t[i].name);
        total += d->t[i].nbytes;
    }
    return sp_capacity_check_disk(dir, "weights", total, e);
}

sp_dst *sp_dst_open_dir(const char *dir, const char *base_dir, const sp_tinfo *tensors, size_t n,
                        const sp_meta *meta, sp_err *e)
{
    sp_src *base = has_weights(base_dir) ? sp_src_open(base_dir, e) : NULL;
    if (!base && e->code) return NULL;
    sp_dst *d = new_dst(tensors, n, meta);
    /* Transformers insists on it */
    if (!sp_meta_get(&d->meta, "format")) sp_meta_set(&d->meta, "format", "pt");
    int rc = assign_shards(d, base, e);
    if (rc == 0) rc = check_sizes(d, dir, e);
    if (rc == 0) rc = make_dir(d, dir, e);
    if (rc == 0) rc = copy_others(d, base_dir, new_torch_dtype(d, base), e);
    if (rc == 0) rc = write_index(d, e);
    if (rc == 0 && n) rc = begin_shard(d, e);
    sp_src_close(base);
    if (rc == 0) return d;
    sp_dst_abort(d);
    return NULL;
}
