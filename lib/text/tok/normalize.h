/* normalize.h - runs the steps of a normalizer. */
#ifndef TOK_NORMALIZE_H
#define TOK_NORMALIZE_H

#include "text/tok/steps.h"

/* s[0..n) through the steps (TOK_PREPEND, TOK_REPLACE) into *out, which is cleared first.
 * Text that goes on where other text ended gets nothing put in front. s may not lie in
 * *out. */
void tok_normalize(const tok_steps *steps, const char *s, size_t n, bool goes_on,
                   tok_buf *out);

#endif
