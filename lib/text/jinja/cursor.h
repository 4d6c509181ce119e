/* cursor.h - a place in a template's tokens, from which the parser looks and goes on; and
 * the nodes it makes.
 */
#ifndef SP_TEXT_JINJA_CURSOR_H
#define SP_TEXT_JINJA_CURSOR_H

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

typedef struct {
    jinja_heap *h;
    const jinja_token *t; /* the next token */
} jinja_cursor;

/* Is the token this word; this operator? */
bool jinja_is_name(const jinja_token *t, const char *s);
bool jinja_is_op(const jinja_token *t, const char *s);
/* Step over a token, but never over the end. */
void jinja_next(jinja_cursor *p);
/* Step over this operator; this word. False: it is not there. */
bool jinja_take_op(jinja_cursor *p, const char *s);
bool jinja_take_name(jinja_cursor *p, const char *s);

/* Fail: `wanted` is what should be at the cursor. */
void jinja_unexpected(jinja_cursor *p, const char *wanted);
/* Step over this operator, or fail; over a token of this kind. */
void jinja_need_op(jinja_cursor *p, const char *s);
void jinja_need_kind(jinja_cursor *p, jinja_token_kind kind, const char *wanted);
/* Step over a name, or fail. Returns it, in the heap. */
const char *jinja_need_name(jinja_cursor *p);

/* A new node, on the current line; after an error one that nobody reads. */
jinja_node *jinja_new_node(jinja_cursor *p, jinja_node_kind kind);
jinja_node *jinja_new_binary(jinja_cursor *p, jinja_node_kind kind, char op,
                             jinja_node *a, jinja_node *b);

#endif
