/* value.c - see value.h: values made, lists and dictionaries, and what can be asked of them. */
#include "text/jinja/value.h"

#include "base/utf8.h"

/* ---- making values --------------------------------------------------------------------------- */

jinja_value jinja_undefined(const char *name)
{
    return (jinja_value){.kind = JINJA_UNDEFINED, .text = name};
}
jinja_value jinja_none(void) { return (jinja_value){.kind = JINJA_NONE}; }
jinja_value jinja_bool(bool b) { return (jinja_value){.kind = JINJA_BOOL, .flag = b}; }
jinja_value jinja_int(int64_t i) { return (jinja_value){.kind = JINJA_INT, .integer = i}; }
jinja_value jinja_float(double x) { return (jinja_value){.kind = JINJA_FLOAT, .real = x}; }
jinja_value jinja_text(const char *s, size_t n)
{
    return (jinja_value){.kind = JINJA_STRING, .text = s, .n = n};
}
jinja_value jinja_cstr(const char *s) { return jinja_text(s, strlen(s)); }

/* The copy has a NUL behind it, so its text also serves as a C string. */
jinja_value jinja_copy(jinja_heap *h, const char *s, size_t n)
{
    char *p = jinja_take(h, n + 1);
    if (!p || !jinja_spend(h, n / 64)) return jinja_cstr("");
    if (n) memcpy(p, s, n);
    return jinja_text(p, n);
}

jinja_value jinja_list_new(jinja_heap *h, jinja_kind list_or_tuple)
{
    static jinja_list none; /* what is used after an error; nothing is ever added to it */
    jinja_list *l = jinja_take(h, sizeof *l);
    return (jinja_value){.kind = list_or_tuple, .list = l ? l : &none};
}

/* The capacity doubles, so that the memory left behind is at most as much as is in use. */
void jinja_append(jinja_heap *h, jinja_list *l, jinja_value v)
{
    if (!jinja_spend(h, 1)) return;
    if (l->n == l->cap) {
        size_t cap = SP_MAX(2 * l->cap, (size_t)8);
        jinja_value *at = jinja_grown(h, l->at, l->n, cap, sizeof *at);
        if (!at) return;
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = v;
}

jinja_value jinja_dict_new(jinja_heap *h, jinja_kind dict_or_namespace)
{
    static jinja_dict none; /* as in jinja_list_new */
    jinja_dict *d = jinja_take(h, sizeof *d);
    return (jinja_value){.kind = dict_or_namespace, .dict = d ? d : &none};
}

/* A search from the front: dictionaries of templates are small. Its steps are charged by the number
 * of entries. */
jinja_value *jinja_get(jinja_heap *h, const jinja_dict *d, jinja_value key)
{
    if (!jinja_spend(h, 1 + d->n / 8)) return NULL;
    for (size_t i = 0; i < d->n; i++)
        if (jinja_equal(h, d->key[i], key)) return &d->value[i];
    return NULL;
}

jinja_value *jinja_get_name(jinja_heap *h, const jinja_dict *d, const char *name)
{
    return jinja_get(h, d, jinja_cstr(name));
}

/* A key that is there already keeps its place and gets the new value. */
void jinja_put(jinja_heap *h, jinja_dict *d, jinja_value key, jinja_value v)
{
    if (jinja_is_list(key) || jinja_is_dict(key)) {
        jinja_error(h, "a %s cannot be a key", jinja_type(key));
        return;
    }
    jinja_value *old = jinja_get(h, d, key);
    if (jinja_failed(h)) return;
    if (old) {
        *old = v;
        return;
    }
    if (d->n == d->cap) {
        size_t cap = SP_MAX(2 * d->cap, (size_t)8);
        jinja_value *keys = jinja_grown(h, d->key, d->n, cap, sizeof *keys);
        jinja_value *values = jinja_grown(h, d->value, d->n, cap, sizeof *values);
        if (!keys || !values) return;
        d->key = keys;
        d->value = values;
        d->cap = cap;
    }
    d->key[d->n] = key;
    d->value[d->n++] = v;
}

/* A list with the elements of an array. */
static jinja_value array_from_json(jinja_heap *h, const json_t *j)
{
    jinja_value v = jinja_list_new(h, JINJA_LIST);
    for (size_t i = 0; i < json_array_size(j) && !jinja_failed(h); i++)
        jinja_append(h, v.list, jinja_from_json(h, json_array_get(j, i)));
    return v;
}

/* Keys that hold a NUL are not possible: jansson refuses them. */
static jinja_value object_from_json(jinja_heap *h, const json_t *j)
{
    jinja_value v = jinja_dict_new(h, JINJA_DICT);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)j, key, value)
    {
        jinja_value k = jinja_copy(h, key, strlen(key));
        jinja_put(h, v.dict, k, jinja_from_json(h, value));
        if (jinja_failed(h)) break;
    }
    return v;
}

