/* sp-merge.c - BASE plus patches, each with a mask and a scale: theta0 + sum_k scale_k * (mask_k *
 * patch_k), eq. 8 of the paper, and the ways other papers combine patches (merge.h).
 *
 * BASE gives the order. Tensors that no patch has go through bit for bit, and so does every element
 * whose change is zero.
 *
 * The command line builds the list of patches in `merge`, in the order of the options:
 *
 *     --add A --scale 2 --add B --mask M      A times 2, and B where M is set
 *
 * The merge itself is in patches.h. This file checks the options and opens the output.
 */
#include "cli/must.h"
#include "cli/opt.h"
#include "cli/streams.h"
#include "engine/config.h"
#include "patch/patches.h"
#include "tensor/idle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The merge as the command line describes it, with defaults of all numbers. drop = -1 means "not
 * given": its default depends on the method. */
static sp_patches merge = {
    .opt = {.lambda = 1, .drop = -1, .density = 0.2, .gamma = 0.01, .t = 0.5}};
/* An sp_dtype, or -1 for that of each tensor. */
static int out_dtype = -1;
static const char *rounds_to; /* the dtype of the output's numbers; NULL before there is one */

/* ---- output --------------------------------------------------------------------------- */

/* Is this a directory that exists? */
static bool is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Describe the output. -o OUT/ (or an existing directory) makes a checkpoint directory, which needs
 * one to copy its other files from. Otherwise the output is a stream. Provenance names all
 * inputs. */
static sp_output output(const char *base_path)
{
    sp_output o = sp_args_output();
    const char *out = o.path;
    bool to_dir = out && *out && (out[strlen(out) - 1] == '/' || is_dir(out));
    if (to_dir && !is_dir(base_path))
        sp_die(SP_EUSAGE, "-o %s: a directory needs BASE to be one, to copy its other files from",
               out);
    if (to_dir) o.base_dir = base_path;
    o.replaces = merge.in[0];
    o.inputs = merge.in;
    o.n_inputs = merge.n_in;
    return o;
}

/* Open the output. Names, shapes and metadata are those of BASE; --dtype is for its floating
 * tensors and leaves the others alone. Never returns NULL. */
static sp_dst *open_output(const char *base_path, const sp_src *base)
{
    sp_err e = {0};
    size_t n = sp_src_count(base);
    sp_output o = output(base_path);
    sp_tinfo *t = sp_xarray(n, sizeof *t);
    for (size_t i = 0; i < n; i++) {
        t[i] = *sp_src_info(base, i);
        if (!sp_dtype_is_float(t[i].dtype)) continue;
        if (out_dtype >= 0) t[i].dtype = (sp_dtype)out_dtype;
        const char *name = sp_dtype_name(t[i].dtype);
        rounds_to = rounds_to && strcmp(rounds_to, name) ? "their dtypes" : name;
    }
    sp_dst *d = sp_output_open(&o, t, n, &e);
    if (!d) sp_die_err(&e);
    free(t);
    return d;
}

/* ---- merging -------------------------------------------------------------------------- */

/* Check what the methods ask of the patches, and fill in the default of --drop. It is done before
 * any input is opened, so that a wrong command line costs no reading. */
static void check_options(void)
{
    int method = merge.opt.method;
    if (method == SP_SLERP && merge.n != 2)
        sp_die(SP_EUSAGE, "--method slerp takes two patches, not %d", merge.n);
    if (method == SP_STOCK && merge.n < 2)
        sp_die(SP_EUSAGE, "--method stock takes two patches or more, not %d", merge.n);
    for (const sp_patch *p = merge.patch; p < merge.patch + merge.n; p++) {
        bool fisher = method == SP_FISHER;
        if (fisher != !!p->fisher_path)
            sp_die(SP_EUSAGE, "--add %s: %s --fisher", p->path,
                   fisher ? "--method fisher needs a" : "only --method fisher takes a");
        if (fisher && p->scale <= 0)
            sp_die(SP_EUSAGE, "--add %s: --method fisher needs a --scale above 0", p->path);
    }
    /* DARE is a sum whose point is dropping, so it drops unless told otherwise */
    if (merge.opt.drop < 0) merge.opt.drop = method == SP_DARE ? 0.5 : 0;
}

/* Does BASE, a directory, tie its head to the embedding? */
static bool is_tied(const char *base_path)
{
    sp_err e = {0};
    bool tied = false;
    if (strcmp(base_path, "-")) sp_must(sp_config_tied(base_path, &tied, &e), &e);
    return tied;
}

