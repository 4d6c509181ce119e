/* parser.c - see parser.h: recursive descent, one function a level of precedence.
 *
 * From the loosest to the tightest, as in Jinja2:
 *     a if c else b;  or;  and;  not;  comparisons and in;  + -;  ~;  * / // %;  **;  - + (sign);
 *     then . [] () | is behind a value. So `not x is defined` is not (x is defined), and
 *     `a ~ b | upper` is a ~ (b | upper).
 *
 * After an error all loops end, functions return some node, and the tree is thrown away, so errors
 * need no way out of their own.
 */
#include "text/jinja/parser.h"

#include "text/jinja/print.h"

typedef struct {
    jinja_heap *h;
    const jinja_token *t; /* the next token */
} parser;

static jinja_node *expression(parser *p);
static jinja_node *statements(parser *p, const char *const *until);

/* ---- tokens ---------------------------------------------------------------------------------- */

/* Is the token this word; this operator? */
static bool is_name(const jinja_token *t, const char *s)
{
    return t->kind == JINJA_T_NAME && t->n == strlen(s) && !memcmp(t->text, s, t->n);
}

static bool is_op(const jinja_token *t, const char *s)
{
    return t->kind == JINJA_T_OPERATOR && t->n == strlen(s) && !memcmp(t->text, s, t->n);
}

/* The end of the tokens is never passed, so that the parser can go on looking after an error. */
static void next(parser *p)
{
    if (p->t->kind != JINJA_T_END) p->t++;
    p->h->line = p->t->line;
}

/* Step over this operator; this word. False: it is not there. */
static bool take_op(parser *p, const char *s)
{
    if (!is_op(p->t, s)) return false;
    next(p);
    return true;
}

static bool take_name(parser *p, const char *s)
{
    if (!is_name(p->t, s)) return false;
    next(p);
    return true;
}

/* Fail: `wanted` is what should be at the cursor. */
static void unexpected(parser *p, const char *wanted)
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

/* Step over this operator, or fail; over a token of this kind. */
static void need_op(parser *p, const char *s)
{
    char wanted[8];
    snprintf(wanted, sizeof wanted, "'%s'", s);
    if (!take_op(p, s)) unexpected(p, wanted);
}

