/* tests.c - see tests.h: a table of names, and what each asks as Jinja2 defines it.
 *
 * v is the value in front, arg[0] what it is compared with, for those that take a value.
 */
#include "text/jinja/tests.h"

#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

/* What kind of value it is. An undefined value is a sequence, since it can be gone through. */
static jinja_value t_defined(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind != JINJA_UNDEFINED);
}
static jinja_value t_undefined(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_UNDEFINED);
}
static jinja_value t_none(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_NONE);
}
static jinja_value t_string(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_STRING);
}
static jinja_value t_number(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(jinja_is_number(v));
}
static jinja_value t_integer(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_INT);
}
static jinja_value t_float(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_FLOAT);
}
static jinja_value t_boolean(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_BOOL);
}
static jinja_value t_true(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_BOOL && v.flag);
}
static jinja_value t_false(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_BOOL && !v.flag);
}
static jinja_value t_mapping(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_DICT);
}
static jinja_value t_sequence(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg; /* whatever has a length and elements: strings and dictionaries too */
    return jinja_bool(v.kind == JINJA_STRING || v.kind == JINJA_DICT || jinja_is_list(v) ||
                      v.kind == JINJA_UNDEFINED);
}
static jinja_value t_iterable(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    if (v.kind == JINJA_ITERATOR) return jinja_bool(true);
    return t_sequence(h, v, arg);
}
static jinja_value t_callable(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h, (void)arg;
    return jinja_bool(v.kind == JINJA_FUNCTION);
}
/* What a number is like. */
static jinja_value t_odd(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_bool(jinja_need_int(h, v, "the value asked for odd") % 2 != 0);
}
static jinja_value t_even(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_bool(jinja_need_int(h, v, "the value asked for even") % 2 == 0);
}
static jinja_value t_divisibleby(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_equal(h, jinja_binary(h, '%', v, arg[0]), jinja_int(0)) ? jinja_bool(true)
                                                                         : jinja_bool(false);
}
/* How it compares with another value. */
static jinja_value t_eq(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_relation(h, '=', v, arg[0]));
}
static jinja_value t_ne(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_relation(h, '!', v, arg[0]));
}
static jinja_value t_lt(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_relation(h, '<', v, arg[0]));
}
static jinja_value t_le(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_relation(h, 'l', v, arg[0]));
}
static jinja_value t_gt(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_relation(h, '>', v, arg[0]));
}
static jinja_value t_ge(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_relation(h, 'g', v, arg[0]));
}
/* Identity: true is not 1. Values that are equal and of one kind are taken for the same. */
static jinja_value t_sameas(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(v.kind == arg[0].kind && jinja_equal(h, v, arg[0]));
}
static jinja_value t_in(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_bool(jinja_contains(h, arg[0], v));
}
/* As islower: there is a letter, and none in the other case. */
static jinja_value t_lower(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    v = jinja_str(h, v);
    return jinja_bool(jinja_equal(h, v, jinja_to_case(h, v, JINJA_LOWER)) &&
                      !jinja_equal(h, v, jinja_to_case(h, v, JINJA_UPPER)));
}
static jinja_value t_upper(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    v = jinja_str(h, v);
    return jinja_bool(jinja_equal(h, v, jinja_to_case(h, v, JINJA_UPPER)) &&
                      !jinja_equal(h, v, jinja_to_case(h, v, JINJA_LOWER)));
}

/* clang-format off */
static const jinja_entry tests[] = {
    {"boolean", t_boolean, {NULL}},
    {"callable", t_callable, {NULL}},
    {"defined", t_defined, {NULL}},
    {"divisibleby", t_divisibleby, {""}},
    {"eq", t_eq, {""}},
    {"equalto", t_eq, {""}},
    {"==", t_eq, {""}},
    {"even", t_even, {NULL}},
    {"false", t_false, {NULL}},
    {"float", t_float, {NULL}},
    {"ge", t_ge, {""}},
    {">=", t_ge, {""}},
    {"gt", t_gt, {""}},
    {"greaterthan", t_gt, {""}},
    {">", t_gt, {""}},
    {"in", t_in, {""}},
    {"integer", t_integer, {NULL}},
    {"iterable", t_iterable, {NULL}},
    {"le", t_le, {""}},
    {"<=", t_le, {""}},
    {"lessthan", t_lt, {""}},
    {"lower", t_lower, {NULL}},
    {"lt", t_lt, {""}},
    {"<", t_lt, {""}},
    {"mapping", t_mapping, {NULL}},
    {"ne", t_ne, {""}},
    {"!=", t_ne, {""}},
    {"none", t_none, {NULL}},
    {"number", t_number, {NULL}},
    {"odd", t_odd, {NULL}},
    {"sameas", t_sameas, {""}},
    {"sequence", t_sequence, {NULL}},
    {"string", t_string, {NULL}},
    {"true", t_true, {NULL}},
    {"undefined", t_undefined, {NULL}},
    {"upper", t_upper, {NULL}},
    {NULL, NULL, {NULL}},
};
/* clang-format on */

/* Tests that compare need their value; the others take none, which jinja_entry_run looks after. */
bool jinja_test(jinja_heap *h, const char *name, jinja_value v, const jinja_args *args)
{
    const jinja_entry *entry = jinja_entry_find(tests, name);
    if (!entry) {
        jinja_error(h, "the test '%.60s' is not supported", name);
        return false;
    }
    if (entry->parameters[0] && args->n != 1) jinja_error(h, "the test '%s' needs a value", name);
    return jinja_truth(jinja_entry_run(h, "test", entry, v, args));
}
