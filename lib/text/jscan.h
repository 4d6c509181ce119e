/* jscan.h - a cursor over JSON text, for the parts of a file that are too large to build
 * a tree of.
 *
 * The caller walks the structure it expects; small values are cut out with sp_js_skip and
 * handed to jansson. Only what is walked is checked in full.
 *
 *     sp_js s = {text, text + n};              walk {"piece": id, ...}
 *     bool first = true;
 *     if (!sp_js_take(&s, '{')) ...
 *     while ((more = sp_js_step(&s, '}', &first)) > 0) {
 *         piece = sp_js_string(&s, &len);
 *         if (!piece || !sp_js_take(&s, ':') || !sp_js_uint(&s, &id)) ...
 *     }
 */
#ifndef SP_JSCAN_H
#define SP_JSCAN_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of the text; borrowed, and changed by sp_js_string. */
typedef struct {
    char *p, *end;
} sp_js;

/* The next byte that is not white space, 0 at the end. The cursor stands before it. */
int sp_js_peek(sp_js *s);
/* Consume c if it is next. */
bool sp_js_take(sp_js *s, char c);
/* Step through an object or a list, before each element; *first is true at the start.
 *    1: an element follows (of an object, its key)
 *    0: the closing bracket has been consumed
 *   -1: neither */
int sp_js_step(sp_js *s, char close, bool *first) SP_MUST_CHECK;
/* Unescape the string at the cursor in place; its length goes to *n. Borrowed; no NUL
 * follows, and it may hold NULs. NULL when there is no string, or one that is not UTF-8
 * or has a bad escape. The text of the string must not be walked again. */
const char *sp_js_string(sp_js *s, size_t *n) SP_MUST_CHECK;
/* An unsigned integer below 2^32; false when there is none. */
bool sp_js_uint(sp_js *s, uint32_t *out) SP_MUST_CHECK;
/* Pass over one value, whose text is then [*from, s->p). Brackets are balanced by count
 * only.
 *   >= 1: the commas directly inside it plus one, so it has at most so many elements
 *     -1: it does not end */
int64_t sp_js_skip(sp_js *s, char **from) SP_MUST_CHECK;

#endif
