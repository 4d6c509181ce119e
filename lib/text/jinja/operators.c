/* operators.c - see operators.h.
 *
 * Whole numbers have 64 bits. Python's have no bound, so a result that does not fit is an error and
 * never wraps.
 */
#include "text/jinja/operators.h"

#include "text/jinja/print.h"

#include <math.h>

/* ---- arithmetic ------------------------------------------------------------------------------ */

/* Refuse an operator for these two; an undefined operand is told by its name. */
static jinja_value no_operator(jinja_heap *h, char op, jinja_value a, jinja_value b)
{
    jinja_value u = a.kind == JINJA_UNDEFINED ? a : b;
    if (u.kind == JINJA_UNDEFINED) jinja_error(h, "'%s' is undefined", u.text ? u.text : "value");
    else
        jinja_error(h, "%s %s %s is not supported", jinja_type(a),
                    op == 'd'   ? "//"
                    : op == 'p' ? "**"
                                : (char[]){op, 0},
                    jinja_type(b));
    return jinja_none();
}

static int64_t whole(jinja_value v) { return v.kind == JINJA_BOOL ? v.flag : v.integer; }

/* base to the power of exponent >= 0. Overflow ends the loop after 63 rounds at most, since 0, 1
 * and -1, which never overflow, need no more than two. False: it does not fit. */
static bool power(int64_t base, int64_t exponent, int64_t *out)
{
    int64_t r = 1;
    if (base == 0 || base == 1 || base == -1) exponent = exponent ? 2 - exponent % 2 : 0;
    for (int64_t i = 0; i < exponent; i++)
        if (__builtin_mul_overflow(r, base, &r)) return false;
    *out = r;
    return true;
}

/* Division of two whole numbers by / is a real number; // and % go down, as in Python: -7 // 2 is
 * -4, -7 % 3 is 2. The smallest number by -1 is the one quotient that does not fit. */
static jinja_value whole_numbers(jinja_heap *h, char op, int64_t a, int64_t b)
{
    int64_t r = 0;
    bool fits = true;
    if ((op == 'd' || op == '%' || op == '/') && b == 0) {
        jinja_error(h, "division by zero");
        return jinja_none();
    }
    switch (op) {
    case '+': fits = !__builtin_add_overflow(a, b, &r); break;
    case '-': fits = !__builtin_sub_overflow(a, b, &r); break;
    case '*': fits = !__builtin_mul_overflow(a, b, &r); break;
    case 'p':
        if (b < 0) return jinja_float(pow((double)a, (double)b));
        fits = power(a, b, &r);
        break;
    case '/': return jinja_float((double)a / (double)b);
    default: /* rounded down, the rest has the sign of b */
        if (b == -1) {
            fits = op == '%' || !__builtin_sub_overflow(0, a, &r);
            break;
        }
        r = op == 'd' ? a / b : a % b;
        if (a % b && (a < 0) != (b < 0)) r += op == 'd' ? -1 : b;
    }
    if (!fits) jinja_error(h, "a number grows too large");
    return jinja_int(r);
}

/* The rest has the sign of b, as the quotient is rounded down. */
static jinja_value real_numbers(jinja_heap *h, char op, double a, double b)
{
    if ((op == 'd' || op == '%' || op == '/') && b == 0) jinja_error(h, "division by zero");
    switch (op) {
    case '+': return jinja_float(a + b);
    case '-': return jinja_float(a - b);
    case '*': return jinja_float(a * b);
    case 'p': return jinja_float(pow(a, b));
    case '/': return jinja_float(a / b);
    case 'd': return jinja_float(floor(a / b));
    default: return jinja_float(b == 0 ? 0 : a - b * floor(a / b));
    }
}

/* str(a) + str(b) */
static jinja_value joined_text(jinja_heap *h, jinja_value a, jinja_value b)
{
    jinja_buffer out = {0};
    jinja_add_str(h, &out, a);
    jinja_add_str(h, &out, b);
    return jinja_string_of(&out);
}

/* A string or list, so many times; none for a number below 1. */
static jinja_value repeated(jinja_heap *h, jinja_value a, int64_t times)
{
    if (a.kind == JINJA_STRING) {
        jinja_buffer out = {0};
        for (int64_t i = 0; a.n && i < times && jinja_spend(h, 1); i++)
            jinja_add(h, &out, a.text, a.n);
        return jinja_string_of(&out);
    }
    jinja_value out = jinja_list_new(h, a.kind);
    for (int64_t i = 0; a.list->n && i < times && !jinja_failed(h); i++)
        for (size_t k = 0; k < a.list->n; k++) jinja_append(h, out.list, a.list->at[k]);
    return out;
}

/* A new list of the elements of both. */
static jinja_value joined_lists(jinja_heap *h, jinja_value a, jinja_value b)
{
    jinja_value out = jinja_list_new(h, a.kind);
    for (size_t i = 0; i < a.list->n; i++) jinja_append(h, out.list, a.list->at[i]);
    for (size_t i = 0; i < b.list->n; i++) jinja_append(h, out.list, b.list->at[i]);
    return out;
}

static bool repeats(jinja_value v) { return v.kind == JINJA_STRING || jinja_is_list(v); }

/* True and false are numbers. A tuple and a list cannot be added, and a string joins only a string
 * with +, but anything with ~. */
