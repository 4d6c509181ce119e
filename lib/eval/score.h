/* score.h - how likely a model finds given tokens: perplexity, multiple choice, logits.
 */
#ifndef SP_SCORE_H
#define SP_SCORE_H

#include "engine/model.h"
#include "tensor/st.h"
#include "text/examples.h"

/* One example's scored tokens. */
typedef struct {
    double nll; /* sum of -log p, nats */
    int64_t tokens;
    bool greedy; /* each of them is the likeliest at its place */
} sp_score;

/* Score data's examples, a batch of at least one and about batch_tokens tokens at a time;
 * scores has room for data->n. Sums run in the order of the tokens. `done` (may be NULL)
 * is called with the tokens done so far. */
void sp_score_data(sp_model *m, const sp_examples *data, int64_t batch_tokens,
                   sp_score *scores, void (*done)(void *self, int64_t tokens),
                   void *self);

/* Write logits.0, logits.1 ... (tokens, vocab), F32, one per example. 0 or -1. */
int sp_score_logits(sp_model *m, const sp_examples *data, int64_t batch_tokens,
                    sp_dst *out, sp_err *e);
/* Names and shapes of that stream: data->n entries, released with sp_logits_tensors_free.
 */
sp_tinfo *sp_logits_tensors(const sp_model *m, const sp_examples *data);
void sp_logits_tensors_free(sp_tinfo *t, size_t n);

#endif
