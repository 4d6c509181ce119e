/* read_post.h - the post_processor object of a tokenizer.json: which special tokens go
 * around a text. */
#ifndef TOK_READ_POST_H
#define TOK_READ_POST_H

#include "text/tok/tables.h"

#include <jansson.h>

/* Fill t->prefix and t->suffix. Absent or null, there are none. Needs the vocabulary with
 * all added tokens.
 *    0: done
 *   -1: a kind that is not supported, or a token without ids (*e) */
int tok_read_post(tok_tables *t, const json_t *j, sp_err *e) SP_MUST_CHECK;

#endif
