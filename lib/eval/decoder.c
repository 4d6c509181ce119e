/* decoder.c - see decoder.h.
 *
 * A step gathers what it will read into a pack (engine/pack.h), one sequence a context, and takes
 * the pack through all layers. With the cache, a context's sequence holds only tokens that are
 * pending, at positions seen .. n-1; without it, all of its tokens from 0 on. Context c has slot c
 * of the cache in every step, wherever its sequence lies in the pack.
 *
 * The head is no part of a step, since most tokens of a prompt need no logits. A step leaves the
 * hidden state of each context's last token in `last`. sp_decoder_logits applies the head to those
 * of them that are wanted.
 *
 *     contexts      0     1     2     3          n = 4
 *     wanted        yes   no    yes   no
 *     gathered      last[0]     last[2]          (2, hidden), rows side by side
 *     row           logits[0]   logits[1]        of contexts 0 and 2; NULL of 1 and 3
 */
#include "eval/decoder.h"

#include "engine/embed.h"
#include "engine/gemm.h"
#include "engine/head.h"
#include "engine/layer.h"
#include "engine/residency.h"

#include <stdlib.h>
#include <string.h>

/* The memory of all steps, allocated once for the largest step. n is the number of contexts. */
struct sp_decoder_memory {
    /* keys and values of what has been seen; not allocated with no_cache */
    sp_kv kv;
    /* intermediate values of the layer at work; each layer overwrites them */
    sp_acts *acts;
    float *last; /* (n, hidden) hidden state of the last token each context has seen */
    /* the step at hand */
    sp_pack pack;
    int64_t *start, *pos0; /* [n + 1], [n] of the pack */
    int64_t *of;     /* [n] context of each sequence of the pack; also its slot in the cache */
    int32_t *ids;    /* (step tokens) */
    float *x;        /* (step tokens, hidden) */
    float *gathered; /* (n, hidden) what the head is given */
    float *logits;   /* (n, vocab) */
};

/* ---- memory --------------------------------------------------------------------------- */

/* Tokens that a step takes at most: one of each running answer, and of prompts what prefill allows.
 * Without the cache, all tokens of all contexts. */
static int64_t step_tokens(const sp_decoder_opt *o)
{
    if (o->no_cache) return o->n * o->longest;
    return o->n + SP_MIN(o->prefill, o->n * o->longest_prompt);
}

/* Rows a context has in the cache. With a sliding window the cache is a ring, which must hold the
 * window and the longest stretch that is added at once. */
static int64_t cache_rows(const sp_decoder_opt *o)
{
    int64_t w = o->m->cfg.window;
    return w ? SP_MIN(o->longest, w + o->prefill) : o->longest;
}

uint64_t sp_decoder_cache_bytes(const sp_decoder_opt *o)
{
    return sp_kv_bytes(&o->m->cfg, o->n, cache_rows(o));
}

uint64_t sp_decoder_bytes(const sp_decoder_opt *o)
{
    const sp_config *c = &o->m->cfg;
    int64_t tokens = step_tokens(o);
    /* x (tokens, hidden); last and gathered (n, hidden); logits (n, vocab) */
    uint64_t states =
        (uint64_t)(tokens + 2 * o->n) * (uint64_t)c->hidden + (uint64_t)(o->n * c->vocab);
    uint64_t layer = sp_acts_bytes(c, tokens) + sp_gemm_bytes(tokens, c->hidden, c->mlp);
    return (o->no_cache ? 0 : sp_decoder_cache_bytes(o)) + layer + sp_head_bytes(o->m, o->n) +
           states * sizeof(float);
}

void sp_decoder_open(sp_decoder *d, const sp_decoder_opt *o)
{
    size_t n = (size_t)o->n, tokens = (size_t)step_tokens(o), h = (size_t)o->m->cfg.hidden;
    struct sp_decoder_memory *mem = sp_xcalloc(1, sizeof *mem);
    if (!o->no_cache) sp_kv_alloc(&mem->kv, &o->m->cfg, o->n, cache_rows(o));
    mem->acts = sp_acts_new(&o->m->cfg, (int64_t)tokens);
    mem->start = sp_xarray(n + 1, sizeof *mem->start);
    mem->pos0 = sp_xarray(n, sizeof *mem->pos0);
    mem->of = sp_xarray(n, sizeof *mem->of);
    mem->ids = sp_xarray(tokens, sizeof *mem->ids);
    mem->x = sp_xfloats(tokens * h);
    mem->last = sp_xfloats(n * h);
    mem->gathered = sp_xfloats(n * h);
    mem->logits = sp_xfloats(n * (size_t)o->m->cfg.vocab);
    *d = (sp_decoder){.o = *o,
                      .ctx = sp_xcalloc(n, sizeof *d->ctx),
                      .wanted = sp_xcalloc(n, sizeof *d->wanted),
                      .row = sp_xcalloc(n, sizeof *d->row),
                      .mem = mem};
    for (size_t c = 0; c < n; c++)
        d->ctx[c].ids = sp_xarray((size_t)o->longest, sizeof *d->ctx[c].ids);
}

