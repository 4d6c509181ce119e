/* gen.c - see gen.h. */
#include "gen.h"

#include "vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int64_t item;   /* index of the prompt, -1 = free */
    int32_t *ids;   /* prompt and answer so far */
    int64_t n;      /* of them */
    int64_t cached; /* of them already in the cache */
    double t0;
} slot;

typedef struct {
    sp_model *m;
    const sp_gen_opt *o;
    sp_gen_item *items;
    size_t n_items, next, finished;
    slot *slots;
    int64_t n_slots, longest; /* longest: tokens of prompt and answer together */
    sp_kv kv;
    sp_work *work;
    int64_t max_n;            /* tokens a step */
    /* The step at hand. */
    sp_pack pack;
    int64_t *start, *pos0, *slot_of; /* per sequence of the pack */
    int32_t *ids;                    /* (max_n) */
    float *x;                        /* (max_n, hidden) */
    int64_t *ready, n_ready;         /* slots whose tokens are all in */
    float *last, *logits;            /* (n_slots, hidden), (n_slots, vocab) */
    int32_t *chosen;                 /* (n_slots) */
} run;

static int64_t limit_of(const run *r, const sp_gen_item *it)
{
    return SP_MIN(r->o->max_new, r->m->cfg.max_position - it->n_prompt);
}

/* Rows of the cache. With a window a ring is enough that holds the window and the longest stretch added at once. */
static int64_t cache_rows(const run *r)
{
    int64_t w = r->m->cfg.window;
    return w ? SP_MIN(r->longest, w + r->o->prefill) : r->longest;
}

/* Slots asked for, or as many as the cache may hold. */
static int64_t count_slots(const run *r)
{
    const sp_config *c = &r->m->cfg;
    double row = 2.0 * sizeof(float) * (double)(c->layers * c->kv_heads * c->head_dim), room = r->o->cache_bytes;
    if (room <= 0) room = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 4;
    int64_t wanted = SP_MIN(r->o->batch, (int64_t)r->n_items), n = SP_MAX(1, (int64_t)(room / (row * (double)cache_rows(r))));
    if (n >= wanted || r->o->no_cache) return wanted;
    sp_note("%lld prompts side by side: more keys and values would not fit into %.3g GB", (long long)n, room / 1e9);
    return n;
}

static void open_run(run *r)
{
    int64_t prompts = 0;
    for (size_t i = 0; i < r->n_items; i++) {
        prompts = SP_MAX(prompts, r->items[i].n_prompt);
        r->longest = SP_MAX(r->longest, r->items[i].n_prompt + limit_of(r, &r->items[i]));
    }
    r->n_slots = count_slots(r);
    r->max_n = r->o->no_cache ? r->n_slots * r->longest : r->n_slots + SP_MIN(r->o->prefill, r->n_slots * prompts);
    if (!r->o->no_cache) sp_kv_alloc(&r->kv, r->m, r->n_slots, cache_rows(r));
    size_t n = (size_t)r->max_n, s = (size_t)r->n_slots, h = (size_t)r->m->cfg.hidden;
    r->work = sp_work_new(r->m, r->max_n, false);
    r->slots = sp_xarray(s, sizeof *r->slots);
    for (size_t i = 0; i < s; i++)
        r->slots[i] = (slot){.item = -1, .ids = sp_xarray((size_t)r->longest, sizeof(int32_t))};
    r->start = sp_xarray(s + 1, sizeof *r->start), r->pos0 = sp_xarray(s, sizeof *r->pos0);
    r->slot_of = sp_xarray(s, sizeof *r->slot_of), r->ready = sp_xarray(s, sizeof *r->ready);
    r->ids = sp_xarray(n, sizeof *r->ids), r->chosen = sp_xarray(s, sizeof *r->chosen);
    r->x = sp_xfloats(n * h), r->last = sp_xfloats(s * h), r->logits = sp_xfloats(s * (size_t)r->m->cfg.vocab);
}

static void close_run(run *r)
{
    for (int64_t i = 0; i < r->n_slots; i++) free(r->slots[i].ids);
    void *all[] = {r->slots, r->start, r->pos0, r->slot_of, r->ready, r->ids, r->chosen, r->x, r->last, r->logits};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    sp_work_free(r->work);
    if (!r->o->no_cache) sp_kv_free(&r->kv);
}

/* ---- one step ----------------------------------------------------------------------------------------------------- */

static void refill(run *r)
{
    for (int64_t i = 0; i < r->n_slots && r->next < r->n_items; i++) {
        slot *s = &r->slots[i];
        if (s->item >= 0) continue;
        const sp_gen_item *it = &r->items[r->next];
        s->item = (int64_t)r->next++;
        s->n = it->n_prompt;
        s->cached = 0;
        s->t0 = sp_now();
        memcpy(s->ids, it->prompt, (size_t)s->n * sizeof *s->ids);
    }
}

