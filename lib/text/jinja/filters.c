/* filters.c - see filters.h: a table of names, and what each does as Jinja2 defines it.
 *
 * v is the value in front, arg the arguments in the order of the table's parameters (call.h).
 * Filters that take the name of another filter or test with arguments of its own (map, select ...)
 * stand beside the table.
 *
 * Sorting is by insertion, which is stable as Python's is; the lists of a conversation are short
 * and the budget of steps ends what is not.
 */
#include "text/jinja/filters.h"

#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"
#include "text/jinja/tests.h"

#include <math.h>
#include <stdlib.h>

/* ---- text ------------------------------------------------------------------------------------ */

static jinja_value f_trim(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return jinja_strip(h, jinja_str(h, v), arg[0], true, true);
}
static jinja_value f_upper(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, jinja_str(h, v), JINJA_UPPER);
}
static jinja_value f_lower(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, jinja_str(h, v), JINJA_LOWER);
}
static jinja_value f_capitalize(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, jinja_str(h, v), JINJA_CAPITALIZE);
}
static jinja_value f_title(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, jinja_str(h, v), JINJA_TITLE_WORDS);
}
static jinja_value f_string(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_str(h, v);
}
static jinja_value f_replace(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    int64_t count = jinja_given(arg[2]) ? jinja_need_int(h, arg[2], "the count of replace") : -1;
    return jinja_replace(h, jinja_str(h, v), jinja_str(h, arg[0]), jinja_str(h, arg[1]), count);
}

/* The ampersand first, since the others bring ampersands. */
static jinja_value f_escape(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    static const char *const pairs[][2] = {
        {"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {"\"", "&#34;"}};
    (void)arg;
    v = jinja_str(h, v);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        v = jinja_replace(h, v, jinja_cstr(pairs[i][0]), jinja_cstr(pairs[i][1]), -1);
    return v;
}

/* Every line but the first with `width` blanks in front; `first` and `blank` lines too if asked. */
static jinja_value f_indent(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value pad = arg[0];
    if (pad.kind != JINJA_STRING)
        pad = jinja_binary(h, '*', jinja_cstr(" "), jinja_given(pad) ? pad : jinja_int(4));
    bool first = jinja_truth(arg[1]), blank = jinja_truth(arg[2]);
    jinja_value text = jinja_need_text(h, v, "the value to indent");
    jinja_buffer b = {0};
    jinja_value lines = jinja_lines(h, text, true);
    for (size_t i = 0; i < lines.list->n && !jinja_failed(h); i++) {
        jinja_value line = lines.list->at[i];
        bool empty = !jinja_strip(h, line, jinja_none(), true, false).n;
        if ((i || first) && (blank || !empty)) jinja_add(h, &b, pad.text, pad.n);
        jinja_add(h, &b, line.text, line.n);
    }
    return jinja_string_of(&b);
}

/* The tojson of Transformers, not of Jinja2: no HTML is escaped, and characters beyond ASCII stay.
 * With an indent a line ends with the comma alone, as in json.dumps. */
