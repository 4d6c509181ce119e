/* jsonl.h - the pieces of JSON that every JSONL output needs: text that may not be UTF-8,
 * ids, one object a line. */
#ifndef SP_JSONL_H
#define SP_JSONL_H

#include "text/tok/tok.h"

#include <jansson.h>

/* A string of s[0..n); what is not UTF-8 in it becomes U+FFFD. New reference. */
json_t *sp_json_text(const char *s, size_t n);
json_t *sp_json_ids(const int32_t *ids, size_t n);
/* Append an array of ids, each in 0..vocab-1, to *out. 0 or -1. */
int sp_json_get_ids(const json_t *array, int64_t vocab, sp_ids *out, sp_err *e);
/* One line: compact, keys in the order of the object, numbers with 15 digits. Write
 * errors stay with f. */
void sp_json_put(FILE *f, const json_t *o);

/* {"text"} to {"ids","ids_no_special","decoded"}, the last from ids_no_special; {"ids"}
 * to {"text"}. New reference, NULL on error. */
json_t *sp_json_encode(const sp_tok *tok, const json_t *obj, sp_err *e);
json_t *sp_json_decode(const sp_tok *tok, const json_t *obj, sp_err *e);

#endif
