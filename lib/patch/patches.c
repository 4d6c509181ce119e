/* patches.c - see patches.h.
 *
 * All inputs stand in one array, in the order in which they are opened, for the walk (walk.h). With
 * two patches, of which the first has a mask:
 *
 *     in     [0] base   [1] patch 1   [2] its mask   [3] patch 2
 *     with   0          1             1              3
 *
 * A piece goes to sp_merge_chunk as one sp_delta for each patch. Whether pieces are worked on by
 * several threads or one after the other is up to the method (sp_merge_apart).
 */
#include "patch/patches.h"

#include "base/arith.h"
#include "base/memory.h"
#include "patch/match.h"
#include "tensor/tied.h"
#include "tensor/topk.h"
#include "tensor/vec.h"

#include <stdlib.h>
#include <string.h>

/* ---- thinning ------------------------------------------------------------------------- */

/* Must patch k get a mask made for it? Dropping and thinning clear entries of a mask: where
 * the inputs have none for the patch, one is made. */
static bool makes_mask(const sp_patches *p, int k)
{
    return !p->patch[k].mask && (p->opt.drop > 0 || sp_merge_thins(&p->opt));
}

/* Give w space for n elements of each patch, where the method needs it; what was there is lost. An
 * empty piece gets space for one element, so that pointers are never NULL. */
static void reserve(const sp_patches *p, sp_thinning *w, size_t n)
{
    if (w->n && n <= w->n) return;
    w->n = n = SP_MAX(n, 1);
    for (int k = 0; k < p->n; k++)
        if (makes_mask(p, k)) {
            free(w->keep[k]);
            w->keep[k] = (uint8_t *)sp_xfloats(n / sizeof(float) + 1); /* in large pages */
        }
    if (!sp_merge_thins(&p->opt)) return;
    free(w->work);
    w->work = sp_xfloats(n);
}

/* Free what w has and empty it. */
static void release(sp_thinning *w)
{
    for (int k = 0; k < SP_MERGE_MAX; k++) free(w->keep[k]);
    free(w->work);
    *w = (sp_thinning){0};
}

/* The elements of patch k in a piece: x, keep and fisher as they were read (x NULL = the patch does
 * not have the tensor). A mask that is made for the patch begins as all ones. Everything is
 * borrowed, from the piece and from w. Thinning may write to keep, even where that is an input's
 * buffer: a piece owns what was read for it. */
static sp_delta delta(sp_patches *p, int k, const sp_piece *piece, sp_thinning *w)
{
    sp_patch *q = &p->patch[k];
    sp_delta d = {.number = k,
                  .scale = q->scale,
                  .dtype = piece->dtype[q->in],
                  .x = piece->in[q->in],
                  .keep = q->mask ? piece->in[q->mask_in] : w->keep[k],
                  .work = w->work,
                  .threshold = &q->threshold};
    if (d.x && makes_mask(p, k)) memset(d.keep, 1, piece->n);
    if (q->fisher) {
        d.fisher = piece->in[q->fisher_in];
        d.fisher_dtype = piece->dtype[q->fisher_in];
    }
    return d;
}

/* ---- global trimming ------------------------------------------------------------------ */

typedef struct {
    sp_patches *p;
    int k; /* the patch at hand */
} counting;

/* An sp_piece_fn for one pass of global trimming: count the sizes of a piece of patch k. The inputs
 * are the patch and its mask, if it has one. What is dropped at random is dropped here as well, and
 * the same entries go when the patch is merged. */
static int count_piece(const sp_piece *piece, void *ctx, sp_err *e)
{
    (void)e;
    counting *c = ctx;
    sp_patch *q = &c->p->patch[c->k];
    reserve(c->p, &c->p->thinning, piece->n);
    sp_delta d = {.number = c->k,
                  .dtype = piece->dtype[0],
                  .x = piece->in[0],
                  .keep = q->mask ? piece->in[1] : c->p->thinning.keep[c->k],
                  .work = c->p->thinning.work,
                  .threshold = &q->threshold};
    if (!q->mask) memset(d.keep, 1, piece->n);
    sp_merge_count(&c->p->opt, &d, piece->t, piece->at, piece->n);
    return 0;
}

/* Can s (NULL = no such input) be read several times? 0 or -1 (SP_EINPUT). */
static int check_seekable(const sp_src *s, sp_err *e)
{
    if (!s || sp_src_seekable(s)) return 0;
    return sp_fail(e, SP_EINPUT,
                   "%s: --trim global reads a patch and its mask several times: a file is needed",
                   sp_src_name(s));
}

