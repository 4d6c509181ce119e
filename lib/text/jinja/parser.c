/* parser.c - see parser.h: statements, one function each. Errors are dealt with as in expression.c.
 */
#include "text/jinja/parser.h"

#include "text/jinja/expression.h"

#include <stdio.h>

static jinja_node *statements(jinja_cursor *p, const char *const *until);

/* Step over "%}", or fail. */
static void end_tag(jinja_cursor *p)
{
    jinja_need_kind(p, JINJA_T_BLOCK_END, "the end of the tag");
}

/* Statements up to {% word %}, which is consumed. */
static jinja_node *body(jinja_cursor *p, const char *word)
{
    end_tag(p);
    jinja_node *n = statements(p, (const char *const[]){word, NULL});
    if (!jinja_take_name(p, word)) jinja_unexpected(p, word);
    return n;
}

/* A place to assign to: a name, name.attribute, or several names. */
static jinja_node *target(jinja_cursor *p)
{
    jinja_node *first = NULL, **last = &first;
    bool round = jinja_take_op(p, "("), tuple = false;
    do {
        jinja_node *n = jinja_new_node(p, JINJA_N_NAME);
        n->name = jinja_need_name(p);
        if (jinja_take_op(p, ".")) {
            jinja_node *attr = jinja_new_node(p, JINJA_N_ATTR);
            attr->a = n;
            attr->name = jinja_need_name(p);
            n = attr;
        }
        *last = n;
        last = &n->next;
        tuple |= jinja_is_op(p->t, ",");
    } while (!jinja_failed(p->h) && jinja_take_op(p, ",") && p->t->kind == JINJA_T_NAME &&
             !jinja_is_name(p->t, "in"));
    if (round) jinja_need_op(p, ")");
    if (!tuple) return first;
    jinja_node *n = jinja_new_node(p, JINJA_N_TUPLE);
    n->a = first;
    return n;
}

/* An elif becomes an if in the place of the else; the innermost takes the endif. */
static void if_statement(jinja_cursor *p, jinja_node *n)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    n->kind = JINJA_N_IF;
    n->a = jinja_parse_condition(p);
    end_tag(p);
    n->b = statements(p, ends);
    if (jinja_take_name(p, "elif")) {
        if (!jinja_enter(p->h)) return;
        n->c = jinja_new_node(p, JINJA_N_IF);
        if_statement(p, n->c); /* takes the endif */
        jinja_leave(p->h);
        return;
    }
    if (jinja_take_name(p, "else")) n->c = body(p, "endif");
    else if (!jinja_take_name(p, "endif")) jinja_unexpected(p, "endif");
}

/* What is gone through may be a tuple without brackets. */
static void for_statement(jinja_cursor *p, jinja_node *n)
{
    n->kind = JINJA_N_FOR;
    n->a = target(p);
    if (!jinja_take_name(p, "in")) jinja_unexpected(p, "in");
    jinja_node *of = jinja_parse_condition(p);
    if (jinja_is_op(p->t, ",")) {
        jinja_node *tuple = jinja_new_node(p, JINJA_N_TUPLE), **last = &of->next;
        tuple->a = of;
        while (!jinja_failed(p->h) && jinja_take_op(p, ",")) {
            *last = jinja_parse_condition(p);
            last = &(*last)->next;
        }
        of = tuple;
    }
    n->b = of;
    if (jinja_take_name(p, "if")) n->d = jinja_parse_expression(p);
    if (jinja_is_name(p->t, "recursive")) jinja_error(p->h, "recursive loops are not supported");
    end_tag(p);
    n->body = statements(p, (const char *const[]){"else", "endfor", NULL});
    if (jinja_take_name(p, "else")) n->c = body(p, "endfor");
    else if (!jinja_take_name(p, "endfor")) jinja_unexpected(p, "endfor");
}

/* Filters of {% filter a|b %} and {% set x | a %}, chained from a NULL value. */
static jinja_node *bare_filters(jinja_cursor *p)
{
    jinja_node *n = jinja_parse_filter(p, NULL);
    while (!jinja_failed(p->h) && jinja_take_op(p, "|")) n = jinja_parse_filter(p, n);
    return n;
}

/* {% set x = value %}, or {% set x %} with its value up to {% endset %}. */
static void set_statement(jinja_cursor *p, jinja_node *n)
{
    n->kind = JINJA_N_SET;
    n->a = target(p);
    if (jinja_take_op(p, "=")) {
        n->b = jinja_parse_expressions(p);
        return;
    }
    if (jinja_take_op(p, "|")) n->d = bare_filters(p);
    n->body = body(p, "endset");
}

/* (a, b=1): parameters of a macro, each a JINJA_N_KEYWORD. */
static jinja_node *parameters(jinja_cursor *p)
{
    jinja_node *first = NULL, **last = &first;
    while (!jinja_failed(p->h) && !jinja_take_op(p, ")")) {
        jinja_node *n = jinja_new_node(p, JINJA_N_KEYWORD);
        n->name = jinja_need_name(p);
        if (jinja_take_op(p, "=")) n->a = jinja_parse_expression(p);
        *last = n;
        last = &n->next;
        if (!jinja_is_op(p->t, ")")) jinja_need_op(p, ",");
    }
    return first;
}

