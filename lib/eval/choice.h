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
    size_t first, n; /* its examples are data.ex[first .. first+n-1], one a choice */
} sp_item;

/* Starts as {0}; release with sp_items_free. */
typedef struct {
    sp_examples data; /* the examples of all items */
    sp_item *items;
    size_t n, cap;
} sp_items;

/* Add an item; takes obj over, also on error. opt: tok, tmpl, vocab, and max_len = the
 * longest example the model can take. 0 or -1. */
SP_MUST_CHECK int sp_items_add(sp_items *it, json_t *obj, const sp_examples_opt *opt,
                               sp_err *e);

/* Write into item i's object what its examples scored, scores (data.n):
 *   loglik, tokens, greedy   of the continuation (sp_score); of choices arrays of these
 *   pick, pick_norm          index of the best choice, by sum and by sum per character
 *   acc, acc_norm            whether that is the answer, if there is one */
void sp_items_report(sp_items *it, size_t i, const sp_score *scores);
void sp_items_free(sp_items *it);

#endif
