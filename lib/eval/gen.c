/* gen.c - see gen.h. */
#include "eval/gen.h"

#include "base/capacity.h"
#include "base/clock.h"
#include "base/philox.h"
#include "engine/embed.h"
#include "engine/gemm.h"
#include "engine/head.h"
#include "engine/layer.h"
#include "engine/residency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int32_t *ids; /* prompt and answer so far */
    int64_t n;    /* of them */
    int64_t seen; /* of them, through the layers (and in the cache, if there is one) */
} context;

typedef struct {
    int64_t item; /* index of the prompt, -1 = free */
    double t0;
} slot;

/* A model and the contexts that run on it: one or both of every slot. */
typedef struct {
    sp_model *m;
    int lane, n_lanes; /* 0 = first contexts, 1 = second */
    int64_t prompt;    /* tokens of the longest prompt */
    int64_t longest;   /* of the longest prompt and answer together */
    context *ctx;      /* [n_ctx], borrowed; context c lives in slot c of the cache */
    int64_t n_ctx;
    sp_kv kv;
    sp_acts *acts;
    int64_t max_n; /* tokens a step */
    float *last;   /* (n_ctx, hidden) of the last token each context has seen */
    float **row;   /* [n_ctx] its logits in this step, or NULL */
    /* The step at hand. */
    sp_pack pack;
    int64_t *start, *pos0, *ctx_of; /* per sequence of the pack */
    int32_t *ids;                   /* (max_n) */
    float *x, *gathered, *logits;   /* (max_n, hidden), (n_ctx, hidden), (n_ctx, vocab) */
} engine;

typedef struct {
    const sp_gen_opt *o;
    sp_gen_item *items;
    size_t n_items, next, finished;
    slot *slots;
    int lanes; /* contexts a slot has */
    /* n_ctx = lanes * n_slots; the second context of slot i is n_slots + i */
    int64_t n_slots, n_ctx;
    context *ctx;
    float **row;  /* [n_ctx] */
    bool *wanted; /* [n_ctx] logits are needed in this step */
    engine engines[2];
    int n_engines;
    int64_t *ready, n_ready; /* slots whose contexts have seen all their tokens */
    int32_t *chosen;         /* (n_slots) */
} run;

static int64_t n_prompt(const sp_gen_item *it, bool second)
{
    return second && it->other ? it->n_other : it->n_prompt;
}

static int64_t limit_of(const run *r, const sp_gen_item *it)
{
    int64_t prompt = r->lanes > 1 ? SP_MAX(it->n_prompt, n_prompt(it, true)) : it->n_prompt;
    return SP_MIN(r->o->max_new, r->engines[0].m->cfg.max_position - prompt);
}

/* Tokens of the answer that a context may have to hold. */
static int64_t answer_part(const run *r, const sp_gen_item *it, bool second)
{
    const sp_contrast *c = &r->o->contrast;
    return second && c->kind == SP_SAFEDECODING ? SP_MIN(limit_of(r, it), c->first)
                                                : limit_of(r, it);
}

static void measure(run *r, engine *e)
{
    for (size_t i = 0; i < r->n_items; i++)
        for (int lane = e->lane; lane < e->lane + e->n_lanes; lane++) {
            int64_t n = n_prompt(&r->items[i], lane);
            e->prompt = SP_MAX(e->prompt, n);
            e->longest = SP_MAX(e->longest, n + answer_part(r, &r->items[i], lane));
        }
}

/* Rows of the cache. With a window a ring is enough that holds the window and the longest stretch
 * added at once. */
static int64_t cache_rows(const run *r, const engine *e)
{
    int64_t w = e->m->cfg.window;
    return w ? SP_MIN(e->longest, w + r->o->prefill) : e->longest;
}

/* Slots asked for, or as many as the cache may hold. */
static int64_t count_slots(const run *r)
{
    double room = r->o->cache_bytes > 0 ? r->o->cache_bytes : (double)sp_capacity_memory() / 4,
           each = 0;
    for (int i = 0; i < r->n_engines; i++)
        each += (double)sp_kv_bytes(&r->engines[i].m->cfg, r->engines[i].n_lanes,
                                    cache_rows(r, &r->engines[i]));
    int64_t wanted = SP_MIN(r->o->batch, (int64_t)r->n_items),
            n = SP_MAX(1, (int64_t)(room / each));
    if (n >= wanted || r->o->no_cache) return wanted;
    sp_note("%lld prompts side by side: more keys and values would not fit into %.3g GB",
            (long long)n, room / 1e9);
    return n;
}

