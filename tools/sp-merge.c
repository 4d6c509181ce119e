/* sp-merge.c - BASE plus patches, each with a mask and a scale: theta0 + sum_k scale_k * (mask_k * patch_k), eq. 8 of the paper, and the
 * ways other papers combine patches (merge.h).
 *
 * BASE gives the order. Tensors that no patch has go through bit for bit, and so does every element whose change is zero.
 */
#include "merge.h"
#include "opt.h"
#include "stream.h"
#include "vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_PATCHES 32

static struct patch {
    const char *path, *mask_path;
    double scale;
    sp_src *src, *mask;
    int64_t index;     /* of the tensor at hand, -1 = the patch does not have it */
    size_t mask_index;
    char *x;           /* a chunk of it as stored, and of its mask */
    uint8_t *keep;
} patches[MAX_PATCHES];

static sp_merge_opt merge = {.density = 0.2, .drop = 0.5};
static int out_dtype = -1;
static bool allow_nonfinite;

/* ---- tensors ------------------------------------------------------------------------------------------------------ */

/* Find the tensor in the patches. How many have it. */
static int find_patches(const sp_tinfo *t)
{
    int found = 0;
    for (struct patch *p = patches; p < patches + merge.n_patches; p++) {
        p->index = sp_src_find(p->src, t->name);
        if (p->index < 0) continue;
        if (p->mask) p->mask_index = sp_need_tensor(p->mask, t);
        found++;
    }
    return found;
}

static struct {
    char *base, *out;
    float *work;
    size_t n;
} chunk;

/* Room for chunks of n elements. */
static void reserve(size_t n)
{
    if (n <= chunk.n) return;
    chunk.n = n;
    chunk.base = sp_xrealloc(chunk.base, n * sizeof(double));
    chunk.out = sp_xrealloc(chunk.out, n * sizeof(double));
    chunk.work = sp_xrealloc(chunk.work, n * sizeof(float));
    for (struct patch *p = patches; p < patches + merge.n_patches; p++) {
        p->x = sp_xrealloc(p->x, n * sizeof(double));
        p->keep = sp_xrealloc(p->keep, n);
    }
}

static void release(void)
{
    free(chunk.base);
    free(chunk.out);
    free(chunk.work);
    for (struct patch *p = patches; p < patches + merge.n_patches; p++) {
        free(p->x);
        free(p->keep);
    }
}

/* Read elements [at, at + n) of every patch that has tensor t, and settle which of them count. Returns how many patches. */
static int load_patches(sp_delta *d, const sp_tinfo *t, uint64_t at, size_t n)
{
    int found = 0;
    for (struct patch *p = patches; p < patches + merge.n_patches; p++) {
        if (p->index < 0) continue;
        sp_need_part(p->src, (size_t)p->index, at, n, p->x);
        if (p->mask) sp_need_part(p->mask, p->mask_index, at, n, p->keep);
        else memset(p->keep, 1, n);
        d[found] = (sp_delta){(int)(p - patches), p->scale, sp_src_info(p->src, (size_t)p->index)->dtype, p->x, p->keep, chunk.work};
        sp_merge_thin(&merge, &d[found++], t, at, n);
    }
    return found;
}

static void refuse(const sp_src *base, const sp_tinfo *t, sp_dtype od, const sp_delta *d, int bad)
{
    if (bad > 0) sp_die_nonfinite(patches[d[bad - 1].number].src, (size_t)patches[d[bad - 1].number].index);
    sp_die(SP_EINPUT, "%s: tensor \"%s\": NaN or Inf in it, or in the result as %s (--allow-nonfinite lets it pass)", sp_src_name(base),
           t->name, sp_dtype_name(od));
}

static void merge_tensor(sp_src *base, size_t i, sp_dst *dst, sp_dtype od)
{
    const sp_tinfo *t = sp_src_info(base, i);
    sp_delta d[MAX_PATCHES];
    bool patched = find_patches(t) > 0, number = t->dtype >= SP_F16, as_is = !patched && od == t->dtype;
    size_t step = SP_MIN(patched && sp_merge_whole(&merge) ? t->numel : SP_STEP, t->numel);
    if (patched) sp_need_float(base, i);
    reserve(step);
    for (uint64_t at = 0; at < t->numel; at += step) {
        size_t n = SP_MIN(t->numel - at, (uint64_t)step);
        sp_need_part(base, i, at, n, chunk.base);
        int found = patched ? load_patches(d, t, at, n) : 0;
        int bad = number ? sp_merge_chunk(&merge, d, found, chunk.base, t->dtype, chunk.out, od, n) : 0;
        if (bad && !allow_nonfinite) refuse(base, t, od, d, bad);
        sp_need_write(dst, as_is ? chunk.base : chunk.out, n * sp_dtype_size(od));
    }
}

/* ---- streams ------------------------------------------------------------------------------------------------------ */

/* A patch must fit into BASE, its mask must cover it. Lists all inputs in `in`, returns how many. */
static size_t open_patches(sp_src *base, sp_src **in)
{
    size_t n_in = 0;
    in[n_in++] = base;
    for (struct patch *p = patches; p < patches + merge.n_patches; p++) {
        in[n_in++] = p->src = sp_need_src(p->path);
        sp_need_tensors(base, p->src);
        for (size_t i = 0; i < sp_src_count(p->src); i++) sp_need_float(p->src, i);
        if (!p->mask_path) continue;
        in[n_in++] = p->mask = sp_need_src(p->mask_path);
        sp_need_tensors(p->mask, p->src);
        for (size_t i = 0; i < sp_src_count(p->mask); i++) sp_need_bool(p->mask, i);
    }
    return n_in;
}

