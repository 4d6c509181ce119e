/* load_examples.h - DATA files to examples: JSON lines, one example a line.
 *
 *     {"input_ids": [..], "labels": [..]?, "attention_mask": [..]?}
 *                           as they are; labels default to the ids; what is masked is
 * left out (row.h)
 *     {"prompt", "response", "system"?}
 *                           through a chat template
 *     {"messages": [{"role", "content"}, ..], "response"?, "system"?}
 *                           the same
 *     {"text"}              plain text behind BOS, which it may bring itself; all of it
 *                           scored
 *
 * A line in two forms at once is refused, except that input_ids go before the texts that
 * they were made of.
 */
#ifndef SP_LOAD_EXAMPLES_H
#define SP_LOAD_EXAMPLES_H

#include "text/chat.h"
#include "text/examples.h"

/* The part of a conversation that is scored. */
typedef enum { SP_LOSS_ON_ANSWER, SP_LOSS_ON_QUESTION, SP_LOSS_ON_ALL } sp_loss_on;
#define SP_LOSS_ON_CHOICES "answer|question|all"

typedef struct {
    const sp_tok *tok;  /* may be NULL when all examples carry input_ids */
    sp_template tmpl;   /* not SP_TMPL_AUTO */
    sp_loss_on loss_on; /* does not touch labels that are given */
    int64_t max_len;    /* longer examples are cut to so many tokens; 0 = never */
    int64_t vocab;      /* ids must be below; 0 = any */
} sp_examples_opt;

/* Load a file ("-" = standard input) into *d, which need not be initialised.
 *    0: *d has at least one example, and each has a scored token behind its first
 *   -1: no example, a bad line, or an id out of range; *e names the line. *d is empty */
int sp_examples_load(sp_examples *d, const char *path, const sp_examples_opt *opt,
                     sp_err *e) SP_MUST_CHECK;

#endif