/* Contexts and tokens a step, once the slots are known. */
static void size_engine(const run *r, engine *e)
{
    e->n_ctx = e->n_lanes * r->n_slots;
    e->max_n = r->o->no_cache ? e->n_ctx * e->longest
                              : e->n_ctx + SP_MIN(r->o->prefill, e->n_ctx * e->prompt);
}

/* Memory an engine takes beside the model's weights. */
static uint64_t engine_bytes(const run *r, const engine *e)
{
    uint64_t states = (uint64_t)(e->max_n + 2 * e->n_ctx) * (uint64_t)e->m->cfg.hidden +
                      (uint64_t)(e->n_ctx * e->m->cfg.vocab);
    uint64_t cache = r->o->no_cache ? 0 : sp_kv_bytes(&e->m->cfg, e->n_ctx, cache_rows(r, e));
    uint64_t layer = sp_acts_bytes(&e->m->cfg, e->max_n) +
                     sp_gemm_bytes(e->max_n, e->m->cfg.hidden, e->m->cfg.mlp);
    return cache + layer + sp_head_bytes(e->m, e->n_ctx) + states * sizeof(float);
}

static int check_memory(run *r, sp_err *e)
{
    uint64_t bytes = 0;
    for (int i = 0; i < r->n_engines; i++) {
        size_engine(r, &r->engines[i]);
        bytes += engine_bytes(r, &r->engines[i]);
    }
    return sp_capacity_check_memory("keys, values and activations", bytes, e);
}

static void open_engine(run *r, engine *e)
{
    e->ctx = r->ctx + e->lane * r->n_slots, e->row = r->row + e->lane * r->n_slots;
    if (!r->o->no_cache) sp_kv_alloc(&e->kv, &e->m->cfg, e->n_ctx, cache_rows(r, e));
    for (int64_t i = 0; i < e->n_ctx; i++)
        e->ctx[i].ids = sp_xarray((size_t)e->longest, sizeof(int32_t));
    size_t n = (size_t)e->max_n, s = (size_t)e->n_ctx, h = (size_t)e->m->cfg.hidden;
    e->acts = sp_acts_new(&e->m->cfg, e->max_n);
    e->start = sp_xarray(s + 1, sizeof *e->start), e->pos0 = sp_xarray(s, sizeof *e->pos0);
    e->ctx_of = sp_xarray(s, sizeof *e->ctx_of), e->ids = sp_xarray(n, sizeof *e->ids);
    e->x = sp_xfloats(n * h), e->last = sp_xfloats(s * h), e->gathered = sp_xfloats(s * h);
    e->logits = sp_xfloats(s * (size_t)e->m->cfg.vocab);
}

static int open_run(run *r, sp_model *m, sp_err *e)
{
    sp_model *expert = r->o->contrast.kind != SP_PLAIN ? r->o->expert : NULL;
    r->lanes = r->o->contrast.kind != SP_PLAIN ? 2 : 1;
    r->n_engines = expert ? 2 : 1;
    r->engines[0] = (engine){.m = m, .n_lanes = expert ? 1 : r->lanes};
    r->engines[1] = (engine){.m = expert, .lane = 1, .n_lanes = 1};
    for (int i = 0; i < r->n_engines; i++) measure(r, &r->engines[i]);
    r->n_slots = count_slots(r);
    if (check_memory(r, e) < 0) return -1;
    r->n_ctx = r->lanes * r->n_slots;
    size_t s = (size_t)r->n_slots, n = (size_t)r->n_ctx;
    r->slots = sp_xarray(s, sizeof *r->slots), r->ready = sp_xarray(s, sizeof *r->ready);
    r->chosen = sp_xarray(s, sizeof *r->chosen), r->wanted = sp_xarray(n, sizeof *r->wanted);
    r->ctx = sp_xcalloc(n, sizeof *r->ctx), r->row = sp_xcalloc(n, sizeof *r->row);
    for (size_t i = 0; i < s; i++) r->slots[i].item = -1;
    for (int i = 0; i < r->n_engines; i++) open_engine(r, &r->engines[i]);
    return 0;
}

static void close_run(run *r)
{
    for (int64_t i = 0; i < r->n_ctx; i++) free(r->ctx[i].ids);
    for (engine *e = r->engines; e < r->engines + r->n_engines; e++) {
        void *all[] = {e->start, e->pos0, e->ctx_of, e->ids, e->x, e->last, e->gathered, e->logits};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
        sp_acts_free(e->acts);
        if (!r->o->no_cache) sp_kv_free(&e->kv);
    }
    free(r->slots), free(r->ready), free(r->chosen), free(r->ctx), free(r->row), free(r->wanted);
}

