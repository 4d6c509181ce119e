/* json_out.h - what every JSON output needs: text that may not be UTF-8, one object a
 * line. */
#ifndef SP_JSON_OUT_H
#define SP_JSON_OUT_H

#include <stdio.h>
#include <jansson.h>

/* A string of s[0..n); what is not UTF-8 in it becomes U+FFFD. New reference. */
json_t *sp_json_text(const char *s, size_t n);
/* One line: compact, keys in the order of the object, numbers with 15 digits. Write
 * errors stay with f. */
void sp_json_write_line(FILE *f, const json_t *o);

#endif
