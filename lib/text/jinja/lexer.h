/* lexer.h - a template's text cut into tokens: plain text, and the words inside its tags.
 *
 * White space around tags is handled here, with the settings that Transformers uses:
 * trim_blocks (the line feed after a block or comment goes), lstrip_blocks (so do blanks
 * before one that begins a line), no line feed at the template's end; and the signs - and
 * + inside a tag's edge.
 */
#ifndef SP_TEXT_JINJA_LEXER_H
#define SP_TEXT_JINJA_LEXER_H

#include "text/jinja/value.h"

typedef enum {
    JINJA_T_TEXT,      /* between tags; text, n */
    JINJA_T_PRINT,     /* {{ */
    JINJA_T_PRINT_END, /* }} */
    JINJA_T_BLOCK,     /* {% */
    JINJA_T_BLOCK_END, /* %} */
    JINJA_T_NAME,
    JINJA_T_CONST,    /* number or string: value */
    JINJA_T_OPERATOR, /* text, n: + - * / // % ** ~ == != < <= > >= = ( ) [ ] { } . : | ,
                       */
    JINJA_T_END
} jinja_token_kind;

typedef struct {
    jinja_token_kind kind;
    int line; /* from 1 */
    const char *text;
    size_t n;
    jinja_value value;
} jinja_token;

/* The tokens of a template, the last one JINJA_T_END; in the heap. NULL after an error.
 */
jinja_token *jinja_tokens(jinja_heap *h, const char *text, size_t n);

#endif
