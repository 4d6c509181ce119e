/* hf_dir.c - see hf_dir.h.
 *
 * The new directory gets its files in this order:
 *
 *     out.tmp-4711/                     made empty, listed for removal
 *         config.json, tokenizer ...    copied from the base (copy_others)
 *         model.safetensors.index.json  written, where there is one (write_index)
 *         model-00001-of-00002 ...      written by dst.c, one after the other
 *     out/                              the same directory, renamed
 *
 * These faults are found before the directory is made: a tensor that the base does not have, a
 * wrong order of files, a disk that is too small, a name that is taken. Later faults remove it.
 */
#include "tensor/hf_dir.h"

#include "base/capacity.h"
#include "base/cleanup.h"
#include "base/memory.h"
#include "io/foreign.h"
#include "io/input.h"
#include "io/out.h"
#include "io/read_file.h"
#include "tensor/hf_index.h"
#include "tensor/src.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

struct sp_hf_dir {
    char *dir, *tmp; /* the final name and the temporary one */
    char **file;     /* (n_files) names of the files of weights */
    int n_files;
};

/* ---- files ---------------------------------------------------------------------------- */

/* Copy the file `from` to the new file `to`. 0 or -1 (the code of sp_open_code where `from` cannot
 * be opened, else SP_ESYSTEM); then `to` is not there. The buffer is static: one thread at a
 * time. */
static int copy_file(const char *from, const char *to, sp_err *e)
{
    static uint8_t buf[1 << 16];
    FILE *in = fopen(from, "rb");
    if (!in) return sp_fail_open(e, from, errno);
    sp_out *out = sp_out_open(to, 0, e);
    int rc = out ? 0 : -1;
    size_t n;
    while (rc == 0 && (n = fread(buf, 1, sizeof buf, in)) > 0) rc = sp_out_write(out, buf, n, e);
    if (rc == 0 && ferror(in)) rc = sp_fail(e, SP_ESYSTEM, "%s: %s", from, strerror(errno));
    fclose(in);
    if (rc < 0) return sp_out_abort(out), -1;
    return sp_out_finish(out, e);
}

/* Write root to the new file `path`, indented, with a newline at the end. flags are added to those
 * of json_dumps. 0 or -1 (SP_ESYSTEM). root stays the caller's. */
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

/* Is `file` one that must not be copied, by the end of its name? Weights in any format would
 * contradict the new ones; the index is written anew. Upper and lower case count alike. */
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

/* ---- configuration -------------------------------------------------------------------- */

/* The name that PyTorch gives the one dtype of all tensors; NULL where they differ, or where none
 * has another dtype than in the base. */
static const char *new_torch_dtype(const sp_tinfo *t, size_t n, const sp_src *base)
{
    static const char *const names[SP_NDTYPES] = {
        [SP_F16] = "float16", [SP_BF16] = "bfloat16", [SP_F32] = "float32", [SP_F64] = "float64"};
    bool changed = !base;
    for (size_t i = 0; i < n; i++) {
        int64_t j = base ? sp_src_find(base, t[i].name) : -1;
        if (t[i].dtype != t[0].dtype) return NULL;
        changed |= j < 0 || sp_src_info(base, (size_t)j)->dtype != t[i].dtype;
    }
    return changed && n ? names[t[0].dtype] : NULL;
}

/* Copy config.json with `dtype` in it, or as it is where dtype is NULL. The key is "dtype" where
 * config.json has that, else the older "torch_dtype". All other keys keep their values; indentation
 * is that of write_json. 0 or -1. */
static int copy_config(const char *from, const char *to, const char *dtype, sp_err *e)
{
    json_t *root;
    if (!dtype) return copy_file(from, to, e);
    if (sp_read_json(from, 0, &root, e) < 0) return -1;
    if (!json_is_object(root)) {
        json_decref(root);
        return sp_fail(e, SP_EINPUT, "%s: not an object", from);
    }
    json_object_set_new(root, json_object_get(root, "dtype") ? "dtype" : "torch_dtype",
                        json_string(dtype));
    int rc = write_json(to, root, 0, e);
    json_decref(root);
    return rc;
}

