/* parser.h - from a template's tokens to its tree. */
#ifndef SP_TEXT_JINJA_PARSER_H
#define SP_TEXT_JINJA_PARSER_H

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

/* The statements of a template (NULL for an empty one), in the heap. A statement that is
 * not known is an error that names it; look at jinja_failed(h). */
jinja_node *jinja_parse(jinja_heap *h, const jinja_token *tokens);

#endif
