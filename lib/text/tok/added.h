/* added.h - added tokens: literals such as <s> or <|eot_id|> that are cut out of the text
 * before anything else. */
#ifndef TOK_ADDED_H
#define TOK_ADDED_H

#include "text/tok/bytes.h"
#include "text/tok/regex.h"

#include <stdint.h>

typedef struct {
    tok_str text; /* owned */
    int32_t id;
    bool special;        /* text of the user's may be kept from becoming it */
    bool lstrip, rstrip; /* it swallows the white space before it, behind it */
    bool single_word;    /* only where no word character touches it */
    bool normalized;     /* looked for in normalised text, not in raw text */
    bool verbatim;       /* its own text is not to be normalised for that */
} tok_added;

/* Which text is searched: each token belongs to one of the two. */
typedef enum { TOK_IN_RAW = 0, TOK_IN_NORMALIZED = 1 } tok_pass;

/* Zero-initialise; tok_added_free releases it. Tokens are put first, then indexed, then
 * found. */
typedef struct {
    tok_added *v; /* (n) */
    size_t n, cap;
    /* for each pass, the tokens of it: */
    size_t *sorted[2]; /* (n_sorted) indices into v, in byte order of the texts */
    size_t n_sorted[2];
    bool starts[2][256]; /* the first bytes of their texts */
    tok_regex *word;     /* a word character; needed when a token is single_word */
} tok_added_set;

/* Add a token, or replace the one with this text. a->text becomes the set's. */
void tok_added_put(tok_added_set *s, const tok_added *a);
/* Make findable what was put; again after every change of v. */
void tok_added_index(tok_added_set *s);
/* The leftmost added token in s[from..n), of those that begin there the longest; special
 * ones only if `specials`. Its range with the white space it swallows, never before
 * `from`, goes to [*start, *stop). Borrowed, NULL = there is none. */
const tok_added *tok_added_find(const tok_added_set *set, tok_pass pass, const char *s,
                                size_t n, size_t from, bool specials, size_t *start,
                                size_t *stop);
void tok_added_free(tok_added_set *s);

#endif
