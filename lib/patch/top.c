/* top.c - see top.h.
 *
 * By row and over all tensors, scores are walked over in steps (walk.h). Of each tensor, they are
 * passed once (topk.h): straight from a raw file, by several threads; else they are held as F32, in
 * memory or, where they are many, in a file, and read from there. A tensor that cannot be done in
 * one pass is done by radix selection over the scores that are held.
 *
 * A tensor is done in one of these ways, from the cheapest on (top_matrix):
 *
 *     raw file       one pass over the file; where that misses, held, then radix selection
 *     other input    held in memory; one pass over that; where that misses, radix selection
 *     very large     held in a file; radix selection
 *
 * Whatever the way, the mask is the same.
 */
#include "patch/top.h"

#include "base/arith.h"
#include "base/capacity.h"
#include "base/memory.h"
#include "base/scratch.h"
#include "patch/match.h"
#include "patch/walk.h"
#include "tensor/radix.h"
#include "tensor/topk.h"
#include "tensor/vec.h"

#include <stdlib.h>

/* Elements of the largest mask that is held whole. */
#define MOST_MARKED ((uint64_t)256 << 20)
/* Bytes of scores that are held in memory at most, and the share of the memory: more go to a file.
 */
#define MOST_HELD   ((uint64_t)512 << 20)
#define HELD_SHARE  8

struct sp_top {
    sp_top_opt o;
    sp_src *src;
    sp_radix threshold; /* SP_TOP_GLOBAL: over all tensors */
    /* the scores of the tensor at hand as F32: NULL while they are read from src part by part, else
     * `own` or in the file */
    float *x;
    float *own;
    size_t own_cap;
    sp_scratch *file; /* NULL while they are in memory */
    /* space for a step's scores as F32, and for a mask */
    float *wide;
    uint8_t *mask;
    size_t mask_cap;
};

/* Are the n scores x of tensor `info` finite, or allowed not to be? 0 or -1 (SP_EINPUT). */
static int check_finite(const sp_top *t, const sp_tinfo *info, const float *x, size_t n, sp_err *e)
{
    if (t->o.allow_nonfinite || sp_first_nonfinite(x, n) < 0) return 0;
    return sp_match_nonfinite(t->src, info, e);
}

/* ---- by row, and over all tensors ----------------------------------------------------- */

/* The scores of a piece as F32, in place or widened into t->wide; valid until the next piece. NULL
 * on error: they are no numbers, or NaN or Inf where that is not allowed. */
static const float *scores_of(sp_top *t, const sp_piece *p, sp_err *e)
{
    const float *x = p->in[0];
    if (sp_match_kind(t->src, p->i, SP_SCORES, e) < 0) return NULL;
    if (p->dtype[0] != SP_F32) {
        if (p->at == 0) {
            free(t->wide);
            t->wide = sp_xfloats(p->n); /* no later piece of the tensor is larger */
        }
        sp_to_f32(t->wide, p->in[0], p->dtype[0], p->n);
        x = t->wide;
    }
    return check_finite(t, p->t, x, p->n, e) < 0 ? NULL : x;
}

/* An sp_piece_fn: count a piece's scores for the threshold of all tensors. */
static int count_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    sp_top *t = ctx;
    const float *x = scores_of(t, p, e);
    if (!x) return -1;
    sp_radix_count(&t->threshold, x, p->n);
    return 0;
}

/* An sp_piece_fn: the mask of a piece, by the threshold of all tensors. Pieces come in order, so
 * that ties go to the first. */
static int mark_piece(const sp_piece *p, void *ctx, sp_err *e)
{
    sp_top *t = ctx;
    const float *x = scores_of(t, p, e);
    if (!x) return -1;
    sp_radix_mark(&t->threshold, p->out, x, p->n);
    return 0;
}

/* Elements of a row: those of the last dimension; a scalar is a row of one. */
static size_t columns(const sp_tinfo *t) { return t->rank ? (size_t)t->shape[t->rank - 1] : 1; }

/* An sp_piece_fn: the mask of a piece, row by row. The piece is whole rows (row_step), and each
 * row has its own floor(rate * columns) largest. */
static int mark_rows(const sp_piece *p, void *ctx, sp_err *e)
{
    sp_top *t = ctx;
    uint8_t *mask = p->out;
    size_t cols = columns(p->t);
    const float *x = scores_of(t, p, e);
    if (!x) return -1;
#pragma omp parallel for schedule(dynamic, 16)
    for (size_t at = 0; at < p->n; at += cols)
        sp_topk(mask + at, x + at, cols, sp_fraction(t->o.rate, cols));
    return 0;
}

