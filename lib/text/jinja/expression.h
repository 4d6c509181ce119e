/* expression.h - the expressions of a template, from tokens to trees. */
#ifndef SP_TEXT_JINJA_EXPRESSION_H
#define SP_TEXT_JINJA_EXPRESSION_H

#include "text/jinja/cursor.h"

/* Each parses what is at the cursor and stands behind it then; an error shows in the
 * heap. */
jinja_node *jinja_parse_expression(jinja_cursor *p);
/* One expression, or several with commas between as a tuple. */
jinja_node *jinja_parse_expressions(jinja_cursor *p);
/* An expression without "if ... else" around it: what `if` and `for` are followed by. */
jinja_node *jinja_parse_condition(jinja_cursor *p);
/* A filter of `of`, behind the "|": name or name(arguments). */
jinja_node *jinja_parse_filter(jinja_cursor *p, jinja_node *of);

#endif