static void need_kind(parser *p, jinja_token_kind kind, const char *wanted)
{
    if (p->t->kind == kind) next(p);
    else unexpected(p, wanted);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* A new node on the current line. */
static jinja_node *node(parser *p, jinja_node_kind kind)
{
    static jinja_node lost; /* what is built after an error */
    jinja_node *n = jinja_take(p->h, sizeof *n);
    if (!n) return lost = (jinja_node){0}, &lost;
    n->kind = kind;
    n->line = p->h->line;
    return n;
}

static jinja_node *binary(parser *p, jinja_node_kind kind, char op, jinja_node *a, jinja_node *b)
{
    jinja_node *n = node(p, kind);
    n->op = op;
    n->a = a;
    n->b = b;
    return n;
}

/* The name at the cursor, as a string of the heap. */
static const char *name(parser *p)
{
    if (p->t->kind != JINJA_T_NAME) {
        unexpected(p, "a name");
        return "";
    }
    const char *s = jinja_copy(p->h, p->t->text, p->t->n).text;
    next(p);
    return s;
}

static jinja_node *constant(parser *p, jinja_value v)
{
    jinja_node *n = node(p, JINJA_N_CONST);
    n->value = v;
    return n;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Elements up to `close`, which is consumed. */
static jinja_node *elements(parser *p, const char *close)
{
    jinja_node *first = NULL, **last = &first;
    while (!jinja_failed(p->h) && !take_op(p, close)) {
        *last = expression(p);
        last = &(*last)->next;
        if (!is_op(p->t, close)) need_op(p, ",");
    }
    return first;
}

/* Pairs behind "{", the "}" consumed. */
static jinja_node *dictionary(parser *p)
{
    jinja_node *n = node(p, JINJA_N_DICT), **last = &n->a;
    while (!jinja_failed(p->h) && !take_op(p, "}")) {
        jinja_node *pair = node(p, JINJA_N_PAIR);
        pair->a = expression(p);
        need_op(p, ":");
        pair->b = expression(p);
        *last = pair;
        last = &pair->next;
        if (!is_op(p->t, "}")) need_op(p, ",");
    }
    return n;
}

/* Behind "(": one expression in brackets, or a tuple. */
static jinja_node *brackets(parser *p)
{
    jinja_node *n = node(p, JINJA_N_TUPLE);
    if (take_op(p, ")")) return n;
    jinja_node *first = expression(p);
    if (take_op(p, ")")) return first;
    need_op(p, ",");
    n->a = first;
    first->next = elements(p, ")");
    return n;
}

/* A word where a value stands: a constant or a variable. */
static jinja_node *named(parser *p)
{
    static const struct {
        const char *name;
        int value; /* 0, 1, or -1 for none */
    } known[] = {{"true", 1}, {"True", 1}, {"false", 0}, {"False", 0}, {"none", -1}, {"None", -1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (take_name(p, known[i].name))
            return constant(p, known[i].value < 0 ? jinja_none() : jinja_bool(known[i].value));
    jinja_node *n = node(p, JINJA_N_NAME);
    n->name = name(p);
    return n;
}

/* A value without anything in front of it or behind. */
static jinja_node *primary(parser *p)
{
    if (p->t->kind == JINJA_T_NAME) return named(p);
    if (p->t->kind == JINJA_T_CONST) {
        jinja_value v = p->t->value;
        next(p);
        while (v.kind == JINJA_STRING && p->t->kind == JINJA_T_CONST &&
               p->t->value.kind == JINJA_STRING) { /* "a" "b" is "ab" */
            jinja_buffer b = {0};
            jinja_add_str(p->h, &b, v);
            jinja_add_str(p->h, &b, p->t->value);
            v = jinja_string_of(&b);
            next(p);
        }
        return constant(p, v);
    }
    if (take_op(p, "(")) return brackets(p);
    if (take_op(p, "{")) return dictionary(p);
    if (take_op(p, "[")) {
        jinja_node *n = node(p, JINJA_N_LIST);
        n->a = elements(p, "]");
        return n;
    }
    unexpected(p, "a value");
    return node(p, JINJA_N_CONST);
}

/* Arguments behind "(", the ")" consumed. */
static jinja_node *arguments(parser *p)
{
    jinja_node *first = NULL, **last = &first;
    while (!jinja_failed(p->h) && !take_op(p, ")")) {
        jinja_node *arg;
        if (is_op(p->t, "*") || is_op(p->t, "**"))
            jinja_error(p->h, "arguments with * or ** are not supported");
        if (p->t->kind == JINJA_T_NAME && is_op(p->t + 1, "=")) {
            arg = node(p, JINJA_N_KEYWORD);
            arg->name = name(p);
            next(p);
            arg->a = expression(p);
        } else {
            arg = expression(p);
        }
        *last = arg;
        last = &arg->next;
        if (!is_op(p->t, ")")) need_op(p, ",");
    }
    return first;
}

/* Behind "[": an index or a slice. */
static jinja_node *subscript(parser *p, jinja_node *of)
{
    jinja_node *part[3] = {NULL}, *n = node(p, JINJA_N_ITEM);
    int colons = 0;
    while (!jinja_failed(p->h) && !is_op(p->t, "]")) {
        if (take_op(p, ":")) {
            if (++colons > 2) unexpected(p, "']'");
        } else if (part[colons]) {
            unexpected(p, "']'");
        } else {
            part[colons] = expression(p);
        }
        if (colons > 2) break;
    }
    need_op(p, "]");
    n->a = of;
    n->b = part[0];
    if (colons) {
        n->kind = JINJA_N_SLICE;
        n->c = part[1];
        n->d = part[2];
    } else if (!part[0]) {
        unexpected(p, "an index");
    }
    return n;
}

/* Filters behind a value: | name | name(arguments). */
static jinja_node *filter(parser *p, jinja_node *of)
{
    jinja_node *n = node(p, JINJA_N_FILTER);
    n->a = of;
    n->name = name(p);
    if (take_op(p, "(")) n->b = arguments(p);
    return n;
}

/* May the argument of a test without brackets begin here, as in `x is divisibleby 3`? */
static bool begins_value(const jinja_token *t)
{
    static const char *const not [] = {"else", "or", "and", "is", "if", "not", "in"};
    if (t->kind == JINJA_T_CONST) return true;
    if (t->kind != JINJA_T_NAME) return is_op(t, "[") || is_op(t, "{");
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (is_name(t, not [i])) return false;
    return true;
}

static jinja_node *postfix(parser *p, jinja_node *n);

/* Behind "is": a test, with arguments in brackets or one argument without. */
static jinja_node *test(parser *p, jinja_node *of)
{
    bool negated = take_name(p, "not");
    jinja_node *n = node(p, JINJA_N_TEST);
    n->a = of;
    n->name = name(p);
    if (take_op(p, "(")) n->b = arguments(p);
    else if (begins_value(p->t)) n->b = postfix(p, primary(p));
    return negated ? binary(p, JINJA_N_NOT, 0, n, NULL) : n;
}

/* . [] () behind a value. */
static jinja_node *postfix(parser *p, jinja_node *n)
{
    while (!jinja_failed(p->h)) {
        if (take_op(p, ".")) {
            jinja_node *attr = node(p, JINJA_N_ATTR);
            attr->a = n;
            if (p->t->kind == JINJA_T_CONST && p->t->value.kind == JINJA_INT) { /* a.0 */
                attr->kind = JINJA_N_ITEM;
                attr->b = primary(p);
            } else {
                attr->name = name(p);
            }
            n = attr;
        } else if (take_op(p, "[")) {
            n = subscript(p, n);
        } else if (take_op(p, "(")) {
            jinja_node *call = node(p, JINJA_N_CALL);
            call->a = n;
            call->b = arguments(p);
            n = call;
        } else {
            break;
        }
    }
    return n;
}

/* | and is behind a value, and calls of what they gave. */
static jinja_node *filters_and_tests(parser *p, jinja_node *n)
{
    while (!jinja_failed(p->h)) {
        if (take_op(p, "|")) n = filter(p, n);
        else if (take_name(p, "is")) n = test(p, n);
        else if (is_op(p->t, "(")) n = postfix(p, n);
        else break;
    }
    return n;
}

/* A value with signs in front of it. They bind tighter than filters: -1 | abs is (-1) | abs. */
static jinja_node *sign(parser *p, bool with_filters)
{
    if (!jinja_enter(p->h)) return node(p, JINJA_N_CONST);
    jinja_node *n;
    if (is_op(p->t, "-") || is_op(p->t, "+")) {
        n = node(p, is_op(p->t, "-") ? JINJA_N_NEGATE : JINJA_N_PLUS);
        next(p);
        n->a = sign(p, false);
    } else {
        n = primary(p);
    }
    n = postfix(p, n);
    if (with_filters) n = filters_and_tests(p, n);
    jinja_leave(p->h);
    return n;
}

/* ---- operators ------------------------------------------------------------------------------- */

typedef struct {
    const char *sign;
    char op;
} operator_sign;

/* One level of left-associative operators over `operand`. */
static jinja_node *level(parser *p, const operator_sign *ops, jinja_node *(*operand)(parser *))
{
    jinja_node *n = operand(p);
    for (size_t i = 0; ops[i].sign && !jinja_failed(p->h); i++) {
        if (!take_op(p, ops[i].sign)) continue;
        n = binary(p, JINJA_N_BINARY, ops[i].op, n, operand(p));
        i = (size_t)-1; /* from the first sign again */
    }
    return n;
}

static jinja_node *signed_value(parser *p) { return sign(p, true); }

static jinja_node *power(parser *p)
{
    return level(p, (const operator_sign[]){{"**", 'p'}, {0}}, signed_value);
}

static jinja_node *product(parser *p)
{
    return level(p, (const operator_sign[]){{"*", '*'}, {"//", 'd'}, {"/", '/'}, {"%", '%'}, {0}},
                 power);
}

static jinja_node *joined(parser *p)
{
    return level(p, (const operator_sign[]){{"~", '~'}, {0}}, product);
}

static jinja_node *sum(parser *p)
{
    return level(p, (const operator_sign[]){{"+", '+'}, {"-", '-'}, {0}}, joined);
}

/* The comparison at the cursor, consumed; 0 = none. */
static char comparison_sign(parser *p)
{
    static const operator_sign signs[] = {{"==", '='}, {"!=", '!'}, {"<=", 'l'},
                                          {">=", 'g'}, {"<", '<'},  {">", '>'}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (take_op(p, signs[i].sign)) return signs[i].op;
    if (take_name(p, "in")) return 'i';
    if (is_name(p->t, "not") && is_name(p->t + 1, "in")) {
        next(p);
        next(p);
        return 'n';
    }
    return 0;
}

/* a < b < c becomes one node, with a chain of operators and operands. */
static jinja_node *comparison(parser *p)
{
    jinja_node *first = sum(p), *n = NULL, **last = NULL;
    for (char op; !jinja_failed(p->h) && (op = comparison_sign(p));) {
        if (!n) {
            n = binary(p, JINJA_N_COMPARE, 0, first, NULL);
            last = &n->b;
        }
        *last = binary(p, JINJA_N_OPERAND, op, sum(p), NULL);
        last = &(*last)->next;
    }
    return n ? n : first;
}

static jinja_node *negation(parser *p)
{
    if (!is_name(p->t, "not")) return comparison(p);
    if (!jinja_enter(p->h)) return node(p, JINJA_N_CONST);
    next(p);
    jinja_node *n = binary(p, JINJA_N_NOT, 0, negation(p), NULL);
    jinja_leave(p->h);
    return n;
}

static jinja_node *conjunction(parser *p)
{
    jinja_node *n = negation(p);
    while (!jinja_failed(p->h) && take_name(p, "and"))
        n = binary(p, JINJA_N_AND, 0, n, negation(p));
    return n;
}

static jinja_node *disjunction(parser *p)
{
    jinja_node *n = conjunction(p);
    while (!jinja_failed(p->h) && take_name(p, "or"))
        n = binary(p, JINJA_N_OR, 0, n, conjunction(p));
    return n;
}

/* Conditional expressions: a if c else b, where the else may be missing. */
static jinja_node *expression(parser *p)
{
    if (!jinja_enter(p->h)) return node(p, JINJA_N_CONST);
    jinja_node *n = disjunction(p);
    while (!jinja_failed(p->h) && take_name(p, "if")) {
        jinja_node *choice = node(p, JINJA_N_CHOICE);
        choice->b = n;
        choice->a = disjunction(p);
        if (take_name(p, "else")) choice->c = expression(p);
        n = choice;
    }
    jinja_leave(p->h);
    return n;
}

/* One expression, or several with commas between as a tuple. */
static jinja_node *expressions(parser *p)
{
    jinja_node *first = expression(p);
    if (!is_op(p->t, ",")) return first;
    jinja_node *n = node(p, JINJA_N_TUPLE), **last = &first->next;
    n->a = first;
    while (!jinja_failed(p->h) && take_op(p, ",")) {
        if (p->t->kind == JINJA_T_BLOCK_END || p->t->kind == JINJA_T_PRINT_END) break;
        *last = expression(p);
        last = &(*last)->next;
    }
    return n;
}

/* ---- statements ------------------------------------------------------------------------------ */

static void end_tag(parser *p) { need_kind(p, JINJA_T_BLOCK_END, "the end of the tag"); }

/* Statements up to {% word %}, which is consumed. */
static jinja_node *body(parser *p, const char *word)
{
    end_tag(p);
    jinja_node *n = statements(p, (const char *const[]){word, NULL});
    if (!take_name(p, word)) unexpected(p, word);
    return n;
}

/* A place to assign to: a name, name.attribute, or several names. */
static jinja_node *target(parser *p)
{
    jinja_node *first = NULL, **last = &first;
    bool round = take_op(p, "("), tuple = false;
    do {
        jinja_node *n = node(p, JINJA_N_NAME);
        n->name = name(p);
        if (take_op(p, ".")) {
            jinja_node *attr = node(p, JINJA_N_ATTR);
            attr->a = n;
            attr->name = name(p);
            n = attr;
        }
        *last = n;
        last = &n->next;
        tuple |= is_op(p->t, ",");
    } while (!jinja_failed(p->h) && take_op(p, ",") && p->t->kind == JINJA_T_NAME &&
             !is_name(p->t, "in"));
    if (round) need_op(p, ")");
    if (!tuple) return first;
    jinja_node *n = node(p, JINJA_N_TUPLE);
    n->a = first;
    return n;
}

/* An elif becomes an if in the place of the else; the innermost takes the endif. */
static void if_statement(parser *p, jinja_node *n)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    n->kind = JINJA_N_IF;
    n->a = disjunction(p);
    end_tag(p);
    n->b = statements(p, ends);
    if (take_name(p, "elif")) {
        if (!jinja_enter(p->h)) return;
        n->c = node(p, JINJA_N_IF);
        if_statement(p, n->c); /* takes the endif */
        jinja_leave(p->h);
        return;
    }
    if (take_name(p, "else")) n->c = body(p, "endif");
    else if (!take_name(p, "endif")) unexpected(p, "endif");
}

/* What is gone through may be a tuple without brackets. */
static void for_statement(parser *p, jinja_node *n)
{
    n->kind = JINJA_N_FOR;
    n->a = target(p);
    if (!take_name(p, "in")) unexpected(p, "in");
    jinja_node *of = disjunction(p);
    if (is_op(p->t, ",")) {
        jinja_node *tuple = node(p, JINJA_N_TUPLE), **last = &of->next;
        tuple->a = of;
        while (!jinja_failed(p->h) && take_op(p, ",")) {
            *last = disjunction(p);
            last = &(*last)->next;
        }
        of = tuple;
    }
    n->b = of;
    if (take_name(p, "if")) n->d = expression(p);
    if (is_name(p->t, "recursive")) jinja_error(p->h, "recursive loops are not supported");
    end_tag(p);
    n->body = statements(p, (const char *const[]){"else", "endfor", NULL});
    if (take_name(p, "else")) n->c = body(p, "endfor");
    else if (!take_name(p, "endfor")) unexpected(p, "endfor");
}

/* Filters of {% filter a|b %} and {% set x | a %}, chained from a NULL value. */
static jinja_node *bare_filters(parser *p)
{
    jinja_node *n = filter(p, NULL);
    while (!jinja_failed(p->h) && take_op(p, "|")) n = filter(p, n);
    return n;
}

/* {% set x = value %}, or {% set x %} with its value up to {% endset %}. */
static void set_statement(parser *p, jinja_node *n)
{
    n->kind = JINJA_N_SET;
    n->a = target(p);
    if (take_op(p, "=")) {
        n->b = expressions(p);
        return;
    }
    if (take_op(p, "|")) n->d = bare_filters(p);
    n->body = body(p, "endset");
}

/* (a, b=1): parameters of a macro, each a JINJA_N_KEYWORD. */
static jinja_node *parameters(parser *p)
{
    jinja_node *first = NULL, **last = &first;
    while (!jinja_failed(p->h) && !take_op(p, ")")) {
        jinja_node *n = node(p, JINJA_N_KEYWORD);
        n->name = name(p);
        if (take_op(p, "=")) n->a = expression(p);
        *last = n;
        last = &n->next;
        if (!is_op(p->t, ")")) need_op(p, ",");
    }
    return first;
}

/* {% with a = 1, b = 2 %}. */
static void with_statement(parser *p, jinja_node *n)
{
    n->kind = JINJA_N_WITH;
    for (jinja_node **last = &n->a; !jinja_failed(p->h) && p->t->kind == JINJA_T_NAME;) {
        jinja_node *set = node(p, JINJA_N_SET);
        set->a = node(p, JINJA_N_NAME);
        set->a->name = name(p);
        need_op(p, "=");
        set->b = expression(p);
        *last = set;
        last = &set->next;
        if (!take_op(p, ",")) break;
    }
    n->body = body(p, "endwith");
}

/* {% call(a) f(x) %}: f can call the body as caller(a). */
static void call_statement(parser *p, jinja_node *n)
{
    n->kind = JINJA_N_CALL_BLOCK;
    if (take_op(p, "(")) n->b = parameters(p);
    n->a = expression(p);
    if (!jinja_failed(p->h) && n->a->kind != JINJA_N_CALL)
        jinja_error(p->h, "{%% call %%} needs a call");
    n->body = body(p, "endcall");
}

/* The tag at the cursor, behind its "{%", with all that belongs to it. */
static jinja_node *block(parser *p)
{
    jinja_node *n = node(p, JINJA_N_TEXT);
    if (take_name(p, "if")) if_statement(p, n);
    else if (take_name(p, "for")) for_statement(p, n);
    else if (take_name(p, "set")) set_statement(p, n);
    else if (take_name(p, "with")) with_statement(p, n);
    else if (take_name(p, "call")) call_statement(p, n);
    else if (take_name(p, "break")) n->kind = JINJA_N_BREAK;
    else if (take_name(p, "continue")) n->kind = JINJA_N_CONTINUE;
    else if (take_name(p, "macro")) {
        n->kind = JINJA_N_MACRO;
        n->name = name(p);
        need_op(p, "(");
        n->a = parameters(p);
        n->body = body(p, "endmacro");
    } else if (take_name(p, "filter")) {
        n->kind = JINJA_N_FILTER_BLOCK;
        n->d = bare_filters(p);
        n->body = body(p, "endfilter");
    } else if (take_name(p, "generation")) {
        n->kind = JINJA_N_GENERATION;
        n->body = body(p, "endgeneration");
    } else if (p->t->kind == JINJA_T_NAME) {
        jinja_error(p->h, "the statement {%% %.*s %%} is not supported",
                    (int)SP_MIN(p->t->n, (size_t)60), p->t->text);
    } else {
        unexpected(p, "a statement");
    }
    end_tag(p);
    return n;
}

/* Text, {{ print }} or a tag. */
static jinja_node *statement(parser *p)
{
    jinja_node *n;
    if (p->t->kind == JINJA_T_TEXT) {
        n = node(p, JINJA_N_TEXT);
        n->value = jinja_text(p->t->text, p->t->n);
        next(p);
    } else if (p->t->kind == JINJA_T_PRINT) {
        next(p);
        n = node(p, JINJA_N_PRINT);
        n->a = expressions(p);
        need_kind(p, JINJA_T_PRINT_END, "'}}'");
    } else {
        need_kind(p, JINJA_T_BLOCK, "a tag");
        n = block(p);
    }
    return n;
}

/* Does a tag begin here with one of the words `until`? */
static bool ends(const parser *p, const char *const *until)
{
    if (p->t->kind != JINJA_T_BLOCK) return false;
    for (; until && *until; until++)
        if (is_name(p->t + 1, *until)) return true;
    return false;
}

/* Statements up to a tag that begins with one of the words `until` (the cursor is then at the
 * word), or to the end of the template. */
static jinja_node *statements(parser *p, const char *const *until)
{
    jinja_node *first = NULL, **last = &first;
    if (!jinja_enter(p->h)) return NULL;
    while (!jinja_failed(p->h) && p->t->kind != JINJA_T_END) {
        if (ends(p, until)) {
            next(p);
            break;
        }
        *last = statement(p);
        last = &(*last)->next;
    }
    if (!jinja_failed(p->h) && until && p->t->kind == JINJA_T_END) {
        char wanted[40];
        snprintf(wanted, sizeof wanted, "{%% %s %%}", until[0]);
        unexpected(p, wanted);
    }
    jinja_leave(p->h);
    return first;
}

jinja_node *jinja_parse(jinja_heap *h, const jinja_token *tokens)
{
    parser p = {.h = h, .t = tokens};
    h->line = 1;
    return statements(&p, NULL);
}
