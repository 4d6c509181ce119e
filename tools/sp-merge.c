/* sp-merge.c - BASE plus patches, each with a mask and a scale: theta0 + sum_k scale_k * (mask_k *
 * patch_k), eq. 8 of the paper, and the ways other papers combine patches (merge.h).
 *
 * BASE gives the order. Tensors that no patch has go through bit for bit, and so does every element
 * whose change is zero.
 */
#include "base/progress.h"
#include "cli/opt.h"
#include "patch/merge.h"
#include "patch/stream.h"
#include "tensor/pg.h"
#include "tensor/radix.h"
#include "tensor/topk.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct patch {
    const char *path, *mask_path, *fisher_path;
    double scale;
    sp_src *src, *mask, *fisher;
    size_t in, mask_in, fisher_in; /* which of all inputs they are */
    int64_t index;                 /* of the tensor at hand, -1 = the patch does not have it */
    size_t mask_index, fisher_index;
    char *x, *f; /* a chunk of it as stored, of its Fisher information, and of its mask */
    uint8_t *keep;
    sp_radix threshold; /* global trimming */
} patches[SP_MERGE_MAX];
static int n_patches;

static sp_merge_opt merge = {.lambda = 1, .drop = -1, .density = 0.2, .gamma = 0.01, .t = 0.5};
static int out_dtype = -1;
static bool allow_nonfinite;

/* ---- tensors -------------------------------------------------------------------------- */

static void find_in(struct patch *p, const sp_tinfo *t)
{
    p->index = sp_src_find(p->src, t->name);
    if (p->index >= 0 && p->mask) p->mask_index = sp_need_tensor(p->mask, t);
}

/* Find the tensor in the patches; true if any has it. Then it needs the Fisher information of all.
 */
static bool find_patches(const sp_tinfo *t)
{
    bool found = false;
    for (struct patch *p = patches; p < patches + n_patches; p++) {
        find_in(p, t);
        found |= p->index >= 0;
    }
    for (struct patch *p = patches; found && p < patches + n_patches; p++)
        if (p->fisher) p->fisher_index = sp_need_tensor(p->fisher, t);
    return found;
}

static int refuse(const sp_src *base, const sp_tinfo *t, int bad, sp_err *e)
{
    if (bad > n_patches) {
        const sp_src *f = patches[bad - n_patches - 1].fisher;
        return sp_fail(
            e, SP_EINPUT,
            "%s: tensor \"%s\": holds NaN, Inf or a negative number: no Fisher information",
            sp_src_name(f), t->name);
    }
    if (bad > 0) return sp_fail_nonfinite(patches[bad - 1].src, t, e);
    return sp_fail(e, SP_EINPUT,
                   "%s: tensor \"%s\": NaN or Inf in it, or in the result as %s (--allow-nonfinite "
                   "lets it pass)",
                   sp_src_name(base), t->name, sp_dtype_name(t->dtype));
}

/* ---- piece by piece ------------------------------------------------------------------- */

/* Room for the mask of a piece, where a patch has none and some of its elements are to be dropped.
 */
typedef uint8_t keep_room[SP_PIECE];

static sp_delta piece_delta(const struct patch *p, const sp_piece *piece, keep_room *room)
{
    bool all = !p->mask && merge.drop > 0;
    sp_delta d = {.number = (int)(p - patches),
                  .scale = p->scale,
                  .x = piece->in[p->in],
                  .dtype = piece->dtype[p->in]};
    d.keep = p->mask ? piece->in[p->mask_in] : all ? *room : NULL;
    if (all) memset(d.keep, 1, piece->n);
    if (p->fisher) {
        d.fisher = piece->in[p->fisher_in];
        d.fisher_dtype = piece->dtype[p->fisher_in];
    }
    return d;
}

static int merge_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    sp_delta d[SP_MERGE_MAX];
    bool patched = false;
    for (int k = 0; k < n_patches; k++) patched |= p->in[patches[k].in] != NULL;
    if (!patched && p->dtype[0] == p->t->dtype) {
        memcpy(p->out, p->in[0], p->n * sp_dtype_size(p->t->dtype));
        return allow_nonfinite || sp_all_finite(p->in[0], p->dtype[0], p->n)
                   ? 0
                   : refuse(ctx, p->t, -1, e);
    }
    keep_room *room = merge.drop > 0 ? sp_xarray((size_t)n_patches, sizeof *room) : NULL;
    for (int k = 0; patched && k < n_patches; k++) {
        d[k] = piece_delta(&patches[k], p, room ? &room[k] : NULL);
        sp_merge_thin(&merge, &d[k], p->t, p->at, p->n);
    }
    int bad = sp_merge_chunk(&merge, d, patched ? n_patches : 0, p->in[0], p->dtype[0], p->out,
                             p->t->dtype, p->n);
    free(room);
    return bad && !allow_nonfinite ? refuse(ctx, p->t, bad, e) : 0;
}