/* Strings are copied, so the tree may go away. */
jinja_value jinja_from_json(jinja_heap *h, const json_t *j)
{
    if (!j || !jinja_enter(h)) return jinja_none();
    jinja_value v = jinja_none();
    switch (json_typeof(j)) {
    case JSON_TRUE:
    case JSON_FALSE: v = jinja_bool(json_is_true(j)); break;
    case JSON_INTEGER: v = jinja_int(json_integer_value(j)); break;
    case JSON_REAL: v = jinja_float(json_real_value(j)); break;
    case JSON_STRING: v = jinja_copy(h, json_string_value(j), json_string_length(j)); break;
    case JSON_ARRAY: v = array_from_json(h, j); break;
    case JSON_OBJECT: v = object_from_json(h, j); break;
    case JSON_NULL: break;
    }
    jinja_leave(h);
    return v;
}

/* ---- asking ---------------------------------------------------------------------------------- */

const char *jinja_type(jinja_value v)
{
    static const char *const names[] = {
        [JINJA_UNDEFINED] = "Undefined", [JINJA_NONE] = "NoneType",
        [JINJA_BOOL] = "bool",           [JINJA_INT] = "int",
        [JINJA_FLOAT] = "float",         [JINJA_STRING] = "str",
        [JINJA_LIST] = "list",           [JINJA_TUPLE] = "tuple",
        [JINJA_ITERATOR] = "iterator",   [JINJA_DICT] = "dict",
        [JINJA_NAMESPACE] = "namespace", [JINJA_FUNCTION] = "function",
    };
    return names[v.kind];
}

/* Empty, zero and absent values are false. */
bool jinja_truth(jinja_value v)
{
    switch (v.kind) {
    case JINJA_UNDEFINED:
    case JINJA_NONE: return false;
    case JINJA_BOOL: return v.flag;
    case JINJA_INT: return v.integer != 0;
    case JINJA_FLOAT: return v.real != 0;
    case JINJA_STRING: return v.n > 0;
    case JINJA_LIST:
    case JINJA_TUPLE: return v.list->n > 0;
    case JINJA_DICT: return v.dict->n > 0;
    case JINJA_ITERATOR: /* even an empty one */
    case JINJA_NAMESPACE:
    case JINJA_FUNCTION: return true;
    }
    return false;
}

double jinja_real(jinja_value v)
{
    return v.kind == JINJA_FLOAT ? v.real : v.kind == JINJA_BOOL ? v.flag : (double)v.integer;
}

static int64_t whole(jinja_value v) { return v.kind == JINJA_BOOL ? v.flag : v.integer; }

/* Element by element. */
static bool equal_lists(jinja_heap *h, const jinja_list *a, const jinja_list *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++)
        if (!jinja_equal(h, a->at[i], b->at[i])) return false;
    return true;
}

/* The order of the entries does not matter. */
static bool equal_dicts(jinja_heap *h, const jinja_dict *a, const jinja_dict *b)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        const jinja_value *other = jinja_get(h, b, a->key[i]);
        if (!other || !jinja_equal(h, a->value[i], *other)) return false;
    }
    return true;
}

/* Both are dictionaries, or both are lists. */
static bool equal_inside(jinja_heap *h, jinja_value a, jinja_value b)
{
    if (!jinja_enter(h)) return false;
    bool same =
        a.kind == JINJA_DICT ? equal_dicts(h, a.dict, b.dict) : equal_lists(h, a.list, b.list);
    jinja_leave(h);
    return same;
}

/* Values of different kinds differ, except for numbers. Iterators, namespaces and functions equal
 * only themselves. */
bool jinja_equal(jinja_heap *h, jinja_value a, jinja_value b)
{
    if (!jinja_spend(h, a.kind == JINJA_STRING ? a.n / 64 : 0)) return false;
    if (jinja_is_number(a) && jinja_is_number(b))
        return a.kind == JINJA_FLOAT || b.kind == JINJA_FLOAT ? jinja_real(a) == jinja_real(b)
                                                              : whole(a) == whole(b);
    if (a.kind != b.kind) return false;
    switch (a.kind) {
    case JINJA_STRING: return a.n == b.n && !memcmp(a.text, b.text, a.n);
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT: return equal_inside(h, a, b);
    case JINJA_ITERATOR: return a.list == b.list;
    case JINJA_NAMESPACE: return a.dict == b.dict;
    case JINJA_FUNCTION: return a.function == b.function;
    default: return true;
    }
}