static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* -o OUT/ (or an existing directory) makes a checkpoint directory, which needs one to copy from. */
static sp_dst *open_output(const char *base_path, const sp_tinfo *t, size_t n, const sp_meta *meta)
{
    sp_err e = {0};
    const char *out = sp_args.out;
    bool to_dir = out && *out && (out[strlen(out) - 1] == '/' || is_dir(out));
    if (to_dir && !is_dir(base_path)) sp_die(SP_EUSAGE, "-o %s: a directory needs BASE to be one, to copy its other files from", out);
    sp_dst *d = to_dir ? sp_dst_open_dir(out, base_path, t, n, meta, &e) : sp_dst_open(out, t, n, meta, (int)sp_args.level, &e);
    if (!d) sp_die_err(&e);
    return d;
}

/* Names, shapes and metadata of BASE; dtypes into t. */
static sp_dst *begin_output(const char *base_path, sp_src *base, sp_tinfo *t, sp_src **in, size_t n_in)
{
    const sp_meta *own = sp_src_meta(base);
    sp_meta meta = {0};
    for (size_t i = 0; i < own->n; i++)
        if (strncmp(own->key[i], "sp.pg.", 6)) sp_meta_set(&meta, own->key[i], own->value[i]);
    sp_pg_append(&meta, in, n_in);
    for (size_t i = 0; i < sp_src_count(base); i++) {
        t[i] = *sp_src_info(base, i);
        if (out_dtype >= 0 && t[i].dtype >= SP_F16) t[i].dtype = (sp_dtype)out_dtype;
    }
    sp_dst *d = open_output(base_path, t, sp_src_count(base), &meta);
    sp_meta_free(&meta);
    return d;
}

static int run(int argc, char **argv)
{
    (void)argc;
    sp_src *base = sp_need_src(argv[0]), *in[1 + 2 * MAX_PATCHES];
    size_t n = sp_src_count(base), n_in = open_patches(base, in);
    sp_tinfo *t = sp_xarray(n, sizeof *t);
    merge.seed = (uint64_t)sp_args.seed;
    sp_dst *dst = begin_output(argv[0], base, t, in, n_in);
    sp_progress bar;
    sp_progress_start(&bar, "merging", "tensors", (double)n);
    for (size_t i = 0; i < n; i++) {
        merge_tensor(base, i, dst, t[i].dtype);
        sp_progress_at(&bar, (double)(i + 1));
    }
    sp_progress_end(&bar);
    sp_close_streams(dst, in, n_in);
    release();
    free(t);
    return SP_OK;
}

/* ---- command line ------------------------------------------------------------------------------------------------- */

static int set_scale(struct patch *p, const char *value, sp_err *e)
{
    char *end;
    p->scale = strtod(value, &end);
    return end == value || *end || !isfinite(p->scale) ? sp_fail(e, SP_EUSAGE, "'%s' is not a number", value) : 0;
}

/* --add opens a patch, --mask and --scale belong to the one before them. */
static int on_patch(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self;
    if (!strcmp(name, "add")) {
        if (merge.n_patches == MAX_PATCHES) return sp_fail(e, SP_EUSAGE, "more than %d patches", MAX_PATCHES);
        patches[merge.n_patches++] = (struct patch){.path = value, .scale = 1};
        return 0;
    }
    if (!merge.n_patches) return sp_fail(e, SP_EUSAGE, "it must follow the --add it belongs to");
    struct patch *p = &patches[merge.n_patches - 1];
    if (!strcmp(name, "scale")) return set_scale(p, value, e);
    if (p->mask_path) return sp_fail(e, SP_EUSAGE, "--add %s has a mask already", p->path);
    p->mask_path = value;
    return 0;
}

int main(int argc, char **argv)
{
    static sp_opt_call on = {on_patch, NULL}, on_dtype = {sp_set_float_dtype, &out_dtype};
    static const sp_opt opts[] = {
        {"add", 'a', SP_CALL, &on, "PATCH", "add this patch (may be given several times)", 0, 0},
        {"mask", 'm', SP_CALL, &on, "MASK", "only where MASK is set; belongs to the --add before it", 0, 0},
        {"scale", 's', SP_CALL, &on, "X", "times X; belongs to the --add before it (default: 1)", 0, 0},
        {"method", 0, SP_CHOICE, &merge.method, SP_MERGE_METHODS, "how patches combine (default: sum)", 0, 0},
        {"density", 0, SP_REAL, &merge.density, "R", "ties: fraction of each patch tensor that is kept, the largest (default: 0.2)", 0, 1},
        {"drop", 0, SP_REAL, &merge.drop, "R", "dare: probability that an entry is dropped (default: 0.5)", 0, 0.999999},
        {"dtype", 0, SP_CALL, &on_dtype, "F64|F32|BF16|F16", "dtype of the output (default: that of each tensor of BASE)", 0, 0},
        {"allow-nonfinite", 0, SP_FLAG, &allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0},
        {0}};
    static const sp_cmd cmds[] = {{NULL, "BASE [--add PATCH [--mask MASK] [--scale X]]...",
                                   "Write BASE with the patches added, in the order of BASE. -o OUT/ makes a checkpoint directory with the "
                                   "other files of BASE.", opts, 1, 1, run}, {0}};
    return sp_opt_main(argc, argv, "weights plus patches", cmds,
                       "Inputs are tensor streams (safetensors, raw or zstd), checkpoint directories, or - for standard input.");
}