/* An sp_step_fn: as many rows as make a step, at least one. A row without elements counts
 * as one element, so that nothing is divided by zero. */
static uint64_t row_step(const sp_piece *p, void *ctx)
{
    (void)ctx;
    size_t cols = SP_MAX(columns(p->t), 1);
    return SP_MAX(SP_STEP / cols, 1) * cols;
}

/* Find the threshold of all tensors together, for the floor(rate * all numbers) largest: a walk
 * over all scores in each of three rounds. 0 or -1. */
static int find_threshold(sp_top *t, sp_err *e)
{
    uint64_t total = 0;
    sp_walk w = {.in = &t->src, .n_in = 1, .fn = count_piece, .ctx = t, .step = sp_walk_steps};
    if (!sp_src_seekable(t->src))
        return sp_fail(e, SP_EINPUT,
                       "%s: --by global reads the scores four times, so it needs a file",
                       sp_src_name(t->src));
    for (size_t i = 0; i < sp_src_count(t->src); i++) total += sp_src_info(t->src, i)->numel;
    sp_radix_start(&t->threshold, sp_fraction(t->o.rate, total));
    do
        if (sp_walk_run(&w, e) < 0) return -1;
    while (sp_radix_next(&t->threshold));
    return 0;
}

/* ---- of each tensor: the scores that are held ----------------------------------------- */

/* Give t->mask space for n elements; what was in it is lost. It stays for later tensors. */
static void reserve_mask(sp_top *t, size_t n)
{
    if (t->mask && n <= t->mask_cap) return;
    free(t->mask);
    t->mask = (uint8_t *)sp_xfloats((t->mask_cap = n) / sizeof(float) + 1); /* in large pages */
}

/* Say that n scores from number `at` on are not needed in memory for a while. Without this, a file
 * larger than the memory would push out everything else. Does nothing where scores are in
 * memory. */
static void evict(const sp_top *t, uint64_t at, size_t n)
{
    if (t->file) sp_scratch_evict(t->x + at, n * sizeof *t->x);
}

/* Put the scores of tensor i into a file without a name (scratch.h), step by step, and let t->x
 * point to them. 0 or -1; let_go ends the file, or sp_top_free after a failure. */
static int hold_in_file(sp_top *t, size_t i, sp_err *e)
{
    const sp_tinfo *info = sp_src_info(t->src, i);
    t->file = sp_scratch_open(NULL, "scores of a large tensor", info->numel * sizeof *t->x, e);
    if (!t->file) return -1;
    t->x = sp_scratch_take(t->file, info->numel * sizeof *t->x);
    for (uint64_t at = 0; at < info->numel; at += SP_STEP) {
        size_t n = SP_MIN(info->numel - at, (uint64_t)SP_STEP);
        if (sp_src_read_f32_part(t->src, i, at, n, t->x + at, e) < 0) return -1;
        if (check_finite(t, info, t->x + at, n, e) < 0) return -1;
        evict(t, at, n);
    }
    return 0;
}

/* Hold the scores of tensor i as F32, t->x, until let_go: in memory if they are at most MOST_HELD
 * bytes and a HELD_SHARE-th of the machine's memory, else in a file. 0 or -1. */
static int hold(sp_top *t, size_t i, sp_err *e)
{
    const sp_tinfo *info = sp_src_info(t->src, i);
    uint64_t most = SP_MIN(MOST_HELD, sp_capacity_memory() / HELD_SHARE) / sizeof(float);
    if (info->numel > most) return hold_in_file(t, i, e);
    if (sp_src_load_f32(t->src, i, &t->own, &t->own_cap, e) < 0) return -1;
    t->x = t->own;
    return check_finite(t, info, t->x, info->numel, e);
}

/* End the holding. t->own keeps its memory, for the next tensor. */
static void let_go(sp_top *t)
{
    sp_scratch_close(t->file);
    t->file = NULL;
    t->x = NULL;
}

/* ---- of each tensor: selection -------------------------------------------------------- */

/* The context of read_part: which tensor is read. */
typedef struct {
    sp_top *t;
    size_t i;
} tensor;