static void pack_slot(run *r, int64_t i, int64_t n)
{
    const slot *s = &r->slots[i];
    int64_t k = r->pack.n_seq++;
    memcpy(r->ids + r->pack.n, s->ids + s->cached, (size_t)n * sizeof *r->ids);
    r->slot_of[k] = i;
    r->pos0[k] = s->cached;
    r->pack.n += n;
    r->start[k + 1] = r->pack.n;
    if (s->cached + n == s->n) r->ready[r->n_ready++] = k;
}

/* Running answers first, one token each; then prompts, as far as there is room. */
static void pack_step(run *r)
{
    r->pack = (sp_pack){0, r->start, r->pos0, 0};
    r->start[0] = r->n_ready = 0;
    int64_t room = r->o->no_cache ? r->max_n : SP_MIN(r->o->prefill, r->max_n - r->n_slots);
    for (int prompts = 0; prompts < 2; prompts++)
        for (int64_t i = 0; i < r->n_slots; i++) {
            const slot *s = &r->slots[i];
            int64_t pending = s->n - s->cached;
            if (s->item < 0 || (pending > 1) != prompts) continue;
            int64_t n = prompts ? SP_MIN(pending, room) : 1;
            if (n > 0) pack_slot(r, i, n);
            if (prompts) room -= n;
        }
}

/* Hidden states of the pack, then logits of the sequences that are ready. */
static void forward(run *r)
{
    sp_model *m = r->m;
    size_t h = (size_t)m->cfg.hidden;
    sp_embed_forward(m, r->ids, r->pack.n, r->x);
    for (int64_t l = 0; l < m->cfg.layers; l++) {
        sp_layer_prefetch(m, l + 1);
        sp_layer_forward(m, l, &r->pack, r->x, r->x, r->o->no_cache ? NULL : &r->kv, r->slot_of, r->work);
        sp_layer_release(m, l);
    }
    for (int64_t i = 0; i < r->n_ready; i++)
        memcpy(r->last + (size_t)i * h, r->x + (size_t)(r->start[r->ready[i] + 1] - 1) * h, h * sizeof(float));
    if (r->n_ready) sp_head_logits(m, r->last, r->n_ready, r->logits);
    for (int64_t k = 0; k < r->pack.n_seq && !r->o->no_cache; k++)
        r->slots[r->slot_of[k]].cached += r->start[k + 1] - r->start[k];
}

/* The next id of every ready sequence, or -1 where the logits are no numbers. */
static void choose(run *r)
{
    int64_t v = r->m->cfg.vocab;
#pragma omp parallel for schedule(dynamic) if (r->n_ready * v > 32768)
    for (int64_t i = 0; i < r->n_ready; i++) {
        const slot *s = &r->slots[r->slot_of[r->ready[i]]];
        const float *z = r->logits + i * v;
        double u = sp_rand_unit(r->o->seed, (uint64_t)s->item, (uint64_t)s->n);
        int32_t id = sp_sample(z, v, &r->o->sampler, u);
        r->chosen[i] = isfinite(z[id]) ? id : -1;
    }
}

/* ---- endings ------------------------------------------------------------------------------------------------------ */

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

/* Does a stop text end in the last token? Only as many tokens are decoded as the longest stop text has bytes, and a
 * few. */
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

/* Append the chosen id to its slot; returns true when the answer is complete. */
static bool take(run *r, slot *s, int32_t id)
{
    sp_gen_item *it = &r->items[s->item];
    if (is_end(r->o, id)) return it->stopped = true;
    sp_ids_push(&it->out, id);
    s->ids[s->n++] = id;
    it->stopped = meets_stop(r->o, &it->out);
    return it->stopped || (int64_t)it->out.n >= limit_of(r, it);
}

static int finish_step(run *r, void (*done)(void *self, size_t i), void *self, sp_err *e)
{
    for (int64_t i = 0; i < r->n_ready; i++) {
        slot *s = &r->slots[r->slot_of[r->ready[i]]];
        if (r->chosen[i] < 0)
            return sp_fail(e, SP_EINPUT, "the model's logits are not finite: its weights are damaged");
        if (!take(r, s, r->chosen[i])) continue;
        size_t item = (size_t)s->item;
        r->items[item].seconds = sp_now() - s->t0;
        s->item = -1;
        s->n = s->cached = 0;
        r->finished++;
        done(self, item);
    }
    return 0;
}

int sp_generate(sp_model *m, sp_gen_item *items, size_t n, const sp_gen_opt *opt, void (*done)(void *self, size_t i),
                void *self, sp_err *e)
{
    if (!n) return 0;
    run r = {.m = m, .o = opt, .items = items, .n_items = n};
    open_run(&r);
    int rc = 0;
    while (rc == 0 && r.finished < n) {
        refill(&r);
        pack_step(&r);
        forward(&r);
        choose(&r);
        rc = finish_step(&r, done, self, e);
    }
    close_run(&r);
    return rc;
}
