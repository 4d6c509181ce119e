/* sp-mask.c - BOOL masks over tensors: the top of a score, random retention, set algebra, and what
 * they say about each other.
 *
 * `top` is method.md's T_k (largest scores, zeros never enter), `minus` its difference sets D,
 * `random` its Bernoulli masks m: each bit is a pure function of (seed, key, tensor name, index),
 * so a mask needs no storage to be reproduced.
 */
#include "base/capacity.h"
#include "base/hash.h"
#include "base/philox.h"
#include "base/scratch.h"
#include "cli/opt.h"
#include "patch/stream.h"
#include "tensor/radix.h"
#include "tensor/topk.h"
#include "tensor/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BY_MATRIX, BY_ROW, BY_GLOBAL };
#define MOST_MARKED ((uint64_t)256 << 20) /* elements of the largest mask that is held whole */

static double rate = -1, keep = -1, kept = 1;
static int by = BY_MATRIX;
static bool allow_nonfinite;
static const char *key = "";

/* ---- top ------------------------------------------------------------------------------ */

/* The scores of one tensor, and room for a mask: of all of them where they are passed once, else of
 * SP_STEP. */
typedef struct {
    float *x; /* own, or in the file; NULL = part by part from the source */
    float *own;
    size_t cap;
    sp_scratch *file; /* NULL while x is in memory */
    uint8_t *mask;
    size_t mask_cap;
} scores;

static void check_finite(sp_src *s, size_t i, const float *x, size_t n)
{
    if (!allow_nonfinite && sp_first_nonfinite(x, n) >= 0) sp_die_nonfinite(s, i);
}

/* More scores than these are kept in a file. */
static uint64_t most_in_memory(void)
{
    return SP_MIN((uint64_t)512 << 20, sp_capacity_memory() / 8) / sizeof(float);
}

/* A chunk of the scores is no longer needed in memory. */
static void rest(const scores *w, uint64_t at, size_t n)
{
    if (w->file) sp_scratch_evict(w->x + at, n * sizeof *w->x);
}

static void load_large(scores *w, sp_src *s, size_t i, uint64_t n)
{
    sp_err e = {0};
    w->file = sp_scratch_open(NULL, "scores of a large tensor", n * sizeof *w->x, &e);
    if (!w->file) sp_die_err(&e);
    w->x = sp_scratch_take(w->file, n * sizeof *w->x);
    for (uint64_t at = 0; at < n; at += SP_STEP) {
        size_t here = SP_MIN(n - at, (uint64_t)SP_STEP);
        if (sp_src_read_f32_part(s, i, at, here, w->x + at, &e) < 0) sp_die_err(&e);
        check_finite(s, i, w->x + at, here);
        rest(w, at, here);
    }
}

static void need_mask(scores *w, size_t n)
{
    if (n <= w->mask_cap) return;
    free(w->mask);
    w->mask = (uint8_t *)sp_xfloats((w->mask_cap = n) / sizeof(float) + 1); /* in large pages */
}

static void load_scores(scores *w, sp_src *s, size_t i)
{
    sp_err e = {0};
    uint64_t n = sp_src_info(s, i)->numel;
    sp_scratch_close(w->file);
    w->file = NULL;
    need_mask(w, SP_STEP);
    if (n > most_in_memory()) {
        load_large(w, s, i, n);
        return;
    }
    if (sp_src_load_f32(s, i, &w->own, &w->cap, &e) < 0) sp_die_err(&e);
    w->x = w->own;
    check_finite(s, i, w->x, n);
}

static void free_scores(scores *w)
{
    sp_scratch_close(w->file);
    free(w->own);
    free(w->mask);
}

static void count(sp_radix *sel, const scores *w, uint64_t n)
{
    for (uint64_t at = 0; at < n; at += SP_STEP) {
        size_t here = SP_MIN(n - at, (uint64_t)SP_STEP);
        sp_radix_count(sel, w->x + at, here);
        rest(w, at, here);
    }
}

/* The mask of a tensor whose threshold is known. */
static void write_selected(sp_radix *sel, const scores *w, uint64_t n, sp_dst *dst)
{
    for (uint64_t at = 0; at < n; at += SP_STEP) {
        size_t here = SP_MIN(n - at, (uint64_t)SP_STEP);
        sp_radix_mark(sel, w->mask, w->x + at, here);
        sp_need_write(dst, w->mask, here);
        rest(w, at, here);
    }
}

/* A tensor's scores part by part. */
typedef struct {
    scores *w;
    sp_src *s;
    size_t i;
} reader;

static const float *read_part(void *ctx, uint64_t at, size_t n, float *room, sp_err *e)
{
    reader *r = ctx;
    if (r->w->x) return r->w->x + at;
    return sp_src_read_f32_part(r->s, r->i, at, n, room, e) < 0 ? NULL : room;
}