/* Find the threshold of the whole patch k, above which its floor(density * elements) largest
 * entries lie: three passes over it, the merge will be the fourth. 0 or -1. */
static int find_threshold(sp_patches *p, int k, sp_err *e)
{
    sp_patch *q = &p->patch[k];
    uint64_t total = 0;
    if (check_seekable(q->src, e) < 0 || check_seekable(q->mask, e) < 0) return -1;
    for (size_t i = 0; i < sp_src_count(q->src); i++) total += sp_src_info(q->src, i)->numel;
    sp_src *in[] = {q->src, q->mask};
    counting c = {p, k};
    sp_walk w = {
        .in = in, .n_in = q->mask ? 2 : 1, .fn = count_piece, .ctx = &c, .step = sp_walk_steps};
    sp_radix_start(&q->threshold, sp_fraction(p->opt.density, total));
    do
        if (sp_walk_run(&w, e) < 0) return -1;
    while (sp_radix_next(&q->threshold));
    return 0;
}

/* ---- opening -------------------------------------------------------------------------- */

/* Open `path` as one more input; `with` as in sp_walk. Returns its number, 0 on error (that is the
 * base's). */
static size_t add_input(sp_patches *p, sp_src **src, const char *path, size_t with, sp_err *e)
{
    if (!(*src = sp_src_open(path, e))) return 0;
    p->in[p->n_in] = *src;
    p->with[p->n_in] = with ? with : p->n_in;
    return p->n_in++;
}

/* The patch of a tied base's head says nothing beside one of the embedding. Alone, it would be
 * lost. */
static int settle_head(const sp_patches *p, sp_patch *q, const sp_src *base, sp_err *e)
{
    if (!p->tied || sp_src_find(base, SP_EMBED_NAME) < 0) return 0;
    if (sp_has_head_alone(q->src))
        return sp_fail(e, SP_EINPUT,
                       "%s: tensor \"" SP_HEAD_NAME
                       "\": %s has it tied to the embedding, which the "
                       "patch has not",
                       sp_src_name(q->src), sp_src_name(base));
    q->head_dropped = sp_has_both(q->src);
    if (q->head_dropped) sp_drop_head(q->src);
    return 0;
}

/* Open a patch, its Fisher information and its mask, and check that they fit: the patch is floating
 * and lies within base, the mask is BOOL and covers the patch. check_patched looks at which tensors
 * the Fisher information has. 0 or -1 (SP_EINPUT); what is open stays so. */
static int open_patch(sp_patches *p, sp_patch *q, const sp_src *base, sp_err *e)
{
    if (!(q->in = add_input(p, &q->src, q->path, 0, e))) return -1;
    if (settle_head(p, q, base, e) < 0) return -1;
    if (sp_match_all(base, q->src, e) < 0 || sp_match_kinds(q->src, SP_FLOATS, e) < 0) return -1;
    if (q->fisher_path) {
        if (!(q->fisher_in = add_input(p, &q->fisher, q->fisher_path, 0, e))) return -1;
        if (sp_match_kinds(q->fisher, SP_FLOATS, e) < 0) return -1;
    }
    if (!q->mask_path) return 0;
    if (!(q->mask_in = add_input(p, &q->mask, q->mask_path, q->in, e))) return -1;
    return sp_match_all(q->mask, q->src, e) < 0 ? -1 : sp_match_kinds(q->mask, SP_BITS, e);
}

/* A stored copy of a tied embedding would stay what it was. */
static void drop_stale_head(sp_patches *p, sp_src *base)
{
    bool patched = false;
    for (int k = 0; k < p->n; k++) patched |= sp_src_find(p->patch[k].src, SP_EMBED_NAME) >= 0;
    p->head_dropped = p->tied && patched && sp_has_both(base);
    if (p->head_dropped) sp_drop_head(base);
}

/* Tensor i of the base, if any patch has it: it must be floating, and all Fisher information must
 * have it. */
static int check_patched(const sp_patches *p, const sp_src *base, size_t i, sp_err *e)
{
    const sp_tinfo *t = sp_src_info(base, i);
    bool found = false;
    for (int k = 0; k < p->n; k++) found |= sp_src_find(p->patch[k].src, t->name) >= 0;
    if (!found) return 0;
    for (int k = 0; k < p->n; k++) {
        const sp_src *f = p->patch[k].fisher;
        if (f && sp_match_tensor(f, t, NULL, e) < 0) return -1;
    }
    return sp_match_kind(base, i, SP_FLOATS, e);
}