static jinja_value f_tojson(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_json_form form = {.indent = -1, .comma = ", ", .colon = ": "};
    form.ascii = jinja_truth(arg[0]);
    if (jinja_given(arg[1]) && arg[1].kind != JINJA_NONE) {
        int64_t indent = jinja_need_int(h, arg[1], "the indent of tojson");
        form.indent = (int)SP_MIN(SP_MAX(indent, 0), 64);
        form.comma = ",";
    }
    if (jinja_is_list(arg[2]) && arg[2].list->n == 2) {
        jinja_value comma = jinja_str(h, arg[2].list->at[0]),
                    colon = jinja_str(h, arg[2].list->at[1]);
        form.comma = jinja_copy(h, comma.text, comma.n).text; /* a copy ends with a NUL */
        form.colon = jinja_copy(h, colon.text, colon.n).text;
    } else if (jinja_given(arg[2]) && arg[2].kind != JINJA_NONE) {
        jinja_error(h, "the separators of tojson are not a pair");
    }
    form.sorted = jinja_truth(arg[3]);
    jinja_buffer b = {0};
    jinja_add_json(h, &b, v, &form);
    return jinja_string_of(&b);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* "12" and "12.7" are 12; text that is no number gives the default. strtoll is trusted with fewer
 * than 19 characters, which cannot overflow. */
static jinja_value f_int(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value otherwise = jinja_given(arg[0]) ? arg[0] : jinja_int(0);
    if (v.kind == JINJA_INT) return v;
    if (v.kind == JINJA_BOOL) return jinja_int(v.flag);
    double x = 0;
    if (v.kind == JINJA_FLOAT) {
        x = v.real;
    } else if (v.kind == JINJA_STRING) {
        v = jinja_strip(h, v, jinja_none(), true, true);
        char *end, *s = (char *)jinja_copy(h, v.text, v.n).text;
        long long i = strtoll(s, &end, 10);
        if (v.n && !*end && v.n < 19) return jinja_int(i);
        x = strtod(s, &end);
        if (!v.n || *end) return otherwise;
    } else {
        return otherwise;
    }
    return fabs(x) < 9e18 ? jinja_int((int64_t)x) : otherwise;
}

/* As f_int, to a real number. */
static jinja_value f_float(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value otherwise = jinja_given(arg[0]) ? arg[0] : jinja_float(0);
    if (jinja_is_number(v)) return jinja_float(jinja_real(v));
    if (v.kind != JINJA_STRING) return otherwise;
    v = jinja_strip(h, v, jinja_none(), true, true);
    char *end, *s = (char *)jinja_copy(h, v.text, v.n).text;
    double x = strtod(s, &end);
    return v.n && !*end ? jinja_float(x) : otherwise;
}

static jinja_value f_abs(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_signed(h, v, jinja_is_number(v) && jinja_real(v) < 0);
}

/* A whole number stays one, unless digits in front of the point are rounded or a method is
 * named. */
static jinja_value f_round(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    int64_t digits = jinja_given(arg[0]) ? jinja_need_int(h, arg[0], "the precision of round") : 0;
    jinja_value method = jinja_given(arg[1]) ? arg[1] : jinja_cstr("common");
    if (!jinja_is_number(v)) jinja_error(h, "%s cannot be rounded", jinja_type(v));
    if (digits < -300 || digits > 300) digits = 0;
    if (v.kind != JINJA_FLOAT && digits >= 0 && !jinja_given(arg[1])) return v;
    double x = jinja_is_number(v) ? jinja_real(v) : 0, scale = pow(10, (double)digits);
    if (jinja_is(method, "ceil")) return jinja_float(ceil(x * scale) / scale);
    if (jinja_is(method, "floor")) return jinja_float(floor(x * scale) / scale);
    if (!jinja_is(method, "common")) jinja_error(h, "the method of round is not supported");
    return jinja_float(rint(x * scale) / scale); /* ties to even, as Python's round */
}

/* ---- lists and dictionaries ------------------------------------------------------------------ */

/* With a true second argument what is empty, zero or false counts as missing too. */
static jinja_value f_default(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)h;
    jinja_value otherwise = jinja_given(arg[0]) ? arg[0] : jinja_cstr("");
    bool missing = v.kind == JINJA_UNDEFINED || (jinja_truth(arg[1]) && !jinja_truth(v));
    return missing ? otherwise : v;
}
static jinja_value f_length(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    return jinja_int(jinja_length(h, v));
}
static jinja_value f_first(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    jinja_value l = jinja_elements(h, v);
    return l.list->n ? l.list->at[0] : jinja_undefined("first");
}
static jinja_value f_last(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    jinja_value l = jinja_elements(h, v);
    return l.list->n ? l.list->at[l.list->n - 1] : jinja_undefined("last");
}

/* A new list with the same elements. */
static jinja_value f_list(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    jinja_value from = jinja_elements(h, v), out = jinja_list_new(h, JINJA_LIST);
    for (size_t i = 0; i < from.list->n; i++) jinja_append(h, out.list, from.list->at[i]);
    return out;
}

