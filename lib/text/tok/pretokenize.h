/* pretokenize.h - runs the steps of a pre-tokenizer: rewrites a text and cuts it into
 * parts (words, more or less). */
#ifndef TOK_PRETOKENIZE_H
#define TOK_PRETOKENIZE_H

#include "text/tok/steps.h"

/* Gets the parts s[0..n), n > 0, one by one from left to right; s is gone afterwards.
 *    0: go on
 *   -1: stop (*e) */
typedef int tok_part_fn(void *self, const char *s, size_t n, sp_err *e);

/* A pre-tokenizer at work; one for each thread. */
typedef struct {
    const tok_steps *steps; /* borrowed */
    tok_part_fn *part;
    void *self; /* for part */
    tok_matcher *matcher;
    tok_buf *rewritten; /* (steps->n) the text as each step has made it */
} tok_pre;

/* For texts of about n bytes. Borrows steps and self until tok_pre_close. */
void tok_pre_open(tok_pre *p, const tok_steps *steps, size_t n, tok_part_fn *part,
                  void *self);
/* Run the steps on s[0..n) and hand out the parts.
 *    0: done
 *   -1: a pattern gives up on this text, or `part` said stop (*e) */
int tok_pre_run(tok_pre *p, const char *s, size_t n, tok_place place,
                sp_err *e) SP_MUST_CHECK;
void tok_pre_close(tok_pre *p);

#endif