/* Copy one entry of base_dir into the temporary directory, if it is a regular file or a symbolic
 * link to one. Anything else is skipped without an error. dtype is for config.json. 0 or -1. */
static int copy_one(const sp_hf_dir *d, const char *base_dir, const char *file, const char *dtype,
                    sp_err *e)
{
    struct stat st;
    char *from = sp_xasprintf("%s/%s", base_dir, file), *to = sp_xasprintf("%s/%s", d->tmp, file);
    int rc = stat(from, &st) == 0 ? 0 : sp_fail_open(e, from, errno);
    if (rc == 0 && S_ISREG(st.st_mode)) {
        bool config = !strcmp(file, "config.json");
        rc = config ? copy_config(from, to, dtype, e) : copy_file(from, to, e);
    }
    free(from);
    free(to);
    return rc;
}

/* Copy everything in base_dir that is a visible regular file and no weights. Subdirectories are
 * left out. 0 or -1. */
static int copy_others(const sp_hf_dir *d, const char *base_dir, const char *dtype, sp_err *e)
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

/* ---- files of weights ----------------------------------------------------------------- */

/* Put each tensor into the file that it has in the base: sets t[i].shard, and the list of file
 * names in d. Files are written one after the other, so that tensors must come in the base's order
 * of files. 0 or -1 (SP_EINPUT). */
static int assign_files(sp_hf_dir *d, sp_tinfo *t, size_t n, const sp_src *base, sp_err *e)
{
    d->n_files = base ? sp_src_nshards(base) : 1;
    d->file = sp_xarray((size_t)d->n_files, sizeof *d->file);
    for (int i = 0; i < d->n_files; i++)
        d->file[i] = sp_xstrdup(base ? sp_src_shard_name(base, i) : SP_HF_WEIGHTS);
    for (size_t i = 0; base && i < n; i++) {
        int64_t j = sp_src_find(base, t[i].name);
        if (j < 0)
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": not in the base", sp_src_name(base),
                           t[i].name);
        t[i].shard = sp_src_info(base, (size_t)j)->shard;
        if (i > 0 && t[i].shard < t[i - 1].shard)
            return sp_fail(e, SP_EINPUT,
                           "%s: tensor \"%s\": comes in another order than the base has",
                           sp_src_name(base), t[i].name);
    }
    return 0;
}

/* Write the index of t[0..n), whose shards and sizes are set. One file that needs no index has
 * none: a single one with the standard name. A single file with another name is found by its index.
 * 0 or -1. */
static int write_index(const sp_hf_dir *d, const sp_tinfo *t, size_t n, sp_err *e)
{
    if (d->n_files == 1 && !strcmp(d->file[0], SP_HF_WEIGHTS)) return 0;
    json_t *map = json_object();
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(map, t[i].name, json_string(d->file[t[i].shard]));
        total += t[i].nbytes;
    }
    json_t *root =
        json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)total, "weight_map", map);
    char *path = sp_xasprintf("%s/" SP_HF_INDEX, d->tmp);
    int rc = write_json(path, root, JSON_SORT_KEYS, e);
    json_decref(root);
    free(path);
    return rc;
}

/* Set numel and nbytes of each tensor, and check that all fit on the disk of `dir` together:
 * weights are written uncompressed. The space may still run out later, as others write to the disk
 * as well. 0 or -1. */
static int check_sizes(sp_tinfo *t, size_t n, const char *dir, sp_err *e)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        if (!sp_tinfo_size(&t[i]))
            return sp_fail(e, SP_EINPUT, "tensor \"%s\": its size overflows", t[i].name);
        total += t[i].nbytes;
    }
    return sp_capacity_check_disk(dir, "weights", total, e);
}

