/* bytes.h - byte strings that may hold anything, NULs included, and a buffer that grows.
 */
#ifndef TOK_BYTES_H
#define TOK_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* n bytes at p. Whoever declares one says whether p is owned or borrowed. */
typedef struct {
    const char *p;
    size_t n;
} tok_str;
#define TOK_STR(literal) ((tok_str){literal, sizeof literal - 1})

/* A copy of s[0..n) that the caller owns, with a NUL behind it for convenience. */
tok_str tok_str_make(const char *s, size_t n);
/* Release what tok_str_make gave; *s becomes empty. */
void tok_str_free(tok_str *s);
bool tok_str_is(tok_str a, const char *s, size_t n);

/* Zero-initialise; tok_buf_free releases it. p[0..n) is used, p is NULL while cap = 0. */
typedef struct {
    char *p;
    size_t n, cap;
} tok_buf;

/* Append s[0..n); s may not lie in the buffer itself. */
void tok_buf_add(tok_buf *b, const char *s, size_t n);
/* Append s[0..n) with every `from` (not empty) replaced by `to`, from left to right. */
void tok_buf_replace(tok_buf *b, const char *s, size_t n, tok_str from, tok_str to);
void tok_buf_free(tok_buf *b);

#endif
