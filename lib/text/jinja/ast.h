/* ast.h - the tree of a parsed template; all of it lies in the heap of the parser.
 *
 * Lists of nodes (arguments, elements, statements) are chained through `next`.
 */
#ifndef SP_TEXT_JINJA_AST_H
#define SP_TEXT_JINJA_AST_H

#include "text/jinja/value.h"

typedef enum {
    /* expressions */
    JINJA_N_CONST,   /* value */
    JINJA_N_NAME,    /* name */
    JINJA_N_LIST,    /* a = elements */
    JINJA_N_TUPLE,   /* a = elements */
    JINJA_N_DICT,    /* a = JINJA_N_PAIR ... */
    JINJA_N_PAIR,    /* a: b */
    JINJA_N_BINARY,  /* a op b, op one of + - * / d(//) % p(**) ~ */
    JINJA_N_NEGATE,  /* -a */
    JINJA_N_PLUS,    /* +a */
    JINJA_N_NOT,     /* not a */
    JINJA_N_AND,     /* a and b */
    JINJA_N_OR,      /* a or b */
    JINJA_N_COMPARE, /* a, then b = JINJA_N_OPERAND ... : a < b < c */
    JINJA_N_OPERAND, /* op a, op one of = !(!=) < l(<=) > g(>=) i(in) n(not in) */
    JINJA_N_CHOICE,  /* b if a else c; c may be NULL */
    JINJA_N_ATTR,    /* a.name */
    JINJA_N_ITEM,    /* a[b] */
    JINJA_N_SLICE,   /* a[b:c:d], each but a may be NULL */
    JINJA_N_CALL,    /* a(b ...), arguments or JINJA_N_KEYWORD */
    JINJA_N_KEYWORD, /* name = a, in a call or among a macro's parameters (a may be NULL)
                      */
    JINJA_N_FILTER,  /* a | name(b ...); a NULL inside {% filter %} */
    JINJA_N_TEST,    /* a is name(b ...) */
    /* statements */
    JINJA_N_TEXT,         /* value */
    JINJA_N_PRINT,        /* a */
    JINJA_N_IF,           /* if a: b; else: c */
    JINJA_N_FOR,          /* for a (target) in b if d: body; else: c */
    JINJA_N_SET,          /* a (target) = b, or = what `body` prints, through filters d */
    JINJA_N_MACRO,        /* name(a ... = parameters): body */
    JINJA_N_CALL_BLOCK,   /* a = call, b = parameters of caller: body */
    JINJA_N_FILTER_BLOCK, /* d = filters: body */
    JINJA_N_WITH,         /* a = JINJA_N_SET ... : body */
    JINJA_N_GENERATION,   /* body: what the model is to learn */
    JINJA_N_BREAK,
    JINJA_N_CONTINUE
} jinja_node_kind;

typedef struct jinja_node jinja_node;
struct jinja_node {
    jinja_node_kind kind;
    char op;
    int line;
    const char *name;
    jinja_value value;
    jinja_node *a, *b, *c, *d, *body, *next;
};

#endif
