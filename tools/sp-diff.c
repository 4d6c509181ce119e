/* sp-diff.c - TUNED minus BASE, tensor by tensor: the patch that sp-merge adds.
 *
 * BASE + patch, rounded as sp-merge rounds, gives TUNED back to the bit wherever an F32 number can
 * do that. It cannot for some elements that change sign or shrink to less than half: their
 * difference can need more than 24 bits. -v counts them, --dtype F64 holds them, and weights that
 * went through sp_reachable (vec.h) have none.
 *
 * Both uses walk over the two inputs side by side (walk.h) and subtract piece by piece:
 *
 *     patch    small pieces on several threads; the output takes the differences
 *     --stats  large pieces in order; each is counted, and nothing is written but the report
 */
#include "cli/must.h"
#include "cli/opt.h"
#include "cli/streams.h"
#include "engine/config.h"
#include "patch/diff.h"
#include "patch/match.h"
#include "tensor/bits.h"
#include "tensor/tied.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Bins of a histogram of |d|: one for each value of the upper half of an F32 without its sign. */
#define N_BINS 32768

static int dtype = SP_F32;
static bool want_stats, allow_nonfinite;
static sp_opt_call dtype_call = {sp_set_float_dtype, &dtype};

/* clang-format off */
static const sp_opt opts[] = {
    {"dtype", 0, SP_CALL, &dtype_call, "F64|F32|BF16|F16", "dtype of the patch (default: F32)", 0, 0},
    {"stats", 0, SP_FLAG, &want_stats, NULL, "print figures of the patch as JSON instead of the patch", 0, 0},
    {"allow-nonfinite", 0, SP_FLAG, &allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0},
    {0},
};
/* clang-format on */

/* ---- the difference ------------------------------------------------------------------- */

enum { TUNED, BASE }; /* the inputs */

/* Write the difference of a piece into out (p->n), in dtype od. Adds to *missed for how many
 * elements BASE + patch does not give TUNED back. Numbers that are not finite are an error that
 * names the input they come from, unless they were allowed. 0 or -1. */
static int subtract(sp_src *const *in, const sp_piece *p, void *out, sp_dtype od, uint64_t *missed,
                    sp_err *e)
{
    sp_array tuned = {p->in[TUNED], p->dtype[TUNED]}, base = {p->in[BASE], p->dtype[BASE]};
    int bad = sp_diff(out, od, tuned, base, p->n, missed);
    if (!bad || allow_nonfinite) return 0;
    if (bad & SP_DIFF_BAD_TUNED) return sp_match_nonfinite(in[TUNED], p->t, e);
    if (bad & SP_DIFF_BAD_BASE) return sp_match_nonfinite(in[BASE], p->t, e);
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": the difference overflows %s",
                   sp_src_name(in[TUNED]), p->t->name, sp_dtype_name(od));
}

/* ---- the patch ------------------------------------------------------------------------ */

/* A patch being written. `missed` is atomic because pieces are worked on by several threads. */
typedef struct {
    sp_src **in;
    atomic_ullong missed;
} patch;

/* sp_piece_fn of the patch. The shared counter is touched once a piece, not once an element. */
static int diff_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    patch *w = ctx;
    uint64_t missed = 0;
    int rc = subtract(w->in, p, p->out, p->t->dtype, &missed, e);
    w->missed += missed;
    return rc;
}

/* Write the patch to the output. Elements that it cannot give back are no error; -v counts them. */
static void write_patch(sp_src **in)
{
    patch made = {.in = in};
    sp_walk w = {.in = in, .n_in = 2, .what = "subtracting", .fn = diff_piece, .ctx = &made};
    sp_must_make(&w, dtype);
    if (made.missed)
        sp_note("for %llu elements BASE + patch does not give TUNED back to the bit%s",
                (unsigned long long)made.missed, dtype == SP_F64 ? "" : " (--dtype F64 can)");
}

/* ---- figures -------------------------------------------------------------------------- */