/* Pairs of key and value. */
static jinja_value f_items(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    jinja_value out = jinja_list_new(h, JINJA_ITERATOR);
    if (v.kind == JINJA_UNDEFINED) return out;
    if (v.kind != JINJA_DICT) {
        jinja_error(h, "items of %s", jinja_type(v));
        return out;
    }
    for (size_t i = 0; i < v.dict->n && !jinja_failed(h); i++) {
        jinja_value pair = jinja_list_new(h, JINJA_TUPLE);
        jinja_append(h, pair.list, v.dict->key[i]);
        jinja_append(h, pair.list, v.dict->value[i]);
        jinja_append(h, out.list, pair);
    }
    return out;
}

/* A string gives a string, all else an iterator. */
static jinja_value f_reverse(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    bool text = v.kind == JINJA_STRING;
    v = jinja_slice(h, text ? v : f_list(h, v, NULL), jinja_none(), jinja_none(), jinja_int(-1));
    if (!text) v.kind = JINJA_ITERATOR;
    return v;
}

/* An attribute "a.b.0" of v, undefined where a part is missing. */
static jinja_value attribute(jinja_heap *h, jinja_value v, jinja_value path)
{
    if (path.kind == JINJA_INT) return jinja_item(h, v, path);
    jinja_value parts = jinja_split(h, jinja_str(h, path), jinja_cstr("."), -1, false);
    for (size_t i = 0; jinja_is_list(parts) && i < parts.list->n && !jinja_failed(h); i++) {
        jinja_value part = parts.list->at[i];
        bool index = part.n > 0 && part.n < 10;
        for (size_t k = 0; k < part.n; k++) index &= part.text[k] >= '0' && part.text[k] <= '9';
        v = jinja_item(h, v,
                       index ? f_int(h, part, (jinja_value[1]){jinja_undefined(NULL)}) : part);
    }
    return v;
}

/* Of the elements, or of an attribute of each. */
static jinja_value f_join(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value between = jinja_given(arg[0]) ? jinja_str(h, arg[0]) : jinja_cstr("");
    if (!jinja_given(arg[1])) return jinja_join(h, v, between);
    jinja_value from = jinja_elements(h, v), out = jinja_list_new(h, JINJA_LIST);
    for (size_t i = 0; i < from.list->n && !jinja_failed(h); i++)
        jinja_append(h, out.list, attribute(h, from.list->at[i], arg[1]));
    return jinja_join(h, out, between);
}

/* What an element is sorted or compared by: itself or an attribute, strings in lower case unless
 * asked otherwise. */
static jinja_value sort_key(jinja_heap *h, jinja_value v, jinja_value path, bool case_sensitive)
{
    if (jinja_given(path) && path.kind != JINJA_NONE) v = attribute(h, v, path);
    return v.kind == JINJA_STRING && !case_sensitive ? jinja_to_case(h, v, JINJA_LOWER) : v;
}

/* The elements in order of their keys, which move along; reversed, equal ones keep their order
 * too. */
static jinja_value sorted(jinja_heap *h, jinja_value list, jinja_value path, bool case_sensitive,
                          bool reverse)
{
    jinja_value out = jinja_list_new(h, JINJA_LIST), keys = jinja_list_new(h, JINJA_LIST);
    for (size_t i = 0; i < list.list->n && !jinja_failed(h); i++) {
        jinja_value v = list.list->at[i], key = sort_key(h, v, path, case_sensitive);
        jinja_append(h, out.list, v);
        jinja_append(h, keys.list, key);
        for (size_t k = i; k > 0 && jinja_spend(h, 1); k--) {
            int order = jinja_compare(h, keys.list->at[k - 1], key);
            if (reverse ? order >= 0 : order <= 0) break;
            out.list->at[k] = out.list->at[k - 1], keys.list->at[k] = keys.list->at[k - 1];
            out.list->at[k - 1] = v, keys.list->at[k - 1] = key;
        }
    }
    return out;
}

