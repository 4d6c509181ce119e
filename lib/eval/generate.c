/* generate.c - see generate.h.
 *
 * A lane is one of the contexts that an answer is read in: lane 0 always, lane 1 under a defence.
 * Where both lanes run on one model they share a decoder, which has the contexts of lane 1 behind
 * those of lane 0; an expert has a decoder of its own. With three slots:
 *
 *     one model      decoders[0].ctx   lane 0: 0 1 2   lane 1: 3 4 5
 *     an expert      decoders[0].ctx   lane 0: 0 1 2
 *                    decoders[1].ctx                   lane 1: 0 1 2
 *
 * Each step goes the same way: free slots take prompts, the decoders read what is pending, a token
 * is chosen for every slot whose contexts have been seen, answers that end leave their slots. While
 * a long prompt is read in pieces its slot is not ready and gets no token.
 *
 * What is chosen depends on the prompt's logits and on (seed, prompt, position) alone, so the
 * answers are the same in any slot and beside any others, up to the rounding of the logits.
 */
#include "eval/generate.h"

#include "base/capacity.h"
#include "base/clock.h"
#include "base/philox.h"
#include "eval/decoder.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    int64_t item; /* index of the prompt, -1 = free */
    double t0;    /* when it was taken */
} slot;

/* The state of one call of sp_generate. */
typedef struct {
    const sp_generate_opt *o;
    sp_generation *items;
    /* prompts in all; index of the first that has not been in a slot; answers that are complete */
    size_t n_items, next, finished;
    int64_t n_slots;
    slot *slots;
    int lanes;           /* contexts a slot has, 1 or 2 */
    sp_model *models[2]; /* of the decoders */
    sp_decoder decoders[2];
    int n_decoders;          /* 1, or one a lane */
    int64_t *ready, n_ready; /* slots all of whose contexts have been seen */
    int32_t *chosen;         /* [n_ready] the next id of each, -1 = the logits are no numbers */
} generator;

/* ---- contexts of a slot --------------------------------------------------------------- */

/* The decoder that reads a lane. */
static sp_decoder *decoder_of(generator *g, int lane)
{
    return &g->decoders[g->n_decoders > 1 ? lane : 0];
}

/* Index of a slot's context in the decoder of its lane, as drawn above. */
static int64_t index_of(const generator *g, int64_t slot_number, int lane)
{
    return g->n_decoders > 1 ? slot_number : lane * g->n_slots + slot_number;
}

static sp_context *context_of(generator *g, int64_t slot_number, int lane)
{
    return &decoder_of(g, lane)->ctx[index_of(g, slot_number, lane)];
}

/* Logits (vocab) of a slot's context, or NULL where they were not wanted. Valid until the next
 * step. */
static float *row_of(generator *g, int64_t slot_number, int lane)
{
    return decoder_of(g, lane)->row[index_of(g, slot_number, lane)];
}

/* Does the answer's next token, `done` tokens being there, need this lane? SafeDecoding's second
 * lane drops out after its first tokens, the others never do. */
static bool lane_takes_part(const generator *g, int lane, size_t done)
{
    return !lane || sp_contrast_joint(&g->o->contrast, (int64_t)done);
}

/* ---- lengths -------------------------------------------------------------------------- */

/* Tokens of the prompt in a lane; lane 1 may have one of its own. */
static int64_t prompt_length(const sp_generation *it, int lane)
{
    return lane && it->other ? it->n_other : it->n_prompt;
}

/* Tokens that an answer may have: the model takes max_position of prompt and answer together. Of
 * two prompts the longer one counts, since the answer follows both. */
static int64_t answer_limit(const generator *g, const sp_generation *it)
{
    int64_t prompt = it->n_prompt;
    if (g->lanes > 1) prompt = SP_MAX(prompt, prompt_length(it, 1));
    return SP_MIN(g->o->max_new, g->models[0]->cfg.max_position - prompt);
}

/* Tokens of an answer that the context of a lane may have to hold. It bounds the cache: the expert
 * of SafeDecoding needs only the first tokens. */
static int64_t answer_part(const generator *g, const sp_generation *it, int lane)
{
    const sp_contrast *c = &g->o->contrast;
    int64_t limit = answer_limit(g, it);
    return lane && c->kind == SP_SAFEDECODING ? SP_MIN(limit, c->first) : limit;
}

/* ---- opening -------------------------------------------------------------------------- */

/* What a decoder needs for one slot, whose lanes first .. end-1 it reads on model m. Lengths are
 * the largest over all prompts, since any prompt may come into any slot. */
