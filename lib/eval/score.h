/* score.h - how likely a model finds given tokens: perplexity, multiple choice, logits.
 */
#ifndef SP_SCORE_H
#define SP_SCORE_H

#include "engine/model.h"
#include "tensor/dst.h"
#include "text/examples.h"
#include "train/batch.h"

/* One example's scored tokens. */
typedef struct {
    double nll; /* sum of -log p, nats */
    int64_t tokens;
    bool greedy; /* each of them is the likeliest at its place */
} sp_score;

/* Examples are worked on in batches of about batch_tokens tokens, at least one example at
 * a time; the figures do not depend on it. */

/* Do something with a batch: its first sequence is example `first` of the data, and x (N,
 * hidden) are its hidden states after all layers. b and x are borrowed for the call.
 * 0 or -1. */
typedef int sp_score_batch(void *self, size_t first, const sp_batch *b, const float *x);
/* Take all examples through the layers, batch by batch, in their order. `what` stands in
 * the progress line; NULL = there is none. 0, or -1 as soon as fn gives it. */
int sp_score_batches(sp_model *m, const sp_examples *data, int64_t batch_tokens,
                     const char *what, sp_score_batch *fn, void *self);

/* scores[0..data->n) of the examples. Sums run in the order of the tokens. `what` stands
 * in the progress line. */
void sp_score_examples(sp_model *m, const sp_examples *data, int64_t batch_tokens,
                       const char *what, sp_score *scores);

/* The sums over n examples; greedy when all of them are. */
sp_score sp_score_total(const sp_score *scores, size_t n);

/* Names and shapes of the stream of logits: logits.0, logits.1 ... (tokens, vocab), F32,
 * one per example. data->n entries, to be released with sp_logits_tensors_free. */
sp_tinfo *sp_logits_tensors(const sp_model *m, const sp_examples *data);
void sp_logits_tensors_free(sp_tinfo *t, size_t n);

/* Write that stream to `out`, which was opened for it. 0 or -1. */
SP_MUST_CHECK int sp_score_logits(sp_model *m, const sp_examples *data,
                                  int64_t batch_tokens, sp_dst *out, sp_err *e);

#endif