/* By the first elements that differ; of two that agree as far as they go, the shorter is less. */
static int compare_lists(jinja_heap *h, const jinja_list *a, const jinja_list *b)
{
    if (!jinja_enter(h)) return 0;
    int order = 0;
    for (size_t i = 0; i < a->n && i < b->n && !order && !jinja_failed(h); i++)
        if (!jinja_equal(h, a->at[i], b->at[i])) order = jinja_compare(h, a->at[i], b->at[i]);
    jinja_leave(h);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

/* Strings compare by code points. What Python cannot order is an error. */
int jinja_compare(jinja_heap *h, jinja_value a, jinja_value b)
{
    if (jinja_is_number(a) && jinja_is_number(b)) {
        if (a.kind == JINJA_FLOAT || b.kind == JINJA_FLOAT)
            return (jinja_real(a) > jinja_real(b)) - (jinja_real(a) < jinja_real(b));
        return (whole(a) > whole(b)) - (whole(a) < whole(b));
    }
    if (a.kind == JINJA_STRING && b.kind == JINJA_STRING) {
        if (!jinja_spend(h, a.n / 64)) return 0;
        int order = memcmp(a.text, b.text, SP_MIN(a.n, b.n)); /* UTF-8 sorts as code points do */
        return order ? order : (a.n > b.n) - (a.n < b.n);
    }
    if (jinja_is_list(a) && a.kind == b.kind) return compare_lists(h, a.list, b.list);
    jinja_error(h, "%s and %s cannot be ordered", jinja_type(a), jinja_type(b));
    return 0;
}

/* Nothing is in an undefined value, as in Jinja2. */
bool jinja_contains(jinja_heap *h, jinja_value b, jinja_value a)
{
    if (b.kind == JINJA_UNDEFINED) return false;
    if (b.kind == JINJA_STRING && a.kind == JINJA_STRING) {
        if (!jinja_spend(h, b.n / 64)) return false;
        return !a.n || memmem(b.text, b.n, a.text, a.n);
    }
    if (b.kind == JINJA_DICT) return jinja_get(h, b.dict, a);
    if (jinja_is_list(b) || b.kind == JINJA_ITERATOR) {
        for (size_t i = 0; i < b.list->n && jinja_spend(h, 1); i++)
            if (jinja_equal(h, b.list->at[i], a)) return true;
        return false;
    }
    jinja_error(h, "'in' is asked of %s (%s)", jinja_type(b), jinja_type(a));
    return false;
}

/* A list is given as it is, not copied. An undefined value has no elements. */
jinja_value jinja_elements(jinja_heap *h, jinja_value v)
{
    if (jinja_is_list(v)) return v;
    if (v.kind == JINJA_ITERATOR) return v.kind = JINJA_LIST, v;
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    if (v.kind == JINJA_DICT) {
        for (size_t i = 0; i < v.dict->n; i++) jinja_append(h, out.list, v.dict->key[i]);
    } else if (v.kind == JINJA_STRING) {
        uint32_t c;
        for (size_t i = 0, len; i < v.n && !jinja_failed(h); i += len) {
            len = sp_utf8_next(v.text + i, v.n - i, &c);
            jinja_append(h, out.list, jinja_text(v.text + i, len));
        }
    } else if (v.kind != JINJA_UNDEFINED) {
        jinja_error(h, "%s has no elements to go through", jinja_type(v));
    }
    return out;
}

/* Iterators have no length, as in Python. */
int64_t jinja_length(jinja_heap *h, jinja_value v)
{
    if (jinja_is_list(v)) return (int64_t)v.list->n;
    if (v.kind == JINJA_DICT) return (int64_t)v.dict->n;
    if (v.kind == JINJA_UNDEFINED) return 0;
    if (v.kind != JINJA_STRING) {
        jinja_error(h, "%s has no length", jinja_type(v));
        return 0;
    }
    if (!jinja_spend(h, v.n / 64)) return 0;
    int64_t n = 0;
    uint32_t c;
    for (size_t i = 0; i < v.n; n++) i += sp_utf8_next(v.text + i, v.n - i, &c);
    return n;
}