jinja_value jinja_binary(jinja_heap *h, char op, jinja_value a, jinja_value b)
{
    if (op == '~') return joined_text(h, a, b);
    if (jinja_is_number(a) && jinja_is_number(b)) {
        if (a.kind == JINJA_FLOAT || b.kind == JINJA_FLOAT)
            return real_numbers(h, op, jinja_real(a), jinja_real(b));
        return whole_numbers(h, op, whole(a), whole(b));
    }
    if (op == '+' && a.kind == JINJA_STRING && b.kind == JINJA_STRING) return joined_text(h, a, b);
    if (op == '+' && jinja_is_list(a) && a.kind == b.kind) return joined_lists(h, a, b);
    if (op == '*' && repeats(a) && (b.kind == JINJA_INT || b.kind == JINJA_BOOL))
        return repeated(h, a, whole(b));
    if (op == '*' && repeats(b) && (a.kind == JINJA_INT || a.kind == JINJA_BOOL))
        return repeated(h, b, whole(a));
    return no_operator(h, op, a, b);
}

/* As 0 - a or 0 + a, so that the smallest number overflows in the one place where it is looked
 * at. */
jinja_value jinja_signed(jinja_heap *h, jinja_value a, bool negate)
{
    if (a.kind == JINJA_FLOAT) return jinja_float(negate ? -a.real : a.real);
    if (jinja_is_number(a)) return whole_numbers(h, negate ? '-' : '+', 0, whole(a));
    return no_operator(h, negate ? '-' : '+', jinja_int(0), a);
}

/* Equality and `in` are answered for undefined values, order is not. */
bool jinja_relation(jinja_heap *h, char op, jinja_value a, jinja_value b)
{
    switch (op) {
    case '=': return jinja_equal(h, a, b);
    case '!': return !jinja_equal(h, a, b);
    case 'i': return jinja_contains(h, b, a);
    case 'n': return !jinja_contains(h, b, a);
    }
    if (a.kind == JINJA_UNDEFINED || b.kind == JINJA_UNDEFINED) {
        no_operator(h, op, a, b);
        return false;
    }
    int order = jinja_compare(h, a, b);
    return op == '<' ? order < 0 : op == 'l' ? order <= 0 : op == '>' ? order > 0 : order >= 0;
}

/* ---- elements -------------------------------------------------------------------------------- */

/* Elements of a string are characters. A value that has no elements gives undefined, as Jinja2
 * does; only of an undefined value nothing may be asked. */
jinja_value jinja_item(jinja_heap *h, jinja_value a, jinja_value key)
{
    if (a.kind == JINJA_UNDEFINED) {
        jinja_error(h, "'%s' is undefined", a.text ? a.text : "value");
        return a;
    }
    const char *name = key.kind == JINJA_STRING ? key.text : "element";
    if (jinja_is_dict(a)) {
        if (jinja_is_list(key) || jinja_is_dict(key)) return jinja_undefined(name);
        const jinja_value *v = jinja_get(h, a.dict, key);
        return v ? *v : jinja_undefined(name);
    }
    bool sequence = a.kind == JINJA_STRING || jinja_is_list(a);
    if (!sequence || (key.kind != JINJA_INT && key.kind != JINJA_BOOL))
        return jinja_undefined(name);
    jinja_value list = jinja_elements(h, a);
    int64_t n = (int64_t)list.list->n, i = whole(key);
    if (i < 0) i += n;
    return i >= 0 && i < n ? list.list->at[i] : jinja_undefined(name);
}

/* One end of a slice, `otherwise` where it is left out, put into lo .. hi. */
static int64_t bound(jinja_heap *h, jinja_value v, int64_t n, int64_t otherwise, int64_t lo,
                     int64_t hi)
{
    if (v.kind == JINJA_NONE) return otherwise;
    if (v.kind != JINJA_INT && v.kind != JINJA_BOOL) {
        jinja_error(h, "a slice needs whole numbers, got %s", jinja_type(v));
        return lo;
    }
    int64_t i = whole(v);
    if (i < 0) i = i < -n ? lo : i + n;
    return SP_MIN(SP_MAX(i, lo), hi);
}

/* Python's rules: the ends are put into the string or list, and with a negative step they are the
 * other way round. The step is put into -(n + 1) .. n + 1, where it cannot overflow i. */
jinja_value jinja_slice(jinja_heap *h, jinja_value a, jinja_value from, jinja_value to,
                        jinja_value step)
{
    if (a.kind != JINJA_STRING && !jinja_is_list(a)) {
        if (a.kind == JINJA_UNDEFINED)
            jinja_error(h, "'%s' is undefined", a.text ? a.text : "value");
        else jinja_error(h, "%s cannot be sliced", jinja_type(a));
        return a;
    }
    jinja_value list = jinja_elements(h, a);
    int64_t n = (int64_t)list.list->n, by = step.kind == JINJA_NONE ? 1 : 0;
    if (!by && step.kind == JINJA_INT) by = SP_MIN(SP_MAX(step.integer, -(n + 1)), n + 1);
    if (!by) jinja_error(h, "the step of a slice is no number other than 0");
    bool down = by < 0;
    int64_t lo = down ? -1 : 0, hi = down ? n - 1 : n;
    int64_t i = bound(h, from, n, down ? hi : lo, lo, hi);
    int64_t end = bound(h, to, n, down ? lo : hi, lo, hi);
    jinja_value out = jinja_list_new(h, jinja_is_list(a) ? a.kind : JINJA_LIST);
    for (; !jinja_failed(h) && (down ? i > end : i < end); i += by)
        jinja_append(h, out.list, list.list->at[i]);
    if (jinja_is_list(a)) return out;
    jinja_buffer b = {0};
    for (size_t k = 0; k < out.list->n; k++) jinja_add_str(h, &b, out.list->at[k]);
    return jinja_string_of(&b);
}
