/* sp-mask.c - BOOL masks over tensors: the top of a score, random retention, set algebra, and what
 * they say about each other. Also scores in a random order, whose top is a control.
 *
 * In the paper's terms `top` is T_k (largest scores, zeros never enter), `minus` the difference
 * sets D, `random` the Bernoulli masks m. Each bit of m is a pure function of (seed, key, tensor
 * name, index), so a mask needs no storage to be reproduced.
 *
 * All verbs but `top` are a walk over their inputs side by side (walk.h) with a callback for a
 * piece:
 *
 *     random       draw          in: LIKE          out: BOOL
 *     minus ...    combine       in: A, B          out: BOOL
 *     apply        apply         in: PATCH, MASK   out: as PATCH
 *     stats        stats_piece   in: A, B or A     no output but the report
 *     shuffle      reorder       in: SCORE         out: as SCORE, a whole tensor at a time
 *
 * `top` cannot be done piece by piece, since a threshold depends on a whole row, a whole tensor or
 * all of them (top.h).
 */
#include "cli/must.h"
#include "cli/opt.h"
#include "cli/streams.h"
#include "patch/mask.h"
#include "patch/match.h"
#include "patch/shuffle.h"
#include "patch/top.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdlib.h>

/* Options. A rate of -1 means "not given" and is refused by the verb that needs it. `keep` is the
 * probability of `random`, `kept` the divisor of `apply`. */
static sp_top_opt top = {.rate = -1};
static double keep = -1, kept = 1;
static bool allow_nonfinite;
static const char *key = "";

/* ---- top ------------------------------------------------------------------------------ */

/* Write the mask of the largest scores. The end of the scores is proved before the output is
 * finished, so that no mask of a damaged stream appears. */
static int run_top(int argc, char **argv)
{
    (void)argc;
    if (top.rate < 0) sp_die(SP_EUSAGE, "top needs --rate");
    sp_err e = {0};
    sp_src *scores = sp_must_src(argv[0]);
    top.allow_nonfinite = allow_nonfinite;
    sp_top *t = sp_top_new(&top, scores, &e);
    if (!t) sp_die_err(&e);
    sp_output o = sp_args_output();
    o.inputs = &scores, o.n_inputs = 1;
    sp_dst *dst = sp_output_like(&o, scores, SP_BOOL, &e);
    if (!dst) sp_die_err(&e);
    sp_must(sp_top_write(t, dst, &e), &e);
    sp_must(sp_src_end(scores, &e), &e);
    sp_must(sp_dst_finish(dst, &e), &e);
    sp_top_free(t);
    sp_src_close(scores);
    return SP_OK;
}

/* ---- random --------------------------------------------------------------------------- */

/* sp_piece_fn of `random`: draw the mask's elements. Those of LIKE are read but not used: reading
 * to the end proves that the stream is whole, which its header alone does not. */
static int draw(const sp_piece *p, void *ctx, sp_err *e)
{
    (void)ctx, (void)e;
    sp_mask_draw(p->out, (uint64_t)sp_args.seed, key, p->t->name, p->at, p->n, keep);
    return 0;
}

/* Write a random mask with the names and shapes of LIKE. */
static int run_random(int argc, char **argv)
{
    (void)argc;
    if (keep < 0) sp_die(SP_EUSAGE, "random needs -p");
    sp_src *like = sp_must_src(argv[0]);
    sp_must_make(&(sp_walk){.in = &like, .n_in = 1, .what = "drawing", .fn = draw}, SP_BOOL);
    return SP_OK;
}

/* ---- minus, and, or ------------------------------------------------------------------- */

/* sp_piece_fn of the set operations; ctx is the sp_mask_op. */
static int combine(const sp_piece *p, void *ctx, sp_err *e)
{
    (void)e;
    sp_mask_combine(p->out, *(const sp_mask_op *)ctx, p->in[0], p->in[1], p->n);
    return 0;
}

/* Check that both inputs have the same tensors and that all are BOOL. A mask that only one of them
 * has would be lost. 0 or -1. */
static int check_sets(sp_src *const *in, sp_err *e)
{
    if (sp_match_all(in[1], in[0], e) < 0 || sp_match_all(in[0], in[1], e) < 0) return -1;
    return sp_match_kinds(in[0], SP_BITS, e) < 0 ? -1 : sp_match_kinds(in[1], SP_BITS, e);
}

/* Write the combination of two masks: what `minus`, `and` and `or` have in common. */
static int run_sets(char **argv, sp_mask_op op)
{
    sp_err e = {0};
    sp_src *in[] = {sp_must_src(argv[0]), sp_must_src(argv[1])};
    sp_must(check_sets(in, &e), &e);
    sp_walk w = {.in = in, .n_in = 2, .what = "combining", .fn = combine, .ctx = &op};
    sp_must_make(&w, SP_BOOL);
    return SP_OK;
}

static int run_minus(int argc, char **argv) { return (void)argc, run_sets(argv, SP_MASK_MINUS); }
static int run_and(int argc, char **argv) { return (void)argc, run_sets(argv, SP_MASK_AND); }
static int run_or(int argc, char **argv) { return (void)argc, run_sets(argv, SP_MASK_OR); }