/* ---- methods that need whole tensors, or all chunks in their order -------------------- */

static struct {
    char *base, *out;
    float *work;
    size_t n;
} chunk;

/* n elements of any dtype, in large pages; what was there is lost. */
static void renew(char **p, size_t n)
{
    free(*p);
    *p = (char *)sp_xfloats(2 * n);
}

/* Room for chunks of n elements. */
static void reserve(size_t n)
{
    if (n <= chunk.n) return;
    chunk.n = n;
    renew(&chunk.base, n);
    renew(&chunk.out, n);
    chunk.work = sp_xrealloc(chunk.work, n * sizeof(float));
    for (struct patch *p = patches; p < patches + n_patches; p++) {
        renew(&p->x, n);
        if (p->fisher) renew(&p->f, n);
        p->keep = sp_xrealloc(p->keep, n);
    }
}

static void release(void)
{
    free(chunk.base);
    free(chunk.out);
    free(chunk.work);
    for (struct patch *p = patches; p < patches + n_patches; p++) {
        free(p->x);
        free(p->f);
        free(p->keep);
    }
}

/* Read elements [at, at + n) of tensor t from a patch, its mask and its Fisher information. */
static sp_delta load(struct patch *p, uint64_t at, size_t n)
{
    sp_delta d = {.number = (int)(p - patches),
                  .scale = p->scale,
                  .keep = p->keep,
                  .work = chunk.work,
                  .threshold = &p->threshold};
    if (p->fisher) {
        sp_need_part(p->fisher, p->fisher_index, at, n, p->f);
        d.fisher = p->f;
        d.fisher_dtype = sp_src_info(p->fisher, p->fisher_index)->dtype;
    }
    if (p->index < 0) return d;
    sp_need_part(p->src, (size_t)p->index, at, n, p->x);
    d.x = p->x;
    d.dtype = sp_src_info(p->src, (size_t)p->index)->dtype;
    if (p->mask) sp_need_part(p->mask, p->mask_index, at, n, p->keep);
    else memset(p->keep, 1, n);
    return d;
}

static void merge_tensor(sp_src *base, size_t i, sp_dst *dst)
{
    sp_err e = {0};
    const sp_tinfo *t = sp_src_info(base, i), *out = sp_dst_info(dst, i);
    sp_delta d[SP_MERGE_MAX];
    bool patched = find_patches(t), number = sp_dtype_is_float(t->dtype),
         as_is = !patched && out->dtype == t->dtype;
    size_t step = SP_MIN(patched && sp_merge_whole(&merge) ? t->numel : SP_STEP, t->numel);
    reserve(step);
    for (uint64_t at = 0; at < t->numel; at += step) {
        size_t n = SP_MIN(t->numel - at, (uint64_t)step);
        sp_need_part(base, i, at, n, chunk.base);
        for (int k = 0; patched && k < n_patches; k++) {
            d[k] = load(&patches[k], at, n);
            sp_merge_thin(&merge, &d[k], t, at, n);
        }
        int bad = number ? sp_merge_chunk(&merge, d, patched ? n_patches : 0, chunk.base, t->dtype,
                                          chunk.out, out->dtype, n)
                         : 0;
        if (bad && !allow_nonfinite && refuse(base, out, bad, &e) < 0) sp_die_err(&e);
        sp_need_write(dst, as_is ? chunk.base : chunk.out, n * sp_dtype_size(out->dtype));
    }
}

static void merge_in_order(sp_src *base, sp_dst *dst)
{
    size_t n = sp_src_count(base);
    sp_progress bar;
    sp_progress_start(&bar, "merging", "tensors", (double)n);
    for (size_t i = 0; i < n; i++) {
        merge_tensor(base, i, dst);
        sp_progress_at(&bar, (double)(i + 1));
    }
    sp_progress_end(&bar);
}

/* ---- global trimming ------------------------------------------------------------------ */

static void count_tensor(struct patch *p, size_t i)
{
    const sp_tinfo *t = sp_src_info(p->src, i);
    find_in(p, t);
    reserve(SP_MIN(SP_STEP, t->numel));
    for (uint64_t at = 0; at < t->numel; at += SP_STEP) {
        size_t n = SP_MIN(t->numel - at, (uint64_t)SP_STEP);
        sp_delta d = load(p, at, n);
        sp_merge_count(&merge, &d, t, at, n);
    }
}