/* {% with a = 1, b = 2 %}. */
static void with_statement(jinja_cursor *p, jinja_node *n)
{
    n->kind = JINJA_N_WITH;
    for (jinja_node **last = &n->a; !jinja_failed(p->h) && p->t->kind == JINJA_T_NAME;) {
        jinja_node *set = jinja_new_node(p, JINJA_N_SET);
        set->a = jinja_new_node(p, JINJA_N_NAME);
        set->a->name = jinja_need_name(p);
        jinja_need_op(p, "=");
        set->b = jinja_parse_expression(p);
        *last = set;
        last = &set->next;
        if (!jinja_take_op(p, ",")) break;
    }
    n->body = body(p, "endwith");
}

/* {% call(a) f(x) %}: f can call the body as caller(a). */
static void call_statement(jinja_cursor *p, jinja_node *n)
{
    n->kind = JINJA_N_CALL_BLOCK;
    if (jinja_take_op(p, "(")) n->b = parameters(p);
    n->a = jinja_parse_expression(p);
    if (!jinja_failed(p->h) && n->a->kind != JINJA_N_CALL)
        jinja_error(p->h, "{%% call %%} needs a call");
    n->body = body(p, "endcall");
}

/* The tag at the cursor, behind its "{%", with all that belongs to it. */
static jinja_node *block(jinja_cursor *p)
{
    jinja_node *n = jinja_new_node(p, JINJA_N_TEXT);
    if (jinja_take_name(p, "if")) if_statement(p, n);
    else if (jinja_take_name(p, "for")) for_statement(p, n);
    else if (jinja_take_name(p, "set")) set_statement(p, n);
    else if (jinja_take_name(p, "with")) with_statement(p, n);
    else if (jinja_take_name(p, "call")) call_statement(p, n);
    else if (jinja_take_name(p, "break")) n->kind = JINJA_N_BREAK;
    else if (jinja_take_name(p, "continue")) n->kind = JINJA_N_CONTINUE;
    else if (jinja_take_name(p, "macro")) {
        n->kind = JINJA_N_MACRO;
        n->name = jinja_need_name(p);
        jinja_need_op(p, "(");
        n->a = parameters(p);
        n->body = body(p, "endmacro");
    } else if (jinja_take_name(p, "filter")) {
        n->kind = JINJA_N_FILTER_BLOCK;
        n->d = bare_filters(p);
        n->body = body(p, "endfilter");
    } else if (jinja_take_name(p, "generation")) {
        n->kind = JINJA_N_GENERATION;
        n->body = body(p, "endgeneration");
    } else if (p->t->kind == JINJA_T_NAME) {
        jinja_error(p->h, "the statement {%% %.*s %%} is not supported",
                    (int)SP_MIN(p->t->n, (size_t)60), p->t->text);
    } else {
        jinja_unexpected(p, "a statement");
    }
    end_tag(p);
    return n;
}

/* Text, {{ print }} or a tag. */
static jinja_node *statement(jinja_cursor *p)
{
    jinja_node *n;
    if (p->t->kind == JINJA_T_TEXT) {
        n = jinja_new_node(p, JINJA_N_TEXT);
        n->value = jinja_text(p->t->text, p->t->n);
        jinja_next(p);
    } else if (p->t->kind == JINJA_T_PRINT) {
        jinja_next(p);
        n = jinja_new_node(p, JINJA_N_PRINT);
        n->a = jinja_parse_expressions(p);
        jinja_need_kind(p, JINJA_T_PRINT_END, "'}}'");
    } else {
        jinja_need_kind(p, JINJA_T_BLOCK, "a tag");
        n = block(p);
    }
    return n;
}

/* Does a tag begin here with one of the words `until`? */
static bool ends(const jinja_cursor *p, const char *const *until)
{
    if (p->t->kind != JINJA_T_BLOCK) return false;
    for (; until && *until; until++)
        if (jinja_is_name(p->t + 1, *until)) return true;
    return false;
}

/* Statements up to a tag that begins with one of the words `until` (the cursor is then at the
 * word), or to the end of the template. */
static jinja_node *statements(jinja_cursor *p, const char *const *until)
{
    jinja_node *first = NULL, **last = &first;
    if (!jinja_enter(p->h)) return NULL;
    while (!jinja_failed(p->h) && p->t->kind != JINJA_T_END) {
        if (ends(p, until)) {
            jinja_next(p);
            break;
        }
        *last = statement(p);
        last = &(*last)->next;
    }
    if (!jinja_failed(p->h) && until && p->t->kind == JINJA_T_END) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, "{%% %s %%}", until[0]);
        jinja_unexpected(p, wanted);
    }
    jinja_leave(p->h);
    return first;
}

/* The whole template is a list of statements that no tag ends. */
jinja_node *jinja_parse(jinja_heap *h, const jinja_token *tokens)
{
    jinja_cursor p = {.h = h, .t = tokens};
    h->line = 1;
    return statements(&p, NULL);
}