/* ---- apply ---------------------------------------------------------------------------- */

/* sp_piece_fn of `apply`; ctx is the array of inputs. The error for a number that is not finite
 * names the patch: a BOOL mask cannot hold one. */
static int apply(const sp_piece *p, void *ctx, sp_err *e)
{
    sp_src *const *in = ctx;
    bool finite = sp_mask_apply(p->out, p->in[0], p->dtype[0], p->in[1], kept, p->n);
    return finite || allow_nonfinite ? 0 : sp_match_nonfinite(in[0], p->t, e);
}

/* Check that every tensor of the patch is floating, and in the mask as BOOL. The mask may have more
 * tensors. 0 or -1. */
static int check_apply(sp_src *const *in, sp_err *e)
{
    if (sp_match_all(in[1], in[0], e) < 0) return -1;
    for (size_t i = 0; i < sp_src_count(in[0]); i++) {
        size_t j;
        if (sp_match_kind(in[0], i, SP_FLOATS, e) < 0 ||
            sp_match_tensor(in[1], sp_src_info(in[0], i), &j, e) < 0 ||
            sp_match_kind(in[1], j, SP_BITS, e) < 0)
            return -1;
    }
    return 0;
}

/* Write PATCH with zeros where the mask is clear, in the dtypes of PATCH. */
static int run_apply(int argc, char **argv)
{
    (void)argc;
    if (kept <= 0) sp_die(SP_EUSAGE, "option --keep: 0 is not a rate to divide by");
    sp_err e = {0};
    sp_src *in[] = {sp_must_src(argv[0]), sp_must_src(argv[1])};
    sp_must(check_apply(in, &e), &e);
    sp_walk w = {.in = in, .n_in = 2, .what = "applying", .fn = apply, .ctx = in};
    sp_must_make(&w, -1);
    return SP_OK;
}

/* ---- stats ---------------------------------------------------------------------------- */

/* What a walk of `stats` carries along. `tensors` collects the report of each tensor, by name. */
typedef struct {
    sp_src **in;
    bool two, all_masks;   /* two inputs? only masks so far? */
    sp_overlap total, one; /* of all tensors, of the one at hand */
    float *x[2];           /* (SP_STEP) a piece of each input */
    json_t *tensors;
} comparison;

/* part / whole as JSON, or null where whole is 0: a share of nothing does not exist. */
static json_t *share(double part, double whole)
{
    return sp_json_real(whole > 0 ? part / whole : NAN);
}

/* The figures as a JSON object, owned by the caller. Fields of the second input are there only with
 * `two`. Norms and the cosine are left out for masks, where the counts say the same. `chance_of_a`
 * is the share of A that an independent B of the same density would hit. */
static json_t *stats_json(const sp_overlap *s, bool two, bool masks)
{
    double n = (double)s->numel, a = (double)s->a, b = (double)s->b;
    json_t *o = json_pack("{s:I, s:I, s:o}", "numel", (json_int_t)s->numel, "a", (json_int_t)s->a,
                          "density_a", share(a, n));
    json_t *pair = two ? json_pack("{s:I, s:o, s:I, s:o, s:o, s:o}", "b", (json_int_t)s->b,
                                   "density_b", share(b, n), "both", (json_int_t)s->both,
                                   "both_of_a", share((double)s->both, a), "both_of_b",
                                   share((double)s->both, b), "chance_of_a", share(b, n))
                       : NULL;
    if (two) json_object_update(o, pair);
    json_decref(pair);
    if (!masks) json_object_set_new(o, "l2_a", sp_json_real(sqrt(s->aa)));
    if (!masks && two) {
        json_object_set_new(o, "l2_b", sp_json_real(sqrt(s->bb)));
        json_object_set_new(o, "cosine", share(s->ab, sqrt(s->aa * s->bb)));
    }
    return o;
}

/* sp_piece_fn of `stats`. Pieces of a tensor come in order: the first clears the figures, and the
 * last reports them and adds them to the total. A mask is compared with a mask only. With one input
 * it is compared with itself, and the fields of b are not reported. 0 or -1. */
static int stats_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    comparison *o = ctx;
    bool mask = p->dtype[0] == SP_BOOL;
    if (p->at == 0) o->one = (sp_overlap){0};
    if (mask && o->two && sp_match_kind(o->in[1], (size_t)p->index[1], SP_BITS, e) < 0) return -1;
    for (int k = 0; k <= o->two; k++) {
        sp_to_f32(o->x[k], p->in[k], p->dtype[k], p->n);
        if (!allow_nonfinite && sp_first_nonfinite(o->x[k], p->n) >= 0)
            return sp_match_nonfinite(o->in[k], p->t, e);
    }
    sp_overlap_add(&o->one, o->x[0], o->x[o->two], p->n);
    if (p->at + p->n < p->t->numel) return 0;
    json_object_set_new(o->tensors, p->t->name, stats_json(&o->one, o->two, mask));
    sp_overlap_merge(&o->total, &o->one);
    o->all_masks &= mask;
    return 0;
}

