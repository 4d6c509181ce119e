/* regex.h - patterns of pre-tokenizers, run by PCRE2 with its JIT.
 *
 * Patterns and texts are UTF-8 with Unicode classes. Bytes of a text that are not UTF-8
 * never match anything.
 */
#ifndef TOK_REGEX_H
#define TOK_REGEX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct tok_regex tok_regex; /* compiled; threads may share it */

/* NULL when the pattern is not valid; *e says where. */
tok_regex *tok_regex_new(const char *pattern, size_t n, sp_err *e);
void tok_regex_free(tok_regex *re); /* NULL is fine */

/* What searching needs besides the pattern: one for each thread. */
typedef struct tok_matcher tok_matcher;

/* For texts of up to n bytes: the number of steps a single search may take grows with n.
 */
tok_matcher *tok_matcher_new(size_t n);
void tok_matcher_free(tok_matcher *m); /* NULL is fine */

/* The leftmost match in s[at..n); what lies before `at` can still be looked back at.
 *    1: found, its bytes are s[*from..*to), at <= *from <= *to
 *    0: there is none
 *   -1: the search took too many steps or too much memory (*e) */
int tok_regex_find(const tok_regex *re, tok_matcher *m, const char *s, size_t n,
                   size_t at, size_t *from, size_t *to, sp_err *e) SP_MUST_CHECK;
/* Does the pattern match at the very start of s[0..n)? */
bool tok_regex_starts(const tok_regex *re, const char *s, size_t n);

#endif