/* ---- one step ------------------------------------------------------------------------- */

static void start_context(context *c, const int32_t *prompt, int64_t n)
{
    memcpy(c->ids, prompt, (size_t)n * sizeof *prompt);
    c->n = n;
    c->seen = 0;
}

static void refill(run *r)
{
    for (int64_t i = 0; i < r->n_slots && r->next < r->n_items; i++) {
        if (r->slots[i].item >= 0) continue;
        const sp_gen_item *it = &r->items[r->next];
        r->slots[i] = (slot){(int64_t)r->next++, sp_now()};
        start_context(&r->ctx[i], it->prompt, it->n_prompt);
        if (r->lanes > 1)
            start_context(&r->ctx[r->n_slots + i], it->other ? it->other : it->prompt,
                          n_prompt(it, true));
    }
}

static void pack_context(engine *e, int64_t c, int64_t from, int64_t n)
{
    int64_t k = e->pack.n_seq++;
    memcpy(e->ids + e->pack.n, e->ctx[c].ids + from, (size_t)n * sizeof *e->ids);
    e->ctx_of[k] = c;
    e->pos0[k] = from;
    e->pack.n += n;
    e->start[k + 1] = e->pack.n;
}

/* Running answers first, one token each; then prompts, as far as there is room. */
static void pack_step(engine *e, const sp_gen_opt *o)
{
    e->pack = (sp_pack){0, e->start, e->pos0, 0};
    e->start[0] = 0;
    int64_t room = o->no_cache ? e->max_n : SP_MIN(o->prefill, e->max_n - e->n_ctx);
    for (int prompts = 0; prompts < 2; prompts++)
        for (int64_t c = 0; c < e->n_ctx; c++) {
            const context *s = &e->ctx[c];
            int64_t from = o->no_cache ? 0 : s->seen, pending = s->n - from;
            if (s->seen == s->n || (pending > 1) != prompts) continue;
            int64_t n = prompts ? SP_MIN(pending, room) : 1;
            if (n > 0) pack_context(e, c, from, n);
            if (prompts) room -= n;
        }
}

/* Hidden states of the pack; those of each context's last token are kept. */
static void forward(engine *e, bool no_cache)
{
    size_t h = (size_t)e->m->cfg.hidden;
    if (!e->pack.n) return;
    sp_embed_forward(e->m, e->ids, e->pack.n, e->x);
    for (int64_t l = 0; l < e->m->cfg.layers; l++) {
        sp_layer_prefetch(e->m, l + 1);
        sp_layer_forward(e->m, l, &e->pack, e->x, e->x, no_cache ? NULL : &e->kv, e->ctx_of,
                         e->acts);
        sp_layer_release(e->m, l);
    }
    for (int64_t k = 0; k < e->pack.n_seq; k++) {
        memcpy(e->last + (size_t)e->ctx_of[k] * h, e->x + (size_t)(e->start[k + 1] - 1) * h,
               h * sizeof(float));
        e->ctx[e->ctx_of[k]].seen = e->pos0[k] + e->start[k + 1] - e->start[k];
    }
}

static bool seen_all(const context *c) { return c->seen == c->n; }

/* The slots that can go on, and which contexts they need logits of. */
static void find_ready(run *r)
{
    bool two = r->lanes > 1, *wanted = r->wanted;
    r->n_ready = 0;
    for (int64_t i = 0; i < r->n_slots; i++) {
        const slot *s = &r->slots[i];
        wanted[i] =
            s->item >= 0 && seen_all(&r->ctx[i]) && (!two || seen_all(&r->ctx[r->n_slots + i]));
        if (two)
            wanted[r->n_slots + i] =
                wanted[i] && sp_contrast_joint(&r->o->contrast, (int64_t)r->items[s->item].out.n);
        if (wanted[i]) r->ready[r->n_ready++] = i;
    }
}

/* Logits of the wanted contexts: row[c], NULL for the others. */
static void head(engine *e, const bool *wanted)
{
    size_t h = (size_t)e->m->cfg.hidden, v = (size_t)e->m->cfg.vocab;
    int64_t n = 0;
    for (int64_t c = 0; c < e->n_ctx; c++) {
        e->row[c] = wanted[c] ? e->logits + (size_t)n * v : NULL;
        if (wanted[c])
            memcpy(e->gathered + (size_t)n++ * h, e->last + (size_t)c * h, h * sizeof(float));
    }
    if (n) sp_head_logits(e->m, e->gathered, n, e->logits);
    sp_layer_release(e->m, -1);
}