/* Print the report. Every tensor of A must be in B; B may have more. */
static int run_stats(int argc, char **argv)
{
    sp_err e = {0};
    bool two = argc > 1;
    sp_src *in[] = {sp_must_src(argv[0]), two ? sp_must_src(argv[1]) : NULL};
    if (two) sp_must(sp_match_all(in[1], in[0], &e), &e);
    comparison o = {.in = in, .two = two, .all_masks = true, .tensors = json_object()};
    for (int k = 0; k < 2; k++) o.x[k] = sp_xfloats(SP_STEP);
    sp_walk w = {
        .in = in, .n_in = two ? 2 : 1, .fn = stats_piece, .ctx = &o, .step = sp_walk_steps};
    sp_must(sp_walk_complete(&w, &e), &e);
    sp_must_report(json_pack("{s:o, s:o}", "tensors", o.tensors, "total",
                             stats_json(&o.total, two, o.all_masks)));
    for (int k = 0; k < 2; k++) free(o.x[k]);
    return SP_OK;
}

/* ---- shuffle -------------------------------------------------------------------------- */

/* An sp_step_fn: the whole tensor. */
static uint64_t whole(const sp_piece *p, void *ctx)
{
    (void)ctx;
    return p->t->numel;
}

/* sp_piece_fn of `shuffle`; ctx is the source of the scores. 0 or -1. */
static int reorder(const sp_piece *p, void *ctx, sp_err *e)
{
    const sp_src *scores = ctx;
    if (!allow_nonfinite && !sp_all_finite(p->in[0], p->dtype[0], p->n))
        return sp_match_nonfinite(scores, p->t, e);
    sp_shuffle(p->out, p->in[0], p->dtype[0], p->n, (uint64_t)sp_args.seed, key, p->t->name);
    return 0;
}

/* Write the scores in another order, in their dtypes. What `top` takes for scores, this takes. */
static int run_shuffle(int argc, char **argv)
{
    (void)argc;
    sp_err e = {0};
    sp_src *scores = sp_must_src(argv[0]);
    sp_must(sp_match_kinds(scores, SP_SCORES, &e), &e);
    sp_walk w = {
        .in = &scores, .n_in = 1, .what = "shuffling", .fn = reorder, .ctx = scores, .step = whole};
    sp_must_make(&w, -1);
    return SP_OK;
}

/* ---- command line --------------------------------------------------------------------- */

#define NONFINITE                                                                           \
    {                                                                                       \
        "allow-nonfinite", 0, SP_FLAG, &allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0 \
    }

/* clang-format off */
static const sp_opt top_opts[] = {
    {"rate", 'r', SP_REAL, &top.rate, "R", "fraction to take, 0..1: floor(R * numel) entries, fewer where fewer are above zero", 0, 1},
    {"by", 0, SP_CHOICE, &top.by, "matrix|row|global", "take the fraction of each tensor, of each row, or of all together (default: matrix)", 0, 0},
    NONFINITE,
    {0}};
static const sp_opt random_opts[] = {
    {"keep", 'p', SP_REAL, &keep, "P", "probability that a bit is set, 0..1", 0, 1},
    {"key", 0, SP_STRING, &key, "STRING", "name of the mask: other keys give independent masks for one --seed (default: empty)", 0, 0},
    {0}};
static const sp_opt shuffle_opts[] = {
    {"key", 0, SP_STRING, &key, "STRING", "name of the order: other keys give independent orders for one --seed (default: empty)", 0, 0},
    NONFINITE,
    {0}};
static const sp_opt apply_opts[] = {
    {"keep", 'p', SP_REAL, &kept, "P", "divide what is kept by P, the rate of the mask (default: 1, no rescaling)", 0, 1},
    NONFINITE,
    {0}};
static const sp_opt stats_opts[] = {NONFINITE, {0}};
static const sp_cmd cmds[] = {
    {"top", "SCORE", "The largest entries of each tensor; ties go to the lowest index, zeros and negatives never enter.", top_opts, 1, 1, run_top},
    {"random", "LIKE", "A random mask with the names and shapes of LIKE.", random_opts, 1, 1, run_random},
    {"shuffle", "SCORE", "The values of each tensor in a random order; zeros stay where they are.", shuffle_opts, 1, 1, run_shuffle},
    {"minus", "A B", "Set in A and not in B.", NULL, 2, 2, run_minus},
    {"and", "A B", "Set in both.", NULL, 2, 2, run_and},
    {"or", "A B", "Set in either.", NULL, 2, 2, run_or},
    {"apply", "PATCH MASK", "PATCH where MASK is set, zero elsewhere.", apply_opts, 2, 2, run_apply},
    {"stats", "A [B]", "Counts, density and overlap of masks as JSON; for floating tensors norms and cosine too.", stats_opts, 1, 2, run_stats},
    {0}};
/* clang-format on */

int main(int argc, char **argv)
{
    return sp_opt_main(argc, argv, "masks over tensors", cmds,
                       "Inputs are tensor streams (safetensors, raw or zstd), checkpoint "
                       "directories, or - for standard input.");
}
