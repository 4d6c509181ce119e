/* gen.h - text generation: many prompts side by side, each in a slot of the key/value
 * cache.
 *
 * A step packs one token of every running answer and as many prompt tokens as --prefill
 * allows, goes once through the layers, and picks a token for every sequence whose tokens
 * are all in. A slot that finishes takes the next prompt at once.
 *
 * A decoding-time defence (contrast.h) reads every answer in two contexts: another model
 * (SafeDecoding), or another prompt in front. The token chosen from both goes into both.
 * Contexts of one model share its steps, so that each weight is still read once.
 */
#ifndef SP_GEN_H
#define SP_GEN_H

#include "engine/model.h"
#include "eval/contrast.h"
#include "eval/sample.h"
#include "text/tok/tok.h"

typedef struct {
    int64_t max_new; /* tokens an answer may have, at least 1 */
    int64_t batch;   /* slots, at least 1 */
    int64_t prefill; /* prompt tokens a step, at least 1 */
    /* the slots together may use so much, 0 = a quarter of the memory; there is always
     * one */
    double cache_bytes;
    /* recompute everything at every step (slow; to check the cache) */
    bool no_cache;
    sp_sampler sampler;
    /* a draw depends on (seed, prompt, position), not on the batch */
    uint64_t seed;
    const int32_t *end; /* [n_end] ids that end an answer */
    size_t n_end;
    const char *const *stop; /* [n_stop] texts that end an answer; need tok */
    size_t n_stop;
    const sp_tok *tok;
    sp_contrast contrast; /* SP_PLAIN: one context */
    sp_model *expert;     /* runs the second context; NULL = the same model */
} sp_gen_opt;

typedef struct {
    /* [n_prompt], at least one, fewer than max_position; borrowed */
    const int32_t *prompt;
    int64_t n_prompt;
    /* [n_other] prompt of the second context, borrowed; NULL = prompt */
    const int32_t *other;
    int64_t n_other;
    sp_ids out;     /* the answer without the id that ended it */
    bool stopped;   /* by an end id or a stop text; else by length */
    double seconds; /* from taking a slot to the last token */
} sp_gen_item;

/* Fill out, stopped and seconds of items[0..n); `done` is called for each as it finishes.
 * 0, or -1 if the memory free is too small, or the logits are no numbers. */
int sp_generate(sp_model *m, sp_gen_item *items, size_t n, const sp_gen_opt *opt,
                void (*done)(void *self, size_t i), void *self, sp_err *e);

/* Length of text[0..n) before the first of the stop texts in it. */
size_t sp_gen_cut(const char *text, size_t n, const char *const *stop, size_t n_stop);

#endif
