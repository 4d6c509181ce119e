/* print.h - values of chat templates as text: what {{ value }} prints, what stands inside
 * printed lists, and JSON; and text that grows.
 */
#ifndef SP_TEXT_JINJA_PRINT_H
#define SP_TEXT_JINJA_PRINT_H

#include "text/jinja/value.h"

/* Bytes that grow in the heap. */
typedef struct {
    char *p;
    size_t n, cap;
} jinja_buffer;
void jinja_add(jinja_heap *h, jinja_buffer *b, const char *s, size_t n);
jinja_value jinja_string_of(const jinja_buffer *b);

/* Add str(v), as {{ v }} prints it; repr(v), as it stands inside a printed list. */
void jinja_add_str(jinja_heap *h, jinja_buffer *b, jinja_value v);
void jinja_add_repr(jinja_heap *h, jinja_buffer *b, jinja_value v);
jinja_value jinja_str(jinja_heap *h, jinja_value v);

typedef struct {
    int indent; /* spaces a level; -1 = all on one line */
    bool ascii; /* characters above 127 as \uXXXX */
    bool sorted;
    const char *comma, *colon; /* ", " and ": " */
} jinja_json_form;
/* Add v as Python's json.dumps does. */
void jinja_add_json(jinja_heap *h, jinja_buffer *b, jinja_value v,
                    const jinja_json_form *f);

#endif
