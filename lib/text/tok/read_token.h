/* read_token.h - an added token's JSON object, of tokenizer.json or of
 * tokenizer_config.json. */
#ifndef TOK_READ_TOKEN_H
#define TOK_READ_TOKEN_H

#include "text/tok/tables.h"

#include <jansson.h>

/* Add the token {"content", "special", "lstrip", ...} with the given id to the tables. An
 * empty content is passed over.
 *    0: done
 *   -1: no content, a bad id, or tok_tables_add_token refuses it (*e) */
int tok_read_token(tok_tables *t, const json_t *j, const json_t *id,
                   sp_err *e) SP_MUST_CHECK;

#endif