static jinja_value f_sort(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return sorted(h, jinja_elements(h, v), arg[2], jinja_truth(arg[1]), jinja_truth(arg[0]));
}

/* Pairs, by their element 0 (key) or 1 (value). */
static jinja_value f_dictsort(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value by = jinja_given(arg[1]) ? arg[1] : jinja_cstr("key");
    if (!jinja_is(by, "key") && !jinja_is(by, "value"))
        jinja_error(h, "dictsort is by key or by value");
    return sorted(h, jinja_elements(h, f_items(h, v, NULL)), jinja_int(jinja_is(by, "value")),
                  jinja_truth(arg[0]), jinja_truth(arg[2]));
}

/* The first of those with the same key. */
static jinja_value f_unique(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value from = jinja_elements(h, v), seen = jinja_list_new(h, JINJA_LIST);
    jinja_value out = jinja_list_new(h, JINJA_ITERATOR);
    for (size_t i = 0; i < from.list->n && !jinja_failed(h); i++) {
        jinja_value key = sort_key(h, from.list->at[i], arg[1], jinja_truth(arg[0]));
        if (jinja_contains(h, seen, key)) continue;
        jinja_append(h, seen.list, key);
        jinja_append(h, out.list, from.list->at[i]);
    }
    return out;
}

/* The first of the sorted ones: of several that are equal, the first, as in Python. */
static jinja_value extreme(jinja_heap *h, jinja_value v, const jinja_value *arg, bool largest)
{
    jinja_value list = sorted(h, jinja_elements(h, v), arg[1], jinja_truth(arg[0]), largest);
    return list.list->n ? list.list->at[0] : jinja_undefined(largest ? "max" : "min");
}
static jinja_value f_min(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return extreme(h, v, arg, false);
}
static jinja_value f_max(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    return extreme(h, v, arg, true);
}

/* From `start` on, so that lists can be added up as well. */
static jinja_value f_sum(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    jinja_value list = jinja_elements(h, v);
    jinja_value total = jinja_given(arg[1]) ? arg[1] : jinja_int(0);
    bool by = jinja_given(arg[0]) && arg[0].kind != JINJA_NONE;
    for (size_t i = 0; i < list.list->n && !jinja_failed(h); i++) {
        jinja_value x = list.list->at[i];
        total = jinja_binary(h, '+', total, by ? attribute(h, x, arg[0]) : x);
    }
    return total;
}

/* ---- filters that take another filter or a test ---------------------------------------------- */

/* The arguments behind the first n. */
static jinja_args behind(const jinja_args *args, size_t n)
{
    jinja_args rest = *args;
    n = SP_MIN(n, rest.n);
    rest.at += n;
    rest.n -= n;
    return rest;
}

/* The argument with this name, or NULL. */
static const jinja_value *argument_named(const jinja_args *args, const char *name)
{
    for (size_t i = 0; i < args->n_named; i++)
        if (!strcmp(args->name[i], name)) return &args->named[i];
    return NULL;
}

/* map(attribute="x", default=y) or map("filter", arguments). */
static jinja_value map(jinja_heap *h, jinja_value v, const jinja_args *args)
{
    const jinja_value *by = argument_named(args, "attribute");
    const jinja_value *otherwise = argument_named(args, "default");
    jinja_value from = jinja_elements(h, v), out = jinja_list_new(h, JINJA_ITERATOR);
    if (!by && (!args->n || args->at[0].kind != JINJA_STRING)) {
        jinja_error(h, "map needs an attribute or the name of a filter");
        return out;
    }
    jinja_args rest = behind(args, 1);
    const char *name = by ? NULL : jinja_copy(h, args->at[0].text, args->at[0].n).text;
    for (size_t i = 0; i < from.list->n && !jinja_failed(h); i++) {
        jinja_value x = from.list->at[i];
        x = by ? attribute(h, x, *by) : jinja_filter(h, name, x, &rest);
        if (otherwise && x.kind == JINJA_UNDEFINED) x = *otherwise;
        jinja_append(h, out.list, x);
    }
    return out;
}

