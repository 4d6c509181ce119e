/* decode.h - from ids back to text. */
#ifndef TOK_DECODE_H
#define TOK_DECODE_H

#include "text/tok/tables.h"

/* Text of ids[0..n), always UTF-8: bytes that form no character become U+FFFD. Ids that
 * are no piece are left out, and special tokens if skip_special. Caller frees p. */
tok_buf tok_decode(const tok_tables *t, const int32_t *ids, size_t n, bool skip_special);

#endif