/* Figures of one tensor, or of all. Sums are in double, since F32 would lose small squares beside
 * large ones. Quantiles come from the histogram, so that no sorting and no second pass is
 * needed. */
typedef struct {
    uint64_t numel, nonzero;
    double diff2, base2, max_abs; /* sums of squares */
    uint64_t bins[N_BINS];        /* of |d|, by the upper half of its bits: 0.8 % steps */
} stats;

/* What a walk for --stats carries along. `tensors` collects the report of each tensor, by name. */
typedef struct {
    sp_src **in;
    stats total, one; /* of all tensors, of the one at hand */
    float *d, *b;     /* (SP_STEP) a piece of the difference, and of BASE */
    json_t *tensors;
} figures;

/* Count n elements, d of the difference and b of BASE. */
static void stats_add(stats *s, const float *d, const float *b, size_t n)
{
    s->numel += n;
    s->diff2 += sp_dot(d, d, n);
    s->base2 += sp_dot(b, b, n);
    for (size_t i = 0; i < n; i++) {
        s->bins[(sp_f32_bits(d[i]) & 0x7fffffff) >> 16]++;
        s->nonzero += d[i] != 0;
        s->max_abs = fmax(s->max_abs, fabsf(d[i]));
    }
}

/* Add the figures of one tensor to the total. Histograms can be added up, quantiles could not. */
static void stats_merge(stats *total, const stats *s)
{
    total->numel += s->numel;
    total->nonzero += s->nonzero;
    total->diff2 += s->diff2;
    total->base2 += s->base2;
    total->max_abs = fmax(total->max_abs, s->max_abs);
    for (int i = 0; i < N_BINS; i++) total->bins[i] += s->bins[i];
}

/* Return the lower edge of the bin that holds the q-quantile of |d|. For normal numbers the edge is
 * less than 0.8 % below the quantile. */
static json_t *quantile(const stats *s, double q)
{
    uint64_t rank = (uint64_t)(q * (double)s->numel), seen = 0;
    uint32_t i = 0;
    while (i + 1 < N_BINS && (seen += s->bins[i]) <= rank) i++;
    return sp_json_real(s->numel ? sp_bits_f32(i << 16) : 0);
}

/* The figures as a JSON object, owned by the caller. What does not exist, such as rel_l2 over a
 * BASE of zeros, is null. */
static json_t *stats_json(const stats *s)
{
    return json_pack("{s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "numel",
                     (json_int_t)s->numel, "nonzero", (json_int_t)s->nonzero, "l2_diff",
                     sp_json_real(sqrt(s->diff2)), "l2_base", sp_json_real(sqrt(s->base2)),
                     "rel_l2", sp_json_real(s->base2 > 0 ? sqrt(s->diff2 / s->base2) : NAN),
                     "max_abs", sp_json_real(s->max_abs), "p50", quantile(s, .5), "p90",
                     quantile(s, .9), "p99", quantile(s, .99), "p999", quantile(s, .999));
}

/* sp_piece_fn of the figures. Pieces of a tensor come in order (sp_walk.step is set): the first
 * clears the figures, and the last reports them and adds them to the total. 0 or -1. */
static int stats_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    figures *f = ctx;
    uint64_t missed = 0;
    if (p->at == 0) f->one = (stats){0};
    if (subtract(f->in, p, f->d, SP_F32, &missed, e) < 0) return -1;
    sp_to_f32(f->b, p->in[BASE], p->dtype[BASE], p->n);
    stats_add(&f->one, f->d, f->b, p->n);
    if (p->at + p->n < p->t->numel) return 0;
    json_object_set_new(f->tensors, p->t->name, stats_json(&f->one));
    stats_merge(&f->total, &f->one);
    return 0;
}

/* Walk over all tensors and print the report. sp_must_report takes the JSON over. The struct is on
 * the heap because its two histograms would take half a MiB of the stack. */