void sp_decoder_close(sp_decoder *d)
{
    struct sp_decoder_memory *mem = d->mem;
    for (int64_t c = 0; c < d->o.n; c++) free(d->ctx[c].ids);
    free(d->ctx), free(d->wanted), free(d->row);
    free(mem->start), free(mem->pos0), free(mem->of), free(mem->ids);
    free(mem->x), free(mem->last), free(mem->gathered), free(mem->logits);
    sp_acts_free(mem->acts);
    if (!d->o.no_cache) sp_kv_free(&mem->kv);
    free(mem);
}

/* ---- contexts ------------------------------------------------------------------------- */

void sp_context_start(sp_context *c, const int32_t *prompt, int64_t n)
{
    memcpy(c->ids, prompt, (size_t)n * sizeof *prompt);
    c->n = n;
    c->seen = 0;
}

void sp_context_clear(sp_context *c) { c->n = c->seen = 0; }

void sp_context_push(sp_context *c, int32_t id) { c->ids[c->n++] = id; }

/* ---- a step --------------------------------------------------------------------------- */

/* Add tokens from .. from+n-1 of context c to the pack, as its next sequence. A context may be
 * added once a step, since its last sequence would overwrite `last` and `seen` of the first. */
static void pack_context(sp_decoder *d, int64_t c, int64_t from, int64_t n)
{
    struct sp_decoder_memory *mem = d->mem;
    int64_t k = mem->pack.n_seq++;
    memcpy(mem->ids + mem->pack.n, d->ctx[c].ids + from, (size_t)n * sizeof *mem->ids);
    mem->of[k] = c;
    mem->pos0[k] = from;
    mem->pack.n += n;
    mem->start[k + 1] = mem->pack.n;
}

/* Make the pack of the next step. Running answers, which have one pending token, come first: none
 * of them waits for a prompt. Prompts share `prefill` in the order of contexts, so that the first
 * ones are finished soon instead of all of them late. */
static void pack_step(sp_decoder *d)
{
    struct sp_decoder_memory *mem = d->mem;
    mem->pack = (sp_pack){0, mem->start, mem->pos0, 0};
    mem->start[0] = 0;
    int64_t left = d->o.no_cache ? step_tokens(&d->o) : d->o.prefill;
    for (int prompts = 0; prompts < 2; prompts++)
        for (int64_t c = 0; c < d->o.n; c++) {
            const sp_context *ctx = &d->ctx[c];
            /* without the cache nothing of earlier steps is left, so a context is read from its
             * beginning */
            int64_t from = d->o.no_cache ? 0 : ctx->seen, pending = ctx->n - from;
            if (sp_context_seen(ctx) || (pending > 1) != prompts) continue;
            int64_t n = prompts ? SP_MIN(pending, left) : 1;
            if (n > 0) pack_context(d, c, from, n);
            if (prompts) left -= n;
        }
}

/* Keep the hidden state of each sequence's last token in `last`, and count its tokens as seen. That
 * state is all that the head needs of the context, in this step or a later one. */
static void keep_last(sp_decoder *d)
{
    const struct sp_decoder_memory *mem = d->mem;
    size_t h = (size_t)d->o.m->cfg.hidden;
    for (int64_t k = 0; k < mem->pack.n_seq; k++) {
        int64_t c = mem->of[k], end = mem->start[k + 1];
        memcpy(mem->last + (size_t)c * h, mem->x + (size_t)(end - 1) * h, h * sizeof(float));
        d->ctx[c].seen = mem->pos0[k] + end - mem->start[k];
    }
}

void sp_decoder_step(sp_decoder *d)
{
    struct sp_decoder_memory *mem = d->mem;
    sp_model *m = d->o.m;
    pack_step(d);
    if (!mem->pack.n) return;
    sp_embed_forward(m, mem->ids, mem->pack.n, mem->x);
    for (int64_t l = 0; l < m->cfg.layers; l++) {
        /* The next layer is read from disk while this one computes. Behind the last there is none,
         * which sp_layer_prefetch allows. */
        sp_layer_prefetch(m, l + 1);
        sp_layer_forward(m, l, &mem->pack, mem->x, mem->x, d->o.no_cache ? NULL : &mem->kv, mem->of,
                         mem->acts);
        sp_layer_release(m, l);
    }
    keep_last(d);
}

void sp_decoder_logits(sp_decoder *d)
{
    struct sp_decoder_memory *mem = d->mem;
    size_t h = (size_t)d->o.m->cfg.hidden, v = (size_t)d->o.m->cfg.vocab, n = 0;
    for (int64_t c = 0; c < d->o.n; c++) {
        d->row[c] = d->wanted[c] ? mem->logits + n * v : NULL;
        if (!d->wanted[c]) continue;
        memcpy(mem->gathered + n * h, mem->last + (size_t)c * h, h * sizeof(float));
        n++;
    }
    /* one product for all wanted contexts, so that the head is read once */
    if (n) sp_head_logits(d->o.m, mem->gathered, (int64_t)n, mem->logits);
    sp_layer_release(d->o.m, -1);
}
