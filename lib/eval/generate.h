/* generate.h - text generation: many prompts side by side, each in a slot.
 *
 * A step takes pending tokens of every slot through the model (decoder.h) and picks a
 * token for each slot whose tokens have all been seen. A slot whose answer ends takes the
 * next prompt at once. Five prompts A to E on two slots, a letter a step:
 *
 *     slot 0   A A A A C C C E E E E
 *     slot 1   B B D D D D D D
 *
 * A decoding-time defence (contrast.h) reads every answer in two contexts: another model
 * (SafeDecoding), or another prompt in front. The token chosen from both goes into both.
 * Contexts of one model share its steps.
 */
#ifndef SP_GENERATE_H
#define SP_GENERATE_H

#include "engine/model.h"
#include "eval/contrast.h"
#include "eval/ending.h"
#include "eval/sample.h"

typedef struct {
    int64_t max_new; /* tokens an answer may have, at least 1 */
    int64_t batch;   /* slots, at least 1 */
    int64_t prefill; /* prompt tokens a step, at least 1 */
    /* bytes that the keys and values of all slots may take, 0 = a quarter of the memory;
     * there is one slot in any case */
    double cache_bytes;
    bool no_cache; /* recompute everything at every step (slow; to check the cache) */
    sp_sampler sampler;
    uint64_t seed; /* a draw depends on (seed, prompt, position), not on the batch */
    sp_ending ending;
    sp_contrast contrast; /* SP_PLAIN: one context */
    sp_model *expert;     /* runs the second context, borrowed; NULL = the same model */
} sp_generate_opt;

/* A prompt, and the answer to it. */
typedef struct {
    const int32_t *prompt; /* [n_prompt] borrowed; at least 1, fewer than max_position */
    int64_t n_prompt;
    const int32_t *other; /* [n_other] of the second context, borrowed; NULL = prompt */
    int64_t n_other;
    sp_ids out;     /* the answer without the id that ended it; the caller's to free */
    bool stopped;   /* it was ended by an id or a text; else by its length */
    double seconds; /* from taking a slot to the last token */
} sp_generation;

/* Fill out, stopped and seconds of items[0..n), whose `out` is empty before; done(self,
 * i) is called for each as it finishes. 0, or -1 if the memory free is too small, or the
 * logits are no numbers. */
SP_MUST_CHECK int sp_generate(sp_model *m, sp_generation *items, size_t n,
                              const sp_generate_opt *opt,
                              void (*done)(void *self, size_t i), void *self, sp_err *e);

#endif