/* One pass, straight from a raw file or over scores in memory; false when that cannot be done. */
static bool top_at_once(scores *w, sp_src *s, size_t i, sp_dst *dst)
{
    sp_err e = {0};
    uint64_t n = sp_src_info(s, i)->numel;
    if (n > MOST_MARKED || (w->x && w->file)) return false;
    need_mask(w, n);
    reader r = {w, s, i};
    bool finite = true;
    sp_topk_result got =
        sp_topk_parts(w->mask, n, sp_fraction(rate, n), read_part, &r, &finite, &e);
    if (got == SP_TOPK_FAILED) sp_die_err(&e);
    if (!finite && !allow_nonfinite) sp_die_nonfinite(s, i);
    if (got == SP_TOPK_SELECTED) sp_need_write(dst, w->mask, n);
    return got == SP_TOPK_SELECTED;
}

static void top_matrix(scores *w, sp_src *s, size_t i, sp_dst *dst)
{
    sp_radix sel;
    uint64_t n = sp_src_info(s, i)->numel;
    bool raw = sp_src_map(s, i);
    w->x = NULL;
    if (raw && top_at_once(w, s, i, dst)) return;
    load_scores(w, s, i);
    if (!raw && top_at_once(w, s, i, dst)) return;
    sp_radix_start(&sel, sp_fraction(rate, n));
    do count(&sel, w, n);
    while (sp_radix_next(&sel));
    write_selected(&sel, w, n, dst);
}

/* Row by row, as many at a time as have room in the mask, at least one. */
static void top_rows(scores *w, const sp_tinfo *t, sp_dst *dst)
{
    size_t cols = t->rank ? (size_t)t->shape[t->rank - 1] : 1, rows = cols ? t->numel / cols : 0,
           step = SP_MAX(SP_STEP / SP_MAX(cols, 1), 1);
    need_mask(w, cols);
    for (size_t r0 = 0; r0 < rows; r0 += step) {
        size_t here = SP_MIN(rows - r0, step);
        const float *x = w->x + r0 * cols;
#pragma omp parallel for schedule(dynamic, 16)
        for (size_t r = 0; r < here; r++)
            sp_topk(w->mask + r * cols, x + r * cols, cols, sp_fraction(rate, cols));
        sp_need_write(dst, w->mask, here * cols);
        rest(w, r0 * cols, here * cols);
    }
}

/* The threshold over all tensors takes three passes before the one that marks. */
static void select_global(sp_radix *sel, scores *w, sp_src *s)
{
    uint64_t total = 0;
    size_t n = sp_src_count(s);
    if (!sp_src_seekable(s))
        sp_die(SP_EINPUT, "%s: --by global reads the scores four times, so it needs a file",
               sp_src_name(s));
    for (size_t i = 0; i < n; i++) total += sp_src_info(s, i)->numel;
    sp_radix_start(sel, sp_fraction(rate, total));
    do
        for (size_t i = 0; i < n; i++) {
            load_scores(w, s, i);
            count(sel, w, sp_src_info(s, i)->numel);
        }
    while (sp_radix_next(sel));
}

static int run_top(int argc, char **argv)
{
    (void)argc;
    if (rate < 0) sp_die(SP_EUSAGE, "top needs --rate");
    sp_src *s = sp_need_src(argv[0]);
    sp_radix sel;
    scores w = {0};
    if (by == BY_GLOBAL) select_global(&sel, &w, s);
    sp_dst *dst = sp_dst_like(s, SP_BOOL, &s, 1);
    for (size_t i = 0; i < sp_src_count(s); i++) {
        const sp_tinfo *t = sp_src_info(s, i);
        if (by == BY_MATRIX) top_matrix(&w, s, i, dst);
        else load_scores(&w, s, i);
        if (by == BY_GLOBAL) write_selected(&sel, &w, t->numel, dst);
        if (by == BY_ROW) top_rows(&w, t, dst);
    }
    sp_close_streams(dst, &s, 1);
    free_scores(&w);
    return SP_OK;
}

/* ---- random --------------------------------------------------------------------------- */

/* What LIKE holds has been read for nothing: a header alone proves nothing. */
static int draw(const sp_piece *p, void *ctx, sp_err *e)
{
    (void)ctx, (void)e;
    uint8_t *mask = p->out;
    uint64_t stream =
        sp_hash(sp_hash(SP_HASH0, key, strlen(key) + 1), p->t->name, strlen(p->t->name));
    for (size_t j = 0; j < p->n; j++)
        mask[j] = sp_rand_unit((uint64_t)sp_args.seed, stream, p->at + j) < keep;
    return 0;
}