/* select, reject (of the elements), selectattr, rejectattr (of an attribute, named first): those
 * that pass, or do not pass, a test; without one, those that are true. */
static jinja_value choose(jinja_heap *h, jinja_value v, const jinja_args *args, bool by_attribute,
                          bool keep)
{
    jinja_value from = jinja_elements(h, v), out = jinja_list_new(h, JINJA_ITERATOR);
    if (by_attribute && !args->n) {
        jinja_error(h, "the name of an attribute is missing");
        return out;
    }
    jinja_args rest = behind(args, by_attribute);
    const char *test = NULL;
    if (rest.n) {
        jinja_value name = jinja_need_text(h, rest.at[0], "the name of a test");
        test = jinja_copy(h, name.text, name.n).text;
        rest = behind(&rest, 1);
    }
    for (size_t i = 0; i < from.list->n && !jinja_failed(h); i++) {
        jinja_value x = from.list->at[i];
        jinja_value asked = by_attribute ? attribute(h, x, args->at[0]) : x;
        bool passes = test ? jinja_test(h, test, asked, &rest) : jinja_truth(asked);
        if (passes == keep) jinja_append(h, out.list, x);
    }
    return out;
}

/* clang-format off */
static const jinja_entry filters[] = {
    {"abs", f_abs, {NULL}},
    {"capitalize", f_capitalize, {NULL}},
    {"count", f_length, {NULL}},
    {"d", f_default, {"default_value", "boolean"}},
    {"default", f_default, {"default_value", "boolean"}},
    {"dictsort", f_dictsort, {"case_sensitive", "by", "reverse"}},
    {"e", f_escape, {NULL}},
    {"escape", f_escape, {NULL}},
    {"first", f_first, {NULL}},
    {"float", f_float, {"default"}},
    {"indent", f_indent, {"width", "first", "blank"}},
    {"int", f_int, {"default"}},
    {"items", f_items, {NULL}},
    {"join", f_join, {"d", "attribute"}},
    {"last", f_last, {NULL}},
    {"length", f_length, {NULL}},
    {"list", f_list, {NULL}},
    {"lower", f_lower, {NULL}},
    {"max", f_max, {"case_sensitive", "attribute"}},
    {"min", f_min, {"case_sensitive", "attribute"}},
    {"replace", f_replace, {"old", "new", "count"}},
    {"reverse", f_reverse, {NULL}},
    {"round", f_round, {"precision", "method"}},
    {"safe", f_string, {NULL}},
    {"sort", f_sort, {"reverse", "case_sensitive", "attribute"}},
    {"string", f_string, {NULL}},
    {"sum", f_sum, {"attribute", "start"}},
    {"title", f_title, {NULL}},
    {"tojson", f_tojson, {"ensure_ascii", "indent", "separators", "sort_keys"}},
    {"trim", f_trim, {"chars"}},
    {"unique", f_unique, {"case_sensitive", "attribute"}},
    {"upper", f_upper, {NULL}},
    {NULL, NULL, {NULL}},
};
/* clang-format on */

/* Filters may call filters (map), so the depth is counted. */
jinja_value jinja_filter(jinja_heap *h, const char *name, jinja_value v, const jinja_args *args)
{
    if (!jinja_enter(h)) return jinja_none();
    const jinja_entry *entry = jinja_entry_find(filters, name);
    jinja_value out = jinja_none();
    if (entry) out = jinja_entry_run(h, "filter", entry, v, args);
    else if (!strcmp(name, "map")) out = map(h, v, args);
    else if (!strcmp(name, "select")) out = choose(h, v, args, false, true);
    else if (!strcmp(name, "reject")) out = choose(h, v, args, false, false);
    else if (!strcmp(name, "selectattr")) out = choose(h, v, args, true, true);
    else if (!strcmp(name, "rejectattr")) out = choose(h, v, args, true, false);
    else jinja_error(h, "the filter '%.60s' is not supported", name);
    jinja_leave(h);
    return out;
}
