/* operators.h - arithmetic, comparison, indexing and slicing, with Python's meaning. */
#ifndef SP_TEXT_JINJA_OPERATORS_H
#define SP_TEXT_JINJA_OPERATORS_H

#include "text/jinja/value.h"

/* a op b: + - * / d (//) % p (**) ~ , as in ast.h. */
jinja_value jinja_binary(jinja_heap *h, char op, jinja_value a, jinja_value b);
/* -a, or +a. */
jinja_value jinja_signed(jinja_heap *h, jinja_value a, bool negate);
/* a op b: = ! < l (<=) > g (>=) i (in) n (not in). */
bool jinja_relation(jinja_heap *h, char op, jinja_value a, jinja_value b);
/* a[key]; undefined where there is no such element. */
jinja_value jinja_item(jinja_heap *h, jinja_value a, jinja_value key);
/* a[from:to:step] of a string or list; each part JINJA_NONE where it is left out. */
jinja_value jinja_slice(jinja_heap *h, jinja_value a, jinja_value from, jinja_value to,
                        jinja_value step);

#endif