static int run_random(int argc, char **argv)
{
    (void)argc;
    if (keep < 0) sp_die(SP_EUSAGE, "random needs -p");
    sp_src *like = sp_need_src(argv[0]);
    sp_dst *dst = sp_dst_like(like, SP_BOOL, &like, 1);
    sp_each_piece(dst, &like, 1, "drawing", draw, NULL);
    sp_close_streams(dst, &like, 1);
    return SP_OK;
}

/* ---- minus, and, or ------------------------------------------------------------------- */

/* Every operation is an AND in which inputs or result are negated: 1 = yes. */
typedef struct {
    uint8_t a, b, result;
} negated;

static int combine(const sp_piece *p, void *ctx, sp_err *e)
{
    (void)e;
    negated not = *(const negated *)ctx;
    const uint8_t *a = p->in[0], *b = p->in[1];
    uint8_t *out = p->out;
#pragma omp simd
    for (size_t i = 0; i < p->n; i++)
        out[i] = (uint8_t)((((a[i] != 0) ^ not .a) & ((b[i] != 0) ^ not .b)) ^ not .result);
    return 0;
}

static int run_sets(char **argv, negated not )
{
    sp_pair p = sp_pair_open(argv[0], argv[1]);
    sp_need_tensors(p.in[0], p.in[1]); /* a mask that one of them lacks would be lost */
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < sp_src_count(p.in[k]); i++) sp_need_bool(p.in[k], i);
    sp_dst *dst = sp_dst_like(p.in[0], SP_BOOL, p.in, 2);
    sp_each_piece(dst, p.in, 2, "combining", combine, &not );
    sp_pair_close(&p, dst);
    return SP_OK;
}

static int run_minus(int argc, char **argv)
{
    return (void)argc, run_sets(argv, (negated){0, 1, 0});
}
static int run_and(int argc, char **argv) { return (void)argc, run_sets(argv, (negated){0, 0, 0}); }
static int run_or(int argc, char **argv) { return (void)argc, run_sets(argv, (negated){1, 1, 1}); }

/* ---- apply ---------------------------------------------------------------------------- */

#define BLOCK 1024 /* elements that are widened at a time */

/* n <= BLOCK elements, where the mask is set; false when they or the quotients, masked or not, are
 * not finite. */
static bool apply_block(const char *patch, const uint8_t *mask, char *out, sp_dtype d, size_t n)
{
    double y[BLOCK];
    size_t size = sp_dtype_size(d);
    bool ok = sp_all_finite(patch, d, n);
    memcpy(out, patch, n * size);
    if (kept != 1) {
        sp_to_f64(y, patch, d, n);
        for (size_t i = 0; i < n; i++) y[i] /= kept;
        sp_from_f64(out, y, d, n);
        ok = sp_all_finite(out, d, n) && ok;
    }
    for (size_t i = 0; i < n; i++)
        if (!mask[i]) memset(out + i * size, 0, size);
    return ok;
}

static int apply(const sp_piece *p, void *ctx, sp_err *e)
{
    sp_src **in = ctx;
    const char *patch = p->in[0];
    const uint8_t *mask = p->in[1];
    char *out = p->out;
    size_t size = sp_dtype_size(p->dtype[0]);
    bool ok = true;
    for (size_t at = 0; at < p->n; at += BLOCK)
        ok = apply_block(patch + at * size, mask + at, out + at * size, p->dtype[0],
                         SP_MIN(p->n - at, (size_t)BLOCK)) &&
             ok;
    return ok || allow_nonfinite ? 0 : sp_fail_nonfinite(in[0], p->t, e);
}

static int run_apply(int argc, char **argv)
{
    (void)argc;
    if (kept <= 0) sp_die(SP_EUSAGE, "option --keep: 0 is not a rate to divide by");
    sp_pair p = sp_pair_open(argv[0], argv[1]);
    for (size_t i = 0; i < sp_src_count(p.in[0]); i++) {
        sp_need_float(p.in[0], i);
        sp_need_bool(p.in[1], sp_need_tensor(p.in[1], sp_src_info(p.in[0], i)));
    }
    sp_dst *dst = sp_dst_like(p.in[0], -1, p.in, 2);
    sp_each_piece(dst, p.in, 2, "applying", apply, p.in);
    sp_pair_close(&p, dst);
    return SP_OK;
}

/* ---- stats ---------------------------------------------------------------------------- */

/* Of masks: how many are set. Of floating tensors: how many are not zero, and inner products. */
typedef struct {
    uint64_t numel, a, b, both;
    double aa, bb, ab;
    float *x[2];
} stats;

/* Chunk k in F32, which must be finite. */
static void widen(const sp_pair *p, int k, float *x, size_t n)
{
    sp_to_f32(x, p->buf[k], p->dtype[k], n);
    if (!allow_nonfinite && sp_first_nonfinite(x, n) >= 0) sp_die_nonfinite(p->in[k], p->index[k]);
}