static sp_decoder_opt one_slot(const generator *g, sp_model *m, int first, int end)
{
    sp_decoder_opt d = {
        .m = m, .n = end - first, .prefill = g->o->prefill, .no_cache = g->o->no_cache};
    for (size_t i = 0; i < g->n_items; i++)
        for (int lane = first; lane < end; lane++) {
            int64_t n = prompt_length(&g->items[i], lane);
            d.longest_prompt = SP_MAX(d.longest_prompt, n);
            d.longest = SP_MAX(d.longest, n + answer_part(g, &g->items[i], lane));
        }
    return d;
}

/* The number of slots: as many as were asked for and have prompts, or as many as the cache may
 * hold, at least 1. bytes_of_one: keys and values of all contexts of a slot. Without a cache the
 * bound does not apply. A note says when there are fewer than asked for. */
static int64_t count_slots(const generator *g, uint64_t bytes_of_one)
{
    double may = g->o->cache_bytes > 0 ? g->o->cache_bytes : (double)sp_capacity_memory() / 4;
    int64_t wanted = SP_MIN(g->o->batch, (int64_t)g->n_items),
            n = SP_MAX(1, (int64_t)(may / (double)bytes_of_one));
    if (n >= wanted || g->o->no_cache) return wanted;
    sp_note("%lld prompts side by side: more keys and values would not fit into %.3g GB",
            (long long)n, may / 1e9);
    return n;
}

/* Set n_slots and open the decoders for them. All memory is compared with what is free before any
 * of it is taken. 0, or -1 with nothing open. */
static int open_decoders(generator *g, sp_err *e)
{
    sp_decoder_opt d[2];
    uint64_t cache = 0, bytes = 0;
    for (int i = 0; i < g->n_decoders; i++) {
        d[i] = one_slot(g, g->models[i], i, g->n_decoders > 1 ? i + 1 : g->lanes);
        cache += sp_decoder_cache_bytes(&d[i]);
    }
    g->n_slots = count_slots(g, cache);
    for (int i = 0; i < g->n_decoders; i++) {
        d[i].n *= g->n_slots;
        bytes += sp_decoder_bytes(&d[i]);
    }
    if (sp_capacity_check_memory("keys, values and activations", bytes, e) < 0) return -1;
    for (int i = 0; i < g->n_decoders; i++) sp_decoder_open(&g->decoders[i], &d[i]);
    return 0;
}

/* Fill *g, which holds the options and the prompts; all slots are free. 0, or -1 with nothing to
 * close. */
static int open_generator(generator *g, sp_model *m, sp_err *e)
{
    bool two = g->o->contrast.kind != SP_PLAIN;
    g->lanes = two ? 2 : 1;
    g->models[0] = m;
    g->models[1] = two ? g->o->expert : NULL;
    g->n_decoders = g->models[1] ? 2 : 1;
    if (open_decoders(g, e) < 0) return -1;
    size_t n = (size_t)g->n_slots;
    g->slots = sp_xarray(n, sizeof *g->slots);
    g->ready = sp_xarray(n, sizeof *g->ready);
    g->chosen = sp_xarray(n, sizeof *g->chosen);
    for (size_t i = 0; i < n; i++) g->slots[i].item = -1;
    return 0;
}

static void close_generator(generator *g)
{
    for (int i = 0; i < g->n_decoders; i++) sp_decoder_close(&g->decoders[i]);
    free(g->slots);
    free(g->ready);
    free(g->chosen);
}

/* ---- one step ------------------------------------------------------------------------- */

/* Give each free slot the next prompt, in the order of the prompts, while there are any. */
static void refill(generator *g)
{
    for (int64_t i = 0; i < g->n_slots && g->next < g->n_items; i++) {
        if (g->slots[i].item >= 0) continue;
        const sp_generation *it = &g->items[g->next];
        g->slots[i] = (slot){(int64_t)g->next++, sp_now()};
        for (int lane = 0; lane < g->lanes; lane++)
            sp_context_start(context_of(g, i, lane), lane && it->other ? it->other : it->prompt,
                             prompt_length(it, lane));
    }
}

/* Has every context of the slot been read to its end? */
static bool all_seen(generator *g, int64_t slot_number)
{
    for (int lane = 0; lane < g->lanes; lane++)
        if (!sp_context_seen(context_of(g, slot_number, lane))) return false;
    return true;
}

/* List in `ready` the slots that can go on, and mark in the decoders the contexts whose logits they
 * need. Every context gets its mark anew, those of free slots too. */