static void print_stats(sp_src **in)
{
    sp_err e = {0};
    figures *f = sp_xcalloc(1, sizeof *f);
    f->in = in;
    f->d = sp_xfloats(SP_STEP), f->b = sp_xfloats(SP_STEP);
    f->tensors = json_object();
    sp_walk w = {.in = in, .n_in = 2, .fn = stats_piece, .ctx = f, .step = sp_walk_steps};
    sp_must(sp_walk_complete(&w, &e), &e);
    sp_must_report(json_pack("{s:o, s:o}", "tensors", f->tensors, "total", stats_json(&f->total)));
    free(f->d);
    free(f->b);
    free(f);
}

/* ---- command line --------------------------------------------------------------------- */

/* Is the head of what is compared the embedding? TUNED and BASE are asked, if they have a
 * config.json; both must say so. Else it is if TUNED stores the same matrix twice and BASE once. */
static bool is_tied(char **path, sp_src *const *in)
{
    sp_err e = {0};
    bool tied = true, said = false;
    for (int k = 0; k < 2; k++) {
        bool its = false;
        int rc = strcmp(path[k], "-") ? sp_config_tied(path[k], &its, &e) : 0;
        sp_must(rc, &e);
        if (rc > 0) said = true, tied = tied && its;
    }
    if (said) return tied;
    int copy = sp_has_both(in[BASE]) ? 0 : sp_head_is_copy(in[TUNED], &e);
    sp_must(copy, &e);
    return copy;
}

/* What nothing reads is no part of a patch. The one matrix of a tied model may have either name:
 * the patch has that of BASE, which sp-merge will look for. */
static void settle_names(sp_src *const *in, bool tied)
{
    size_t before = sp_src_count(in[TUNED]);
    sp_drop_idle(in[TUNED], tied);
    if (sp_src_count(in[TUNED]) < before)
        sp_note("%s: %zu tensors left out, which nothing reads%s", sp_src_name(in[TUNED]),
                before - sp_src_count(in[TUNED]),
                tied ? " (" SP_HEAD_NAME " is tied to the embedding)" : "");
    if (!tied) return;
    bool head = sp_has_head_alone(in[BASE]), embed = sp_src_find(in[BASE], SP_EMBED_NAME) >= 0;
    const char *from = head ? SP_EMBED_NAME : SP_HEAD_NAME;
    int64_t i = head || embed ? sp_src_find(in[TUNED], from) : -1;
    if (i >= 0) sp_src_rename(in[TUNED], (size_t)i, head ? SP_HEAD_NAME : SP_EMBED_NAME);
}

/* Check that every tensor of TUNED is in BASE with the same shape, and that both are floating. It
 * is done for all before the first is subtracted, so that a mismatch shows at once. 0 or -1. */
static int check(sp_src *const *in, sp_err *e)
{
    if (sp_match_all(in[BASE], in[TUNED], e) < 0) return -1;
    for (size_t i = 0; i < sp_src_count(in[TUNED]); i++) {
        size_t j;
        if (sp_match_kind(in[TUNED], i, SP_FLOATS, e) < 0 ||
            sp_match_tensor(in[BASE], sp_src_info(in[TUNED], i), &j, e) < 0 ||
            sp_match_kind(in[BASE], j, SP_FLOATS, e) < 0)
            return -1;
    }
    return 0;
}

static int run(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_src *in[] = {sp_must_src(argv[0]), sp_must_src(argv[1])};
    settle_names(in, is_tied(argv, in));
    sp_must(check(in, &e), &e);
    if (want_stats) print_stats(in);
    else write_patch(in);
    return SP_OK;
}

int main(int argc, char **argv)
{
    static const sp_cmd cmds[] = {
        {NULL, "TUNED BASE", "Write TUNED - BASE, in the order of TUNED.", opts, 2, 2, run}, {0}};
    return sp_opt_main(argc, argv, "the difference of two sets of weights", cmds,
                       "TUNED and BASE are tensor streams (safetensors, raw or zstd), checkpoint "
                       "directories, or - for standard input.");
}
