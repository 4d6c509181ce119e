/* choice.h - items of a log-likelihood test: a context, and one continuation or several
 * choices.
 *
 * {"context": "..", "continuation": ".."} or {"context": "..", "choices": ["..", ..],
 * "answer": index or text}. Context and continuation are joined as they stand (the
 * continuation usually begins with a space) and encoded together; the continuation's
 * tokens are scored. A "prompt" or "messages" instead of the context goes through the
 * chat template, and the continuation stands where the answer begins.
 */
#ifndef SP_CHOICE_H
#define SP_CHOICE_H

#include "eval/score.h"
#include "text/load_examples.h"

typedef struct {
    json_t *obj;
    size_t first, n; /* its examples */
} sp_item;

typedef struct {
    sp_examples data; /* all items' examples */
    sp_item *items;
    size_t n;
} sp_items;

/* Add an item; takes obj over, also on error. opt: tok, tmpl, vocab, and max_len = the
 * longest example the model can take. 0 or -1. */
int sp_items_add(sp_items *it, json_t *obj, const sp_examples_opt *opt, sp_err *e);
/* Write the scores of item i's examples into its object: loglik, tokens, greedy; for
 * choices arrays of these, and pick and pick_norm, the indices of the best by sum and by
 * sum per character; with an answer also acc and acc_norm. */
void sp_items_report(sp_items *it, size_t i, const sp_score *scores);
void sp_items_free(sp_items *it);

#endif