static void need_seekable(const sp_src *s)
{
    if (s && !sp_src_seekable(s))
        sp_die(SP_EINPUT,
               "%s: --trim global reads a patch and its mask several times: a file is needed",
               sp_src_name(s));
}

/* The threshold of a whole patch: three passes over it, the merge will be the fourth. */
static void find_threshold(struct patch *p)
{
    uint64_t total = 0;
    size_t n = sp_src_count(p->src);
    need_seekable(p->src);
    need_seekable(p->mask);
    for (size_t i = 0; i < n; i++) total += sp_src_info(p->src, i)->numel;
    sp_radix_start(&p->threshold, sp_fraction(merge.density, total));
    do
        for (size_t i = 0; i < n; i++) count_tensor(p, i);
    while (sp_radix_next(&p->threshold));
}

/* ---- streams -------------------------------------------------------------------------- */

/* A patch must fit into BASE, its mask must cover it. Lists all inputs in `in`, returns how many.
 */
static size_t open_patches(sp_src *base, sp_src **in)
{
    size_t n_in = 0;
    in[n_in++] = base;
    for (struct patch *p = patches; p < patches + n_patches; p++) {
        in[p->in = n_in++] = p->src = sp_need_src(p->path);
        sp_need_tensors(base, p->src);
        for (size_t i = 0; i < sp_src_count(p->src); i++) sp_need_float(p->src, i);
        if (p->fisher_path) in[p->fisher_in = n_in++] = p->fisher = sp_need_src(p->fisher_path);
        for (size_t i = 0; p->fisher && i < sp_src_count(p->fisher); i++)
            sp_need_float(p->fisher, i);
        if (!p->mask_path) continue;
        in[p->mask_in = n_in++] = p->mask = sp_need_src(p->mask_path);
        sp_need_tensors(p->mask, p->src);
        for (size_t i = 0; i < sp_src_count(p->mask); i++) sp_need_bool(p->mask, i);
    }
    for (size_t i = 0; i < sp_src_count(base); i++)
        if (find_patches(sp_src_info(base, i))) sp_need_float(base, i);
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
    if (to_dir && !is_dir(base_path))
        sp_die(SP_EUSAGE, "-o %s: a directory needs BASE to be one, to copy its other files from",
               out);
    sp_dst *d = to_dir ? sp_dst_open_dir(out, base_path, t, n, meta, &e)
                       : sp_dst_open(out, t, n, meta, (int)sp_args.level, &e);
    if (!d) sp_die_err(&e);
    return d;
}

/* Names, shapes and metadata of BASE; dtypes into t. */
static sp_dst *begin_output(const char *base_path, sp_src *base, sp_tinfo *t, sp_src **in,
                            size_t n_in)
{
    sp_meta meta = {0};
    sp_pg_inherit(&meta, sp_src_meta(base));
    if (!sp_args.no_pg) sp_pg_append(&meta, in, n_in);
    for (size_t i = 0; i < sp_src_count(base); i++) {
        t[i] = *sp_src_info(base, i);
        if (out_dtype >= 0 && sp_dtype_is_float(t[i].dtype)) t[i].dtype = (sp_dtype)out_dtype;
    }
    sp_dst *d = open_output(base_path, t, sp_src_count(base), &meta);
    sp_meta_free(&meta);
    return d;
}

/* What the methods ask of the patches, and their defaults. */
static void check_patches(void)
{
    if (merge.method == SP_SLERP && n_patches != 2)
        sp_die(SP_EUSAGE, "--method slerp takes two patches, not %d", n_patches);
    if (merge.method == SP_STOCK && n_patches < 2)
        sp_die(SP_EUSAGE, "--method stock takes two patches or more, not %d", n_patches);
    for (struct patch *p = patches; p < patches + n_patches; p++) {
        bool fisher = merge.method == SP_FISHER;
        if (fisher != !!p->fisher_path)
            sp_die(SP_EUSAGE, "--add %s: %s --fisher", p->path,
                   fisher ? "--method fisher needs a" : "only --method fisher takes a");
        if (fisher && p->scale <= 0)
            sp_die(SP_EUSAGE, "--add %s: --method fisher needs a --scale above 0", p->path);
    }
    if (merge.drop < 0) merge.drop = merge.method == SP_DARE ? 0.5 : 0;
}

