/* json_out.h - what every JSON output needs: strings of text that may not be UTF-8, and
 * one object a line. */
#ifndef SP_JSON_OUT_H
#define SP_JSON_OUT_H

#include <jansson.h>
#include <stdio.h>

/* A string of s[0..n), in which whatever is not UTF-8 becomes U+FFFD. New reference. */
json_t *sp_json_text(const char *s, size_t n);
/* Write o as one line: compact, keys in the order of the object, real numbers with as
 * many digits, 15 to 17, as give them back. Errors stay with f, for whoever closes it. */
void sp_json_write_line(FILE *f, const json_t *o);
/* The same as a string, without the end of the line. The caller frees it. */
char *sp_json_line(const json_t *o);

#endif