/* An sp_topk_read: scores that are held, or from the source. */
static const float *read_part(void *ctx, uint64_t at, size_t n, float *space, sp_err *e)
{
    const tensor *w = ctx;
    if (w->t->x) return w->t->x + at;
    return sp_src_read_f32_part(w->t->src, w->i, at, n, space, e) < 0 ? NULL : space;
}

/* Select in one pass and write the mask. SP_TOPK_MISSED: nothing was written. That is
 * also the result where the mask is too large to be held whole, or the scores lie in a file. */
static sp_topk_result top_at_once(sp_top *t, size_t i, sp_dst *dst, sp_err *e)
{
    const sp_tinfo *info = sp_src_info(t->src, i);
    uint64_t n = info->numel;
    if (n > MOST_MARKED || t->file) return SP_TOPK_MISSED;
    reserve_mask(t, n);
    tensor w = {t, i};
    bool finite = true;
    sp_topk_result got =
        sp_topk_parts(t->mask, n, sp_fraction(t->o.rate, n), read_part, &w, &finite, e);
    if (got == SP_TOPK_FAILED) return got;
    if (!finite && !t->o.allow_nonfinite) {
        sp_match_nonfinite(t->src, info, e);
        return SP_TOPK_FAILED;
    }
    if (got == SP_TOPK_SELECTED && sp_dst_write(dst, t->mask, n, e) < 0) return SP_TOPK_FAILED;
    return got;
}

/* Select by counting the scores, which are held, three times. Works in steps, so that neither the
 * mask nor the scores need be in memory as a whole. 0 or -1. */
static int top_by_radix(sp_top *t, size_t i, sp_dst *dst, sp_err *e)
{
    sp_radix r;
    uint64_t total = sp_src_info(t->src, i)->numel;
    sp_radix_start(&r, sp_fraction(t->o.rate, total));
    do
        for (uint64_t at = 0; at < total; at += SP_STEP) {
            size_t n = SP_MIN(total - at, (uint64_t)SP_STEP);
            sp_radix_count(&r, t->x + at, n);
            evict(t, at, n);
        }
    while (sp_radix_next(&r));
    reserve_mask(t, SP_MIN(total, (uint64_t)SP_STEP));
    for (uint64_t at = 0; at < total; at += SP_STEP) {
        size_t n = SP_MIN(total - at, (uint64_t)SP_STEP);
        sp_radix_mark(&r, t->mask, t->x + at, n);
        if (sp_dst_write(dst, t->mask, n, e) < 0) return -1;
        evict(t, at, n);
    }
    return 0;
}

/* Write the mask of tensor i. A raw file is read straight away; what comes from elsewhere is held
 * first, for it may be readable only once. 0 or -1. */
static int top_matrix(sp_top *t, size_t i, sp_dst *dst, sp_err *e)
{
    bool raw = sp_src_map(t->src, i);
    sp_topk_result got = raw ? top_at_once(t, i, dst, e) : SP_TOPK_MISSED;
    if (got == SP_TOPK_MISSED) {
        if (hold(t, i, e) < 0) return -1;
        if (!raw) got = top_at_once(t, i, dst, e);
    }
    int rc = got == SP_TOPK_MISSED ? top_by_radix(t, i, dst, e) : got == SP_TOPK_FAILED ? -1 : 0;
    let_go(t);
    return rc;
}

/* ---- all tensors ---------------------------------------------------------------------- */

sp_top *sp_top_new(const sp_top_opt *o, sp_src *scores, sp_err *e)
{
    sp_top *t = sp_xcalloc(1, sizeof *t);
    t->o = *o;
    t->src = scores;
    if (o->by != SP_TOP_GLOBAL || find_threshold(t, e) == 0) return t;
    sp_top_free(t);
    return NULL;
}

int sp_top_write(sp_top *t, sp_dst *dst, sp_err *e)
{
    sp_walk w = {.in = &t->src,
                 .n_in = 1,
                 .dst = dst,
                 .fn = t->o.by == SP_TOP_ROW ? mark_rows : mark_piece,
                 .ctx = t,
                 .step = t->o.by == SP_TOP_ROW ? row_step : sp_walk_steps};
    if (t->o.by != SP_TOP_MATRIX) return sp_walk_run(&w, e);
    for (size_t i = 0; i < sp_src_count(t->src); i++)
        if (top_matrix(t, i, dst, e) < 0) return -1;
    return 0;
}

void sp_top_free(sp_top *t)
{
    if (!t) return;
    sp_scratch_close(t->file);
    free(t->own);
    free(t->wide);
    free(t->mask);
    free(t);
}