static int run(int argc, char **argv)
{
    (void)argc;
    check_patches();
    sp_src *base = sp_need_src(argv[0]), *in[1 + 3 * SP_MERGE_MAX];
    size_t n = sp_src_count(base), n_in = open_patches(base, in);
    sp_tinfo *t = sp_xarray(n, sizeof *t);
    merge.seed = (uint64_t)sp_args.seed;
    for (int k = 0; sp_merge_global(&merge) && k < n_patches; k++) find_threshold(&patches[k]);
    sp_dst *dst = begin_output(argv[0], base, t, in, n_in);
    if (sp_merge_apart(&merge)) sp_each_piece(dst, in, n_in, "merging", merge_piece, base);
    else merge_in_order(base, dst);
    sp_close_streams(dst, in, n_in);
    release();
    free(t);
    return SP_OK;
}

/* ---- command line --------------------------------------------------------------------- */

static int set_scale(struct patch *p, const char *value, sp_err *e)
{
    char *end;
    p->scale = strtod(value, &end);
    return end == value || *end || !isfinite(p->scale)
               ? sp_fail(e, SP_EUSAGE, "'%s' is not a number", value)
               : 0;
}

/* --add opens a patch, --mask, --scale and --fisher belong to the one before them. */
static int on_patch(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self;
    if (!strcmp(name, "add")) {
        if (n_patches == SP_MERGE_MAX)
            return sp_fail(e, SP_EUSAGE, "more than %d patches", SP_MERGE_MAX);
        patches[n_patches++] = (struct patch){.path = value, .scale = 1};
        return 0;
    }
    if (!n_patches) return sp_fail(e, SP_EUSAGE, "it must follow the --add it belongs to");
    struct patch *p = &patches[n_patches - 1];
    if (!strcmp(name, "scale")) return set_scale(p, value, e);
    const char **path = !strcmp(name, "mask") ? &p->mask_path : &p->fisher_path;
    if (*path) return sp_fail(e, SP_EUSAGE, "--add %s has one already", p->path);
    *path = value;
    return 0;
}

int main(int argc, char **argv)
{
    static sp_opt_call on = {on_patch, NULL}, on_dtype = {sp_set_float_dtype, &out_dtype};
    static const sp_opt opts[] = {
        {"add", 'a', SP_CALL, &on, "PATCH", "add this patch (may be given several times)", 0, 0},
        {"mask", 'm', SP_CALL, &on, "MASK",
         "only where MASK is set; belongs to the --add before it", 0, 0},
        {"scale", 's', SP_CALL, &on, "X", "times X; belongs to the --add before it (default: 1)", 0,
         0},
        {"fisher", 0, SP_CALL, &on, "STREAM",
         "its Fisher information (sp-grad grad --square); belongs to the --add before it", 0, 0},
        {"method", 0, SP_CHOICE, &merge.method, SP_MERGE_METHODS,
         "how patches combine (default: sum)", 0, 0},
        {"lambda", 0, SP_REAL, &merge.lambda, "X", "times the combined change (default: 1)", -1e6,
         1e6},
        {"drop", 0, SP_REAL, &merge.drop, "R",
         "drop entries at random with probability R, scale up the others (default: 0; dare: 0.5)",
         0, 0.999999},
        {"density", 0, SP_REAL, &merge.density, "R",
         "ties, breadcrumbs: fraction that is kept, the largest (default: 0.2)", 0, 1},
        {"trim", 0, SP_CHOICE, &merge.global, "tensor|global",
         "ties: the largest of each patch tensor, or of each patch (default: tensor)", 0, 0},
        {"gamma", 0, SP_REAL, &merge.gamma, "R",
         "breadcrumbs: fraction of each tensor's largest that goes (default: 0.01)", 0, 1},
        {"t", 0, SP_REAL, &merge.t, "R",
         "slerp: from the first model, 0, to the second, 1 (default: 0.5)", 0, 1},
        {"dtype", 0, SP_CALL, &on_dtype, "F64|F32|BF16|F16",
         "dtype of the output (default: that of each tensor of BASE)", 0, 0},
        {"allow-nonfinite", 0, SP_FLAG, &allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0},
        {0}};
    static const sp_cmd cmds[] = {
        {NULL, "BASE [--add PATCH [--mask MASK] [--scale X] [--fisher STREAM]]...",
         "Write BASE with the patches added, in the order of BASE. -o OUT/ makes a checkpoint "
         "directory with the "
         "other files of BASE.",
         opts, 1, 1, run},
        {0}};
    return sp_opt_main(argc, argv, "weights plus patches", cmds,
                       "Inputs are tensor streams (safetensors, raw or zstd), checkpoint "
                       "directories, or - for standard input.");
}
