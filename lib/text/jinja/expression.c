/* expression.c - see expression.h: recursive descent, one function a level of precedence.
 *
 * From the loosest to the tightest, as in Jinja2:
 *     a if c else b;  or;  and;  not;  comparisons and in;  + -;  ~;  * / // %;  **;  - + (sign);
 *     then . [] () | is behind a value. So `not x is defined` is not (x is defined), and
 *     `a ~ b | upper` is a ~ (b | upper).
 *
 * After an error all loops end, functions return some node, and the tree is thrown away, so errors
 * need no way out of their own.
 */
#include "text/jinja/expression.h"

#include "text/jinja/print.h"

/* A node for a value that is known already. */
static jinja_node *constant(jinja_cursor *p, jinja_value v)
{
    jinja_node *n = jinja_new_node(p, JINJA_N_CONST);
    n->value = v;
    return n;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Elements up to `close`, which is consumed. */
static jinja_node *elements(jinja_cursor *p, const char *close)
{
    jinja_node *first = NULL, **last = &first;
    while (!jinja_failed(p->h) && !jinja_take_op(p, close)) {
        *last = jinja_parse_expression(p);
        last = &(*last)->next;
        if (!jinja_is_op(p->t, close)) jinja_need_op(p, ",");
    }
    return first;
}

/* Pairs behind "{", the "}" consumed. */
static jinja_node *dictionary(jinja_cursor *p)
{
    jinja_node *n = jinja_new_node(p, JINJA_N_DICT), **last = &n->a;
    while (!jinja_failed(p->h) && !jinja_take_op(p, "}")) {
        jinja_node *pair = jinja_new_node(p, JINJA_N_PAIR);
        pair->a = jinja_parse_expression(p);
        jinja_need_op(p, ":");
        pair->b = jinja_parse_expression(p);
        *last = pair;
        last = &pair->next;
        if (!jinja_is_op(p->t, "}")) jinja_need_op(p, ",");
    }
    return n;
}

/* Behind "(": one expression in brackets, or a tuple. */
static jinja_node *brackets(jinja_cursor *p)
{
    jinja_node *n = jinja_new_node(p, JINJA_N_TUPLE);
    if (jinja_take_op(p, ")")) return n;
    jinja_node *first = jinja_parse_expression(p);
    if (jinja_take_op(p, ")")) return first;
    jinja_need_op(p, ",");
    n->a = first;
    first->next = elements(p, ")");
    return n;
}

/* A word where a value stands: a constant or a variable. */
static jinja_node *named(jinja_cursor *p)
{
    static const struct {
        const char *name;
        int value; /* 0, 1, or -1 for none */
    } known[] = {{"true", 1}, {"True", 1}, {"false", 0}, {"False", 0}, {"none", -1}, {"None", -1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (jinja_take_name(p, known[i].name))
            return constant(p, known[i].value < 0 ? jinja_none() : jinja_bool(known[i].value));
    jinja_node *n = jinja_new_node(p, JINJA_N_NAME);
    n->name = jinja_need_name(p);
    return n;
}

/* A value without anything in front of it or behind. */
static jinja_node *primary(jinja_cursor *p)
{
    if (p->t->kind == JINJA_T_NAME) return named(p);
    if (p->t->kind == JINJA_T_CONST) {
        jinja_value v = p->t->value;
        jinja_next(p);
        while (v.kind == JINJA_STRING && p->t->kind == JINJA_T_CONST &&
               p->t->value.kind == JINJA_STRING) { /* "a" "b" is "ab" */
            jinja_buffer b = {0};
            jinja_add_str(p->h, &b, v);
            jinja_add_str(p->h, &b, p->t->value);
            v = jinja_string_of(&b);
            jinja_next(p);
        }
        return constant(p, v);
    }
    if (jinja_take_op(p, "(")) return brackets(p);
    if (jinja_take_op(p, "{")) return dictionary(p);
    if (jinja_take_op(p, "[")) {
        jinja_node *n = jinja_new_node(p, JINJA_N_LIST);
        n->a = elements(p, "]");
        return n;
    }
    jinja_unexpected(p, "a value");
    return jinja_new_node(p, JINJA_N_CONST);
}

/* Arguments behind "(", the ")" consumed. */
static jinja_node *arguments(jinja_cursor *p)
{
    jinja_node *first = NULL, **last = &first;
    while (!jinja_failed(p->h) && !jinja_take_op(p, ")")) {
        jinja_node *arg;
        if (jinja_is_op(p->t, "*") || jinja_is_op(p->t, "**"))
            jinja_error(p->h, "arguments with * or ** are not supported");
        if (p->t->kind == JINJA_T_NAME && jinja_is_op(p->t + 1, "=")) {
            arg = jinja_new_node(p, JINJA_N_KEYWORD);
            arg->name = jinja_need_name(p);
            jinja_next(p);
            arg->a = jinja_parse_expression(p);
        } else {
            arg = jinja_parse_expression(p);
        }
        *last = arg;
        last = &arg->next;
        if (!jinja_is_op(p->t, ")")) jinja_need_op(p, ",");
    }
    return first;
}

/* Behind "[": an index or a slice. */
static jinja_node *subscript(jinja_cursor *p, jinja_node *of)
{
    jinja_node *part[3] = {NULL}, *n = jinja_new_node(p, JINJA_N_ITEM);
    int colons = 0;
    while (!jinja_failed(p->h) && !jinja_is_op(p->t, "]")) {
        if (jinja_take_op(p, ":")) {
            if (++colons > 2) jinja_unexpected(p, "']'");
        } else if (part[colons]) {
            jinja_unexpected(p, "']'");
        } else {
            part[colons] = jinja_parse_expression(p);
        }
        if (colons > 2) break;
    }
    jinja_need_op(p, "]");
    n->a = of;
    n->b = part[0];
    if (colons) {
        n->kind = JINJA_N_SLICE;
        n->c = part[1];
        n->d = part[2];
    } else if (!part[0]) {
        jinja_unexpected(p, "an index");
    }
    return n;
}

/* Filters behind a value: | name | name(arguments). */
jinja_node *jinja_parse_filter(jinja_cursor *p, jinja_node *of)
{
    jinja_node *n = jinja_new_node(p, JINJA_N_FILTER);
    n->a = of;
    n->name = jinja_need_name(p);
    if (jinja_take_op(p, "(")) n->b = arguments(p);
    return n;
}

/* May the argument of a test without brackets begin here, as in `x is divisibleby 3`? */
static bool begins_value(const jinja_token *t)
{
    static const char *const not [] = {"else", "or", "and", "is", "if", "not", "in"};
    if (t->kind == JINJA_T_CONST) return true;
    if (t->kind != JINJA_T_NAME) return jinja_is_op(t, "[") || jinja_is_op(t, "{");
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++)
        if (jinja_is_name(t, not [i])) return false;
    return true;
}

static jinja_node *postfix(jinja_cursor *p, jinja_node *n);

/* Behind "is": a test, with arguments in brackets or one argument without. */
static jinja_node *test(jinja_cursor *p, jinja_node *of)
{
    bool negated = jinja_take_name(p, "not");
    jinja_node *n = jinja_new_node(p, JINJA_N_TEST);
    n->a = of;
    n->name = jinja_need_name(p);
    if (jinja_take_op(p, "(")) n->b = arguments(p);
    else if (begins_value(p->t)) n->b = postfix(p, primary(p));
    return negated ? jinja_new_binary(p, JINJA_N_NOT, 0, n, NULL) : n;
}

/* . [] () behind a value. */
static jinja_node *postfix(jinja_cursor *p, jinja_node *n)
{
    while (!jinja_failed(p->h)) {
        if (jinja_take_op(p, ".")) {
            jinja_node *attr = jinja_new_node(p, JINJA_N_ATTR);
            attr->a = n;
            if (p->t->kind == JINJA_T_CONST && p->t->value.kind == JINJA_INT) { /* a.0 */
                attr->kind = JINJA_N_ITEM;
                attr->b = primary(p);
            } else {
                attr->name = jinja_need_name(p);
            }
            n = attr;
        } else if (jinja_take_op(p, "[")) {
            n = subscript(p, n);
        } else if (jinja_take_op(p, "(")) {
            jinja_node *call = jinja_new_node(p, JINJA_N_CALL);
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
static jinja_node *filters_and_tests(jinja_cursor *p, jinja_node *n)
{
    while (!jinja_failed(p->h)) {
        if (jinja_take_op(p, "|")) n = jinja_parse_filter(p, n);
        else if (jinja_take_name(p, "is")) n = test(p, n);
        else if (jinja_is_op(p->t, "(")) n = postfix(p, n);
        else break;
    }
    return n;
}

/* A value with signs in front of it. They bind tighter than filters: -1 | abs is (-1) | abs. */
static jinja_node *sign(jinja_cursor *p, bool with_filters)
{
    if (!jinja_enter(p->h)) return jinja_new_node(p, JINJA_N_CONST);
    jinja_node *n;
    if (jinja_is_op(p->t, "-") || jinja_is_op(p->t, "+")) {
        n = jinja_new_node(p, jinja_is_op(p->t, "-") ? JINJA_N_NEGATE : JINJA_N_PLUS);
        jinja_next(p);
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
static jinja_node *level(jinja_cursor *p, const operator_sign *ops,
                         jinja_node *(*operand)(jinja_cursor *))
{
    jinja_node *n = operand(p);
    for (size_t i = 0; ops[i].sign && !jinja_failed(p->h); i++) {
        if (!jinja_take_op(p, ops[i].sign)) continue;
        n = jinja_new_binary(p, JINJA_N_BINARY, ops[i].op, n, operand(p));
        i = (size_t)-1; /* from the first sign again */
    }
    return n;
}

static jinja_node *signed_value(jinja_cursor *p) { return sign(p, true); }

/* The levels of arithmetic, from the tightest to the loosest. All go from left to right, ** too, as
 * in Jinja2. */
static jinja_node *power(jinja_cursor *p)
{
    return level(p, (const operator_sign[]){{"**", 'p'}, {0}}, signed_value);
}

static jinja_node *product(jinja_cursor *p)
{
    return level(p, (const operator_sign[]){{"*", '*'}, {"//", 'd'}, {"/", '/'}, {"%", '%'}, {0}},
                 power);
}

static jinja_node *joined(jinja_cursor *p)
{
    return level(p, (const operator_sign[]){{"~", '~'}, {0}}, product);
}

static jinja_node *sum(jinja_cursor *p)
{
    return level(p, (const operator_sign[]){{"+", '+'}, {"-", '-'}, {0}}, joined);
}

/* The comparison at the cursor, consumed; 0 = none. */
static char comparison_sign(jinja_cursor *p)
{
    static const operator_sign signs[] = {{"==", '='}, {"!=", '!'}, {"<=", 'l'},
                                          {">=", 'g'}, {"<", '<'},  {">", '>'}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (jinja_take_op(p, signs[i].sign)) return signs[i].op;
    if (jinja_take_name(p, "in")) return 'i';
    if (jinja_is_name(p->t, "not") && jinja_is_name(p->t + 1, "in")) {
        jinja_next(p);
        jinja_next(p);
        return 'n';
    }
    return 0;
}

/* a < b < c becomes one node, with a chain of operators and operands. */
static jinja_node *comparison(jinja_cursor *p)
{
    jinja_node *first = sum(p), *n = NULL, **last = NULL;
    for (char op; !jinja_failed(p->h) && (op = comparison_sign(p));) {
        if (!n) {
            n = jinja_new_binary(p, JINJA_N_COMPARE, 0, first, NULL);
            last = &n->b;
        }
        *last = jinja_new_binary(p, JINJA_N_OPERAND, op, sum(p), NULL);
        last = &(*last)->next;
    }
    return n ? n : first;
}

/* `not` may come several times, each a level of depth. */
static jinja_node *negation(jinja_cursor *p)
{
    if (!jinja_is_name(p->t, "not")) return comparison(p);
    if (!jinja_enter(p->h)) return jinja_new_node(p, JINJA_N_CONST);
    jinja_next(p);
    jinja_node *n = jinja_new_binary(p, JINJA_N_NOT, 0, negation(p), NULL);
    jinja_leave(p->h);
    return n;
}

/* a and b and c: from left to right, as the interpreter stops at the first that decides. */
static jinja_node *conjunction(jinja_cursor *p)
{
    jinja_node *n = negation(p);
    while (!jinja_failed(p->h) && jinja_take_name(p, "and"))
        n = jinja_new_binary(p, JINJA_N_AND, 0, n, negation(p));
    return n;
}

jinja_node *jinja_parse_condition(jinja_cursor *p)
{
    jinja_node *n = conjunction(p);
    while (!jinja_failed(p->h) && jinja_take_name(p, "or"))
        n = jinja_new_binary(p, JINJA_N_OR, 0, n, conjunction(p));
    return n;
}

/* Conditional expressions: a if c else b, where the else may be missing. */
jinja_node *jinja_parse_expression(jinja_cursor *p)
{
    if (!jinja_enter(p->h)) return jinja_new_node(p, JINJA_N_CONST);
    jinja_node *n = jinja_parse_condition(p);
    while (!jinja_failed(p->h) && jinja_take_name(p, "if")) {
        jinja_node *choice = jinja_new_node(p, JINJA_N_CHOICE);
        choice->b = n;
        choice->a = jinja_parse_condition(p);
        if (jinja_take_name(p, "else")) choice->c = jinja_parse_expression(p);
        n = choice;
    }
    jinja_leave(p->h);
    return n;
}

/* One expression, or several with commas between as a tuple. */
jinja_node *jinja_parse_expressions(jinja_cursor *p)
{
    jinja_node *first = jinja_parse_expression(p);
    if (!jinja_is_op(p->t, ",")) return first;
    jinja_node *n = jinja_new_node(p, JINJA_N_TUPLE), **last = &first->next;
    n->a = first;
    while (!jinja_failed(p->h) && jinja_take_op(p, ",")) {
        if (p->t->kind == JINJA_T_BLOCK_END || p->t->kind == JINJA_T_PRINT_END) break;
        *last = jinja_parse_expression(p);
        last = &(*last)->next;
    }
    return n;
}
