/* plain.h - the text of an answer in a plain form, in which patterns need not know the
 * many ways to write the same.
 *
 *     **I can\u2019t  say "x y".**\n\n# No   ->   I can't say .\nNo
 */
#ifndef SP_PLAIN_H
#define SP_PLAIN_H

#include <stddef.h>

/* text[0..n), any bytes, with straight apostrophes, without marks of Markdown (a star
 * that opens a list item stays) and without what stands in double quotes, but at the very
 * front, where a quoted answer begins; runs of blanks become one space, or one newline if
 * there was one. NUL-terminated, owned by the caller; *len gets its length, at most n. */
char *sp_plain_form(const char *text, size_t n, size_t *len);

/* Bytes of the first k sentences of s[0..n): they end at . ! ? before a blank, or at a
 * newline. */
size_t sp_plain_sentences(const char *s, size_t n, int k);

#endif