static void find_ready(generator *g)
{
    g->n_ready = 0;
    for (int64_t i = 0; i < g->n_slots; i++) {
        bool ready = g->slots[i].item >= 0 && all_seen(g, i);
        size_t done = ready ? g->items[g->slots[i].item].out.n : 0;
        for (int lane = 0; lane < g->lanes; lane++)
            decoder_of(g, lane)->wanted[index_of(g, i, lane)] =
                ready && lane_takes_part(g, lane, done);
        if (ready) g->ready[g->n_ready++] = i;
    }
}

/* Read pending tokens, and compute the logits that the ready slots need. Which ones are ready is
 * known only after all decoders have read. */
static void step(generator *g)
{
    for (int i = 0; i < g->n_decoders; i++) sp_decoder_step(&g->decoders[i]);
    find_ready(g);
    for (int i = 0; i < g->n_decoders; i++) sp_decoder_logits(&g->decoders[i]);
}

/* Draw the next id of a ready slot; -1 where its logits are no numbers. Overwrites the slot's row
 * of lane 0, and no other slot's, so that threads can do it side by side. */
static int32_t choose_one(generator *g, int64_t slot_number)
{
    int64_t v = g->models[0]->cfg.vocab;
    float *z = row_of(g, slot_number, 0), *w = g->lanes > 1 ? row_of(g, slot_number, 1) : NULL;
    /* A draw depends on the prompt and the position in it. With the slot in it, answers would
     * depend on the batch. */
    double u = sp_rand_unit(g->o->seed, (uint64_t)g->slots[slot_number].item,
                            (uint64_t)context_of(g, slot_number, 0)->n);
    if (w) sp_contrast_logits(&g->o->contrast, z, w, v);
    int32_t id = sp_sample(z, v, &g->o->sampler, u);
    return isfinite(z[id]) ? id : -1;
}

/* Fill `chosen` for all ready slots. One row in a thread is worth starting threads only for many
 * logits together. */
static void choose(generator *g)
{
#pragma omp parallel for schedule(dynamic) if (g->n_ready * g->models[0]->cfg.vocab > 32768)
    for (int64_t i = 0; i < g->n_ready; i++) g->chosen[i] = choose_one(g, g->ready[i]);
}

/* Append the chosen id to the answer in a slot and to its contexts; true when the answer is
 * complete. A second context that no further token needs goes no further. */
static bool take(generator *g, int64_t slot_number, int32_t id)
{
    sp_generation *it = &g->items[g->slots[slot_number].item];
    if (sp_ending_is_id(&g->o->ending, id)) return it->stopped = true;
    /* An id that ends an answer is left out of it. A stop text stays in it; answer.c cuts it off.
     */
    sp_ids_push(&it->out, id);
    for (int lane = 0; lane < g->lanes; lane++)
        if (lane_takes_part(g, lane, it->out.n))
            sp_context_push(context_of(g, slot_number, lane), id);
    it->stopped = sp_ending_in_text(&g->o->ending, &it->out);
    return it->stopped || (int64_t)it->out.n >= answer_limit(g, it);
}

/* Free the slot and count its answer as finished. */
static void release(generator *g, int64_t slot_number)
{
    g->slots[slot_number].item = -1;
    for (int lane = 0; lane < g->lanes; lane++) sp_context_clear(context_of(g, slot_number, lane));
    g->finished++;
}

/* Append what was chosen, and hand over answers that are complete. One thread does it, so that
 * `done` need not be safe for several. 0, or -1 at the first slot without a choice. */
static int finish_step(generator *g, void (*done)(void *self, size_t i), void *self, sp_err *e)
{
    for (int64_t i = 0; i < g->n_ready; i++) {
        int64_t s = g->ready[i];
        size_t item = (size_t)g->slots[s].item;
        if (g->chosen[i] < 0)
            return sp_fail(e, SP_EINPUT,
                           "the model's logits are not finite: its weights are damaged");
        if (!take(g, s, g->chosen[i])) continue;
        g->items[item].seconds = sp_now() - g->slots[s].t0;
        /* clears the slot: the index of its prompt was read above for that reason */
        release(g, s);
        done(self, item);
    }
    return 0;
}

int sp_generate(sp_model *m, sp_generation *items, size_t n, const sp_generate_opt *opt,
                void (*done)(void *self, size_t i), void *self, sp_err *e)
{
    if (!n) return 0;
    generator g = {.o = opt, .items = items, .n_items = n};
    if (open_generator(&g, m, e) < 0) return -1;
    int rc = 0;
    while (rc == 0 && g.finished < n) {
        refill(&g);
        step(&g);
        choose(&g);
        rc = finish_step(&g, done, self, e);
    }
    close_generator(&g);
    return rc;
}