static void step(run *r)
{
    for (int i = 0; i < r->n_engines; i++) {
        pack_step(&r->engines[i], r->o);
        forward(&r->engines[i], r->o->no_cache);
    }
    find_ready(r);
    for (int i = 0; i < r->n_engines; i++)
        head(&r->engines[i], r->wanted + (r->engines[i].ctx - r->ctx));
}

/* The next id of every ready slot, or -1 where the logits are no numbers. */
static void choose(run *r)
{
    int64_t v = r->engines[0].m->cfg.vocab;
#pragma omp parallel for schedule(dynamic) if (r->n_ready * v > 32768)
    for (int64_t i = 0; i < r->n_ready; i++) {
        int64_t s = r->ready[i], second = r->n_slots + s;
        float *z = r->row[s];
        double u = sp_rand_unit(r->o->seed, (uint64_t)r->slots[s].item, (uint64_t)r->ctx[s].n);
        if (second < r->n_ctx && r->row[second])
            sp_contrast_logits(&r->o->contrast, z, r->row[second], v);
        int32_t id = sp_sample(z, v, &r->o->sampler, u);
        r->chosen[i] = isfinite(z[id]) ? id : -1;
    }
}

/* ---- endings -------------------------------------------------------------------------- */

size_t sp_gen_cut(const char *text, size_t n, const char *const *stop, size_t n_stop)
{
    for (size_t i = 0; i < n_stop; i++) {
        const char *at = memmem(text, n, stop[i], strlen(stop[i]));
        if (at) n = (size_t)(at - text);
    }
    return n;
}

static bool is_end(const sp_gen_opt *o, int32_t id)
{
    for (size_t i = 0; i < o->n_end; i++)
        if (o->end[i] == id) return true;
    return false;
}

/* Does a stop text end in the last token? Only as many tokens are decoded as the longest stop text
 * has bytes, and a few. */
static bool meets_stop(const sp_gen_opt *o, const sp_ids *out)
{
    size_t longest = 0, len;
    for (size_t i = 0; i < o->n_stop; i++) longest = SP_MAX(longest, strlen(o->stop[i]));
    if (!longest) return false;
    size_t n = SP_MIN(out->n, longest + 8);
    char *text = sp_tok_decode(o->tok, out->ids + out->n - n, n, true, &len);
    bool met = sp_gen_cut(text, len, o->stop, o->n_stop) < len;
    free(text);
    return met;
}

/* Append the chosen id to the answer in slot s and to its contexts; returns true when the answer is
 * complete. */
static bool take(run *r, int64_t s, int32_t id)
{
    sp_gen_item *it = &r->items[r->slots[s].item];
    if (is_end(r->o, id)) return it->stopped = true;
    sp_ids_push(&it->out, id);
    for (int64_t c = s; c < r->n_ctx; c += r->n_slots)
        if (c == s || sp_contrast_joint(&r->o->contrast, (int64_t)it->out.n))
            r->ctx[c].ids[r->ctx[c].n++] = id;
    it->stopped = meets_stop(r->o, &it->out);
    return it->stopped || (int64_t)it->out.n >= limit_of(r, it);
}

static void release(run *r, int64_t s)
{
    r->slots[s].item = -1;
    for (int64_t c = s; c < r->n_ctx; c += r->n_slots) r->ctx[c].n = r->ctx[c].seen = 0;
    r->finished++;
}

static int finish_step(run *r, void (*done)(void *self, size_t i), void *self, sp_err *e)
{
    for (int64_t i = 0; i < r->n_ready; i++) {
        int64_t s = r->ready[i];
        size_t item = (size_t)r->slots[s].item;
        if (r->chosen[i] < 0)
            return sp_fail(e, SP_EINPUT,
                           "the model's logits are not finite: its weights are damaged");
        if (!take(r, s, r->chosen[i])) continue;
        r->items[item].seconds = sp_now() - r->slots[s].t0;
        release(r, s);
        done(self, item);
    }
    return 0;
}

int sp_generate(sp_model *m, sp_gen_item *items, size_t n, const sp_gen_opt *opt,
                void (*done)(void *self, size_t i), void *self, sp_err *e)
{
    if (!n) return 0;
    run r = {.o = opt, .items = items, .n_items = n};
    if (open_run(&r, m, e) < 0) return -1;
    int rc = 0;
    while (rc == 0 && r.finished < n) {
        refill(&r);
        step(&r);
        choose(&r);
        rc = finish_step(&r, done, self, e);
    }
    close_run(&r);
    return rc;
}