/* ---- the directory -------------------------------------------------------------------- */

/* Does `dir` hold safetensors weights that a source can be opened on? A base without them (just a
 * configuration and a tokenizer) is allowed. */
static bool has_weights(const char *dir)
{
    static const char *const names[] = {SP_HF_WEIGHTS, SP_HF_INDEX};
    struct stat st;
    bool found = false;
    for (int i = 0; i < 2; i++) {
        char *p = sp_xasprintf("%s/%s", dir, names[i]);
        found |= lstat(p, &st) == 0; /* a link to nothing is refused by who opens it */
        free(p);
    }
    return found;
}

/* Make the temporary directory and set both names in d. Refuse to touch what is there; an empty
 * directory may be, for rename(2) replaces that. The temporary name stands beside the final one, so
 * that both are on one file system. It is listed for removal before it comes into being, so that no
 * signal can come between. 0 or -1. */
static int make_dir(sp_hf_dir *d, const char *dir, sp_err *e)
{
    d->dir = sp_xstrdup(dir);
    /* without slashes at the end: the temporary name is made by appending to it */
    for (size_t n = strlen(d->dir); n > 1 && d->dir[n - 1] == '/'; n--) d->dir[n - 1] = 0;
    struct stat st;
    if (stat(d->dir, &st) == 0 && !S_ISDIR(st.st_mode))
        return sp_fail(e, SP_EINPUT, "%s: exists and is not a directory", d->dir);
    DIR *dp = opendir(d->dir);
    int entries = 0;
    while (dp && readdir(dp)) entries++;
    if (dp) closedir(dp);
    if (entries > 2) /* . and .. are always there */
        return sp_fail(e, SP_EINPUT, "%s: exists and is not empty", d->dir);
    d->tmp = sp_xasprintf("%s.tmp-%ld", d->dir, (long)getpid());
    sp_cleanup_add(d->tmp);
    return mkdir(d->tmp, 0777) < 0 ? sp_fail(e, SP_ESYSTEM, "%s: %s", d->tmp, strerror(errno)) : 0;
}

sp_hf_dir *sp_hf_dir_open(const char *dir, const char *base_dir, sp_tinfo *t, size_t n, sp_err *e)
{
    sp_src *base = NULL;
    if (has_weights(base_dir) && !(base = sp_src_open(base_dir, e))) return NULL;
    sp_hf_dir *d = sp_xcalloc(1, sizeof *d);
    int rc = assign_files(d, t, n, base, e);
    if (rc == 0) rc = check_sizes(t, n, dir, e);
    if (rc == 0) rc = make_dir(d, dir, e);
    if (rc == 0) rc = copy_others(d, base_dir, new_torch_dtype(t, n, base), e);
    if (rc == 0) rc = write_index(d, t, n, e);
    sp_src_close(base);
    if (rc == 0) return d;
    sp_hf_dir_abort(d);
    return NULL;
}

char *sp_hf_dir_path(const sp_hf_dir *d, int shard)
{
    return sp_xasprintf("%s/%s", d->tmp, d->file[shard]);
}

/* Free d; what is on the disk stays. */
static void free_dir(sp_hf_dir *d)
{
    for (int i = 0; i < d->n_files; i++) free(d->file[i]);
    free(d->file);
    free(d->dir);
    free(d->tmp);
    free(d);
}

int sp_hf_dir_finish(sp_hf_dir *d, sp_err *e)
{
    if (rename(d->tmp, d->dir) < 0) {
        sp_fail(e, SP_ESYSTEM, "%s: %s", d->dir, strerror(errno));
        sp_hf_dir_abort(d);
        return -1;
    }
    sp_cleanup_drop(d->tmp);
    free_dir(d);
    return 0;
}

void sp_hf_dir_abort(sp_hf_dir *d)
{
    if (!d) return;
    if (d->tmp) sp_cleanup_remove(d->tmp);
    free_dir(d);
}
