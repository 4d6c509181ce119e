/* steps.h - lists of steps: normalizer, pre-tokenizer and decoder are one each.
 *
 * A step takes text and gives text, or cuts it. Its kind says what it does, and which of
 * the other members count. read_steps.c makes them from JSON; normalize.c, pretokenize.c
 * and decode.c run them.
 */
#ifndef TOK_STEPS_H
#define TOK_STEPS_H

#include "text/tok/bytes.h"
#include "text/tok/regex.h"

#include <stdint.h>

typedef enum {
    TOK_PREPEND,       /* put a in front (normalizer) */
    TOK_REPLACE,       /* every a becomes b (normalizer, decoder) */
    TOK_METASPACE,     /* a space becomes a, and perhaps one goes first; or back */
    TOK_SPLIT,         /* cut where re, or the text a, matches (pre-tokenizer) */
    TOK_PREFIX_SPACE,  /* put a space in front unless there is one (pre-tokenizer) */
    TOK_BYTES,         /* bytes to characters of alphabet.h; or back */
    TOK_BYTE_FALLBACK, /* runs of tokens <0xNN> become their bytes (decoder) */
    TOK_FUSE,          /* all tokens become one (decoder) */
    TOK_STRIP          /* take a off both ends of each token (decoder) */
} tok_kind;

/* What TOK_SPLIT does with a match. Examples: "a--b" cut at "-". */
typedef enum {
    TOK_ISOLATED,      /* a - - b */
    TOK_REMOVED,       /* a b */
    TOK_WITH_PREVIOUS, /* a- - b */
    TOK_WITH_NEXT,     /* a - -b */
    TOK_CONTIGUOUS     /* a -- b */
} tok_behaviour;

/* When TOK_METASPACE puts its sign in front of a text that does not begin with one. */
typedef enum {
    TOK_ALWAYS, /* of every stretch of text between special tokens */
    TOK_FIRST,  /* only where the input begins */
    TOK_NEVER
} tok_scheme;

typedef struct {
    tok_kind kind;
    tok_str a, b;  /* owned */
    tok_regex *re; /* TOK_SPLIT, owned; NULL = cut at the text a */
    tok_behaviour behaviour;
    tok_scheme scheme;
    bool invert;         /* TOK_SPLIT: matches and what lies between change places */
    int64_t start, stop; /* TOK_STRIP: at most so many times at each end */
} tok_step;

/* Zero-initialise; tok_steps_free releases it. */
typedef struct {
    tok_step *v; /* (n) */
    size_t n, cap;
} tok_steps;

/* Append a step with all other members zero. Borrowed, until the next one is added. */
tok_step *tok_steps_add(tok_steps *s, tok_kind kind);
void tok_steps_free(tok_steps *s);

/* Where a stretch of text stands; decides whether steps put a space in front of it. */
typedef enum {
    TOK_BEGINS,  /* it begins the input */
    TOK_FOLLOWS, /* it follows a special token, or a cut of the pre-tokenizer */
    TOK_GOES_ON  /* it goes on where other text ended */
} tok_place;

#endif