static void say_what_was_left_out(void)
{
    for (const sp_patch *p = merge.patch; p < merge.patch + merge.n; p++)
        if (p->head_dropped)
            sp_warn("%s: " SP_HEAD_NAME " left out: %s ties it to the embedding", p->path,
                    sp_src_name(merge.in[0]));
    if (merge.head_dropped)
        sp_note("%s: " SP_HEAD_NAME " left out: it is tied to the embedding, which is patched",
                sp_src_name(merge.in[0]));
}

/* The patches own BASE once they are open, and sp_patches_merge closes everything. */
static int run(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    check_options();
    merge.tied = is_tied(argv[0]);
    merge.opt.seed = (uint64_t)sp_args.seed;
    sp_src *base = sp_must_src(argv[0]);
    sp_must(sp_patches_open(&merge, base, &e), &e);
    say_what_was_left_out();
    sp_dst *dst = open_output(argv[0], base);
    sp_must(sp_patches_merge(&merge, dst, &e), &e);
    if (rounds_to) sp_say_rounding(merge.changed, merge.lost, rounds_to, "--dtype F32");
    return SP_OK;
}

/* ---- command line --------------------------------------------------------------------- */

/* Read the number of --scale, which may be negative or 0 but must be finite. 0 or -1. */
static int set_scale(sp_patch *p, const char *value, sp_err *e)
{
    char *end;
    p->scale = strtod(value, &end);
    return end == value || *end || !isfinite(p->scale)
               ? sp_fail(e, SP_EUSAGE, "'%s' is not a number", value)
               : 0;
}

/* sp_opt_call of the four options of a patch. --add begins a patch; --mask, --scale and --fisher
 * belong to the one before them. A second --mask or --fisher for a patch is refused, since it would
 * silently replace the first. 0 or -1. */
static int on_patch(void *self, const char *name, const char *value, sp_err *e)
{
    (void)self;
    if (!strcmp(name, "add")) {
        if (merge.n == SP_MERGE_MAX)
            return sp_fail(e, SP_EUSAGE, "more than %d patches", SP_MERGE_MAX);
        merge.patch[merge.n++] = (sp_patch){.path = value, .scale = 1};
        return 0;
    }
    if (!merge.n) return sp_fail(e, SP_EUSAGE, "it must follow the --add it belongs to");
    sp_patch *p = &merge.patch[merge.n - 1];
    if (!strcmp(name, "scale")) return set_scale(p, value, e);
    const char **path = !strcmp(name, "mask") ? &p->mask_path : &p->fisher_path;
    if (*path) return sp_fail(e, SP_EUSAGE, "--add %s has one already", p->path);
    *path = value;
    return 0;
}

static sp_opt_call on = {on_patch, NULL}, on_dtype = {sp_set_float_dtype, &out_dtype};

/* clang-format off */
static const sp_opt opts[] = {
    {"add", 'a', SP_CALL, &on, "PATCH", "add this patch (may be given several times)", 0, 0},
    {"mask", 'm', SP_CALL, &on, "MASK", "only where MASK is set; belongs to the --add before it", 0, 0},
    {"scale", 's', SP_CALL, &on, "X", "times X; belongs to the --add before it (default: 1)", 0, 0},
    {"fisher", 0, SP_CALL, &on, "STREAM", "its Fisher information (sp-grad grad --square); belongs to the --add before it", 0, 0},
    {"method", 0, SP_CHOICE, &merge.opt.method, SP_MERGE_METHODS, "how patches combine (default: sum)", 0, 0},
    {"lambda", 0, SP_REAL, &merge.opt.lambda, "X", "times the combined change (default: 1)", -1e6, 1e6},
    {"drop", 0, SP_REAL, &merge.opt.drop, "R", "drop entries at random with probability R, scale up the others (default: 0; dare: 0.5)", 0, 0.999999},
    {"density", 0, SP_REAL, &merge.opt.density, "R", "ties, breadcrumbs: fraction that is kept, the largest (default: 0.2)", 0, 1},
    {"trim", 0, SP_CHOICE, &merge.opt.global, "tensor|global", "ties: the largest of each patch tensor, or of each patch (default: tensor)", 0, 0},
    {"gamma", 0, SP_REAL, &merge.opt.gamma, "R", "breadcrumbs: fraction of each tensor's largest that goes (default: 0.01)", 0, 1},
    {"t", 0, SP_REAL, &merge.opt.t, "R", "slerp: from the first model, 0, to the second, 1 (default: 0.5)", 0, 1},
    {"dtype", 0, SP_CALL, &on_dtype, "F64|F32|BF16|F16", "dtype of the output (default: that of each tensor of BASE)", 0, 0},
    {"allow-nonfinite", 0, SP_FLAG, &merge.allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
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
