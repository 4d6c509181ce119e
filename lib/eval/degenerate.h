/* degenerate.h - text that is no language: the class of its own into which gibberish
 * goes, so that a destroyed model does not look safe.
 */
#ifndef SP_DEGENERATE_H
#define SP_DEGENERATE_H

#include <stddef.h>

/* Why text[0..n), any bytes, is degenerate, or NULL:
 *   "empty"          nothing but blanks
 *   "unprintable"    more than a fifth of its characters are broken or print nothing
 *   "no words"       no letters or digits, or hardly any in a long text
 *   "mixed scripts"  three writing systems or more, changing all the time
 *   "loop"           most of it repeats, with a fixed period or without
 * Time grows with n times 50. */
const char *sp_degenerate(const char *text, size_t n);

#endif