static void count_set(sp_pair *p, size_t n, void *ctx)
{
    stats *s = ctx;
    bool two = p->in[1];
    uint64_t a = 0, b = 0, both = 0;
    for (int k = 0; k <= two; k++) widen(p, k, s->x[k], n);
    const float *x = s->x[0], *y = s->x[two];
#pragma omp parallel for simd schedule(static) reduction(+ : a, b, both)
    for (size_t i = 0; i < n; i++) {
        a += x[i] != 0;
        b += y[i] != 0;
        both += x[i] != 0 && y[i] != 0;
    }
    s->numel += n;
    s->a += a;
    s->b += b;
    s->both += both;
    s->aa += sp_dot(x, x, n);
    s->bb += sp_dot(y, y, n);
    s->ab += sp_dot(x, y, n);
}

static json_t *share(double part, double whole)
{
    return sp_json_real(whole > 0 ? part / whole : NAN);
}

static json_t *stats_json(const stats *s, bool two, bool masks)
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

static void stats_merge(stats *total, const stats *s)
{
    total->numel += s->numel;
    total->a += s->a;
    total->b += s->b;
    total->both += s->both;
    total->aa += s->aa;
    total->bb += s->bb;
    total->ab += s->ab;
}

static int run_stats(int argc, char **argv)
{
    sp_pair p = sp_pair_open(argv[0], argc > 1 ? argv[1] : NULL);
    bool two = argc > 1, all_masks = true;
    stats total = {.x = {sp_xfloats(SP_STEP), sp_xfloats(SP_STEP)}};
    json_t *tensors = json_object();
    for (size_t i = 0; i < sp_src_count(p.in[0]); i++) {
        const sp_tinfo *t = sp_src_info(p.in[0], i);
        bool mask = t->dtype == SP_BOOL;
        if (mask && two) sp_need_bool(p.in[1], sp_need_tensor(p.in[1], t));
        stats one = {.x = {total.x[0], total.x[1]}};
        sp_pair_each(&p, i, count_set, &one);
        json_object_set_new(tensors, t->name, stats_json(&one, two, mask));
        stats_merge(&total, &one);
        all_masks &= mask;
    }
    sp_pair_close(&p, NULL);
    sp_print_json(
        json_pack("{s:o, s:o}", "tensors", tensors, "total", stats_json(&total, two, all_masks)));
    free(total.x[0]);
    free(total.x[1]);
    return SP_OK;
}

/* ---- command line --------------------------------------------------------------------- */

#define NONFINITE                                                                           \
    {                                                                                       \
        "allow-nonfinite", 0, SP_FLAG, &allow_nonfinite, NULL, "let NaN and Inf pass", 0, 0 \
    }

int main(int argc, char **argv)
{
    static const sp_opt top[] = {
        {"rate", 'r', SP_REAL, &rate, "R",
         "fraction to take, 0..1: floor(R * numel) entries, fewer where fewer are above zero", 0,
         1},
        {"by", 0, SP_CHOICE, &by, "matrix|row|global",
         "take the fraction of each tensor, of each row, or of all together (default: matrix)", 0,
         0},
        NONFINITE,
        {0}};
    static const sp_opt random[] = {
        {"keep", 'p', SP_REAL, &keep, "P", "probability that a bit is set, 0..1", 0, 1},
        {"key", 0, SP_STRING, &key, "STRING",
         "name of the mask: other keys give independent masks for one --seed (default: empty)", 0,
         0},
        {0}};
    static const sp_opt apply_opts[] = {
        {"keep", 'p', SP_REAL, &kept, "P",
         "divide what is kept by P, the rate of the mask (default: 1, no rescaling)", 0, 1},
        NONFINITE,
        {0}};
    static const sp_opt stats_opts[] = {NONFINITE, {0}};
    static const sp_cmd cmds[] = {
        {"top", "SCORE",
         "The largest entries of each tensor; ties go to the lowest index, zeros and negatives "
         "never enter.",
         top, 1, 1, run_top},
        {"random", "LIKE", "A random mask with the names and shapes of LIKE.", random, 1, 1,
         run_random},
        {"minus", "A B", "Set in A and not in B.", NULL, 2, 2, run_minus},
        {"and", "A B", "Set in both.", NULL, 2, 2, run_and},
        {"or", "A B", "Set in either.", NULL, 2, 2, run_or},
        {"apply", "PATCH MASK", "PATCH where MASK is set, zero elsewhere.", apply_opts, 2, 2,
         run_apply},
        {"stats", "A [B]",
         "Counts, density and overlap of masks as JSON; for floating tensors norms and cosine too.",
         stats_opts, 1, 2, run_stats},
        {0}};
    return sp_opt_main(argc, argv, "masks over tensors", cmds,
                       "Inputs are tensor streams (safetensors, raw or zstd), checkpoint "
                       "directories, or - for standard input.");
}