int sp_patches_open(sp_patches *p, sp_src *base, sp_err *e)
{
    p->in[0] = base;
    p->with[0] = 0;
    p->n_in = 1;
    for (int k = 0; k < p->n; k++)
        if (open_patch(p, &p->patch[k], base, e) < 0) return -1;
    drop_stale_head(p, base);
    for (size_t i = 0; i < sp_src_count(base); i++)
        if (check_patched(p, base, i, e) < 0) return -1;
    for (int k = 0; sp_merge_global(&p->opt) && k < p->n; k++)
        if (find_threshold(p, k, e) < 0) return -1;
    return 0;
}

/* ---- merging -------------------------------------------------------------------------- */

/* Does any patch have the tensor of this piece? */
static bool is_patched(const sp_patches *p, const sp_piece *piece)
{
    bool patched = false;
    for (int k = 0; k < p->n; k++) patched |= piece->index[p->patch[k].in] >= 0;
    return patched;
}

/* The error for a fault in tensor t of the output; 0 if there is none, else -1 (SP_EINPUT). It
 * names the input that is at fault: the base also where the result is. */
static int refuse(const sp_patches *p, const sp_tinfo *t, sp_merge_fault fault, sp_err *e)
{
    const sp_patch *q = &p->patch[fault.patch];
    switch (fault.what) {
    case SP_MERGE_FINE: return 0;
    case SP_MERGE_BAD_PATCH: return sp_match_nonfinite(q->src, t, e);
    case SP_MERGE_BAD_FISHER:
        return sp_fail(e, SP_EINPUT,
                       "%s: tensor \"%s\": holds NaN, Inf or a negative number: no Fisher "
                       "information",
                       sp_src_name(q->fisher), t->name);
    default:
        return sp_fail(e, SP_EINPUT,
                       "%s: tensor \"%s\": NaN or Inf in it, or in the result as %s "
                       "(--allow-nonfinite lets it pass)",
                       sp_src_name(p->in[0]), t->name, sp_dtype_name(t->dtype));
    }
}

/* Combine a piece that a patch has, or that gets another dtype, into piece->out, with work space
 * from w. A piece that no patch has is merged with no patches at all, which converts it. */
static sp_merge_fault combine(sp_patches *p, const sp_piece *piece, sp_thinning *w)
{
    sp_delta d[SP_MERGE_MAX];
    int K = is_patched(p, piece) ? p->n : 0;
    if (K) reserve(p, w, piece->n);
    for (int k = 0; k < K; k++) {
        d[k] = delta(p, k, piece, w);
        sp_merge_thin(&p->opt, &d[k], piece->t, piece->at, piece->n);
    }
    sp_rounding rounding = {0};
    bool narrow = sp_dtype_size(piece->t->dtype) == 2; /* F32 keeps all but the smallest changes */
    sp_merge_fault fault = sp_merge_chunk(&p->opt, d, K, piece->in[0], piece->dtype[0], piece->out,
                                          piece->t->dtype, piece->n, narrow ? &rounding : NULL);
    p->changed += rounding.changed;
    p->lost += rounding.lost;
    return fault;
}

/* An sp_piece_fn. Where pieces are worked on by several threads, each call has work space of its
 * own. */
static int merge_piece(const sp_piece *piece, void *ctx, sp_err *e)
{
    sp_patches *p = ctx;
    sp_dtype dtype = piece->t->dtype;
    sp_merge_fault fault = {SP_MERGE_FINE, 0};
    if (!is_patched(p, piece) && piece->dtype[0] == dtype) {
        memcpy(piece->out, piece->in[0], piece->n * sp_dtype_size(dtype));
        if (!sp_all_finite(piece->in[0], dtype, piece->n)) fault.what = SP_MERGE_BAD_RESULT;
    } else if (sp_merge_apart(&p->opt)) {
        sp_thinning own = {0};
        fault = combine(p, piece, &own);
        release(&own);
    } else {
        fault = combine(p, piece, &p->thinning);
    }
    return p->allow_nonfinite ? 0 : refuse(p, piece->t, fault, e);
}

/* An sp_step_fn: a whole tensor where the method must see it. */
static uint64_t merge_step(const sp_piece *piece, void *ctx)
{
    const sp_patches *p = ctx;
    return is_patched(p, piece) && sp_merge_whole(&p->opt) ? piece->t->numel : SP_STEP;
}

int sp_patches_merge(sp_patches *p, sp_dst *dst, sp_err *e)
{
    sp_walk w = {.in = p->in,
                 .n_in = p->n_in,
                 .with = p->with,
                 .dst = dst,
                 .what = "merging",
                 .fn = merge_piece,
                 .ctx = p,
                 .step = sp_merge_apart(&p->opt) ? NULL : merge_step};
    int rc = sp_walk_complete(&w, e);
    release(&p->thinning);
    return rc;
}
