/* cursor.c - see cursor.h.
 *
 * Tokens end with one of the kind JINJA_T_END, which the cursor never leaves; so a look at p->t is
 * always safe, and one at p->t + 1 wherever p->t is not the end.
 */
#include "text/jinja/cursor.h"

#include <stdio.h>

/* ---- tokens ---------------------------------------------------------------------------------- */

bool jinja_is_name(const jinja_token *t, const char *s)
{
    return t->kind == JINJA_T_NAME && t->n == strlen(s) && !memcmp(t->text, s, t->n);
}

bool jinja_is_op(const jinja_token *t, const char *s)
{
    return t->kind == JINJA_T_OPERATOR && t->n == strlen(s) && !memcmp(t->text, s, t->n);
}

/* The end of the tokens is never passed, so that the parser can go on looking after an error. */
void jinja_next(jinja_cursor *p)
{
    if (p->t->kind != JINJA_T_END) p->t++;
    p->h->line = p->t->line;
}

bool jinja_take_op(jinja_cursor *p, const char *s)
{
    if (!jinja_is_op(p->t, s)) return false;
    jinja_next(p);
    return true;
}

bool jinja_take_name(jinja_cursor *p, const char *s)
{
    if (!jinja_is_name(p->t, s)) return false;
    jinja_next(p);
    return true;
}

/* What stands there instead is told as far as it can be: a word or sign by its text. */
void jinja_unexpected(jinja_cursor *p, const char *wanted)
{
    const jinja_token *t = p->t;
    switch (t->kind) {
    case JINJA_T_NAME:
    case JINJA_T_OPERATOR:
        jinja_error(p->h, "%s expected, got '%.*s'", wanted, (int)SP_MIN(t->n, 60), t->text);
        break;
    case JINJA_T_CONST: jinja_error(p->h, "%s expected, got a constant", wanted); break;
    case JINJA_T_END: jinja_error(p->h, "%s expected, the template ends", wanted); break;
    default: jinja_error(p->h, "%s expected, the tag ends", wanted);
    }
}

/* The sign is put in quotes for the message: "',' expected, got ...". */
void jinja_need_op(jinja_cursor *p, const char *s)
{
    char wanted[8];
    snprintf(wanted, sizeof wanted, "'%s'", s);
    if (!jinja_take_op(p, s)) jinja_unexpected(p, wanted);
}

void jinja_need_kind(jinja_cursor *p, jinja_token_kind kind, const char *wanted)
{
    if (p->t->kind == kind) jinja_next(p);
    else jinja_unexpected(p, wanted);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* A new node on the current line. */
jinja_node *jinja_new_node(jinja_cursor *p, jinja_node_kind kind)
{
    static jinja_node lost; /* what is built after an error */
    jinja_node *n = jinja_take(p->h, sizeof *n);
    if (!n) return lost = (jinja_node){0}, &lost;
    n->kind = kind;
    n->line = p->h->line;
    return n;
}

/* A node of two operands; b may be NULL for one of a single operand. */
jinja_node *jinja_new_binary(jinja_cursor *p, jinja_node_kind kind, char op, jinja_node *a,
                             jinja_node *b)
{
    jinja_node *n = jinja_new_node(p, kind);
    n->op = op;
    n->a = a;
    n->b = b;
    return n;
}

/* The name at the cursor, as a string of the heap. */
const char *jinja_need_name(jinja_cursor *p)
{
    if (p->t->kind != JINJA_T_NAME) {
        jinja_unexpected(p, "a name");
        return "";
    }
    const char *s = jinja_copy(p->h, p->t->text, p->t->n).text;
    jinja_next(p);
    return s;
}
