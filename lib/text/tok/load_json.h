/* load_json.h - from a tokenizer.json to tables. */
#ifndef TOK_LOAD_JSON_H
#define TOK_LOAD_JSON_H

#include "text/tok/tables.h"

/* Fill empty tables from the file's text, whose strings are unescaped in place. Messages
 * carry no file name.
 *    0: done; tok_finish is still to be called
 *   -1: damaged, or something in it is not supported (*e) */
int tok_load_json(tok_tables *t, char *text, size_t n, sp_err *e) SP_MUST_CHECK;

#endif
