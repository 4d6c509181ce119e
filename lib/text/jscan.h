/* jscan.h - a cursor over JSON text, for the parts of a file that are too large to build
 * a tree of.
 *
 * The caller walks the structure it expects; small values are cut out with sp_js_skip and
 * handed to jansson. Only what is walked is checked in full.
 */
#ifndef SP_JSCAN_H
#define SP_JSCAN_H

#include "base/base.h"

typedef struct {
    char *p, *end; /* the text is changed by sp_js_string */
} sp_js;

/* The next byte that is not white space, 0 at the end; not consumed. */
int sp_js_peek(sp_js *s);
/* Consume c if it is next. */
bool sp_js_take(sp_js *s, char c);
/* Step through an object or array: call before each element with *first = true at the
 * start. 1 = an element follows (for an object its key string), 0 = the closing bracket
 * has been consumed, -1 = neither. */
int sp_js_step(sp_js *s, char close, bool *first);
/* Unescape the string at the cursor in place: returns its start and its length in *n (no
 * NUL follows; it may hold NULs), or NULL when it is not a string, not valid UTF-8, or
 * has a bad escape. What has been unescaped must not be walked again. */
const char *sp_js_string(sp_js *s, size_t *n);
/* An unsigned integer below 2^32. */
bool sp_js_uint(sp_js *s, uint32_t *out);
/* Pass over one value: its text is [*from, s->p). Returns the number of commas directly
 * inside it plus one (an upper bound of its elements), or -1 when it does not end.
 * Brackets are balanced by count only. */
int64_t sp_js_skip(sp_js *s, char **from);

#endif
