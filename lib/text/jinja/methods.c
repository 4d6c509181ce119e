/* methods.c - see methods.h.
 *
 * A table for each kind of value says which methods it has. Functions are named s_ for strings, d_
 * for dictionaries, l_ for lists, g_ for functions by name; `self` of jinja_builtin is the object.
 * Methods that change their object are refused, as Jinja2's sandbox does: values are shared, and a
 * conversation that changes while it is rendered would be one that nobody wrote.
 */
#include "text/jinja/methods.h"

#include "base/utf8.h"
#include "text/jinja/filters.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/strings.h"

/* ---- strings --------------------------------------------------------------------------------- */

/* strip, lstrip, rstrip: white space, or the characters of the argument. */
static jinja_value s_strip(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_strip(h, s, arg[0], true, true);
}
static jinja_value s_lstrip(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_strip(h, s, arg[0], true, false);
}
static jinja_value s_rstrip(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_strip(h, s, arg[0], false, true);
}
/* Change of case; title begins a word behind all that is no letter. */
static jinja_value s_upper(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, s, JINJA_UPPER);
}
static jinja_value s_lower(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, s, JINJA_LOWER);
}
static jinja_value s_capitalize(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, s, JINJA_CAPITALIZE);
}
static jinja_value s_title(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return jinja_to_case(h, s, JINJA_TITLE);
}
/* The limit of split and rsplit; -1 = none. */
static int64_t most(jinja_heap *h, jinja_value v)
{
    return jinja_given(v) ? jinja_need_int(h, v, "the number of splits") : -1;
}
static jinja_value s_split(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_split(h, s, arg[0], most(h, arg[1]), false);
}
static jinja_value s_rsplit(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_split(h, s, arg[0], most(h, arg[1]), true);
}
/* Lines, with their ends if the argument is true. */
static jinja_value s_splitlines(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_lines(h, s, jinja_truth(arg[0]));
}
/* replace(old, new, count): unlike the filter, of strings only. */
static jinja_value s_replace(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    int64_t count = jinja_given(arg[2]) ? jinja_need_int(h, arg[2], "the count of replace") : -1;
    return jinja_replace(h, s, jinja_need_text(h, arg[0], "what replace looks for"),
                         jinja_need_text(h, arg[1], "what replace puts there"), count);
}
/* Unlike the filter join, the method takes strings only. */
static jinja_value s_join(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    jinja_value list = jinja_elements(h, arg[0]);
    for (size_t i = 0; i < list.list->n; i++)
        jinja_need_text(h, list.list->at[i], "an element of join");
    return jinja_join(h, list, s);
}

/* Does s begin (front) or end with `part`, or with one of several parts? Nested lists are refused
 * by depth. */
static bool at_edge(jinja_heap *h, jinja_value s, jinja_value part, bool front)
{
    if (jinja_is_list(part)) {
        for (size_t i = 0; i < part.list->n && jinja_enter(h); i++) {
            bool yes = at_edge(h, s, part.list->at[i], front);
            jinja_leave(h);
            if (yes) return true;
        }
        return false;
    }
    part = jinja_need_text(h, part, "what startswith or endswith looks for");
    return part.n <= s.n && !memcmp(front ? s.text : s.text + s.n - part.n, part.text, part.n);
}
static jinja_value s_startswith(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_bool(at_edge(h, s, arg[0], true));
}
static jinja_value s_endswith(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_bool(at_edge(h, s, arg[0], false));
}
/* The string without the prefix, or as it is. */
static jinja_value s_removeprefix(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    jinja_value part = jinja_need_text(h, arg[0], "the prefix");
    return at_edge(h, s, part, true) ? jinja_text(s.text + part.n, s.n - part.n) : s;
}
/* The string without the suffix, or as it is. */
static jinja_value s_removesuffix(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    jinja_value part = jinja_need_text(h, arg[0], "the suffix");
    return part.n && at_edge(h, s, part, false) ? jinja_text(s.text, s.n - part.n) : s;
}

/* Where `part` stands, counted in characters; -1 = nowhere. */
static int64_t position(jinja_heap *h, jinja_value s, jinja_value part, bool last)
{
    part = jinja_need_text(h, part, "what find looks for");
    const char *hit = NULL, *from = s.text, *end = s.text + s.n;
    for (const char *p; (p = memmem(from, (size_t)(end - from), part.text, part.n));) {
        hit = p;
        if (!last || p == end || !jinja_spend(h, 1)) break;
        from = p + 1;
    }
    return hit ? jinja_length(h, jinja_text(s.text, (size_t)(hit - s.text))) : -1;
}
/* find and rfind give -1 where there is none; index is an error then. */
static jinja_value s_find(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_int(position(h, s, arg[0], false));
}
static jinja_value s_rfind(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    return jinja_int(position(h, s, arg[0], true));
}
static jinja_value s_index(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    int64_t at = position(h, s, arg[0], false);
    if (at < 0) jinja_error(h, "index: substring not found");
    return jinja_int(at);
}
/* Hits that do not overlap; an empty part stands around each character. */
static jinja_value s_count(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    jinja_value part = jinja_need_text(h, arg[0], "what count looks for");
    if (!part.n) return jinja_int(jinja_length(h, s) + 1);
    int64_t n = 0;
    for (const char *p = s.text, *end = p + s.n; jinja_spend(h, 1); n++) {
        p = memmem(p, (size_t)(end - p), part.text, part.n);
        if (!p) break;
        p += part.n;
    }
    return jinja_int(n);
}

/* Are all characters (at least one) of this kind? Only ASCII is decided. */
static jinja_value all_of(jinja_heap *h, jinja_value s, bool digits, bool letters, bool spaces)
{
    bool yes = s.n > 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.text[i];
        if (c >= 0x80) {
            jinja_error(h, "the kind of characters beyond ASCII is not supported");
            return jinja_none();
        }
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool space = c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F);
        yes &= (digits && c >= '0' && c <= '9') || (letters && letter) || (spaces && space);
    }
    return jinja_bool(yes);
}
/* isdigit, isalpha, isalnum, isspace. */
static jinja_value s_isdigit(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return all_of(h, s, true, false, false);
}
static jinja_value s_isalpha(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return all_of(h, s, false, true, false);
}
static jinja_value s_isalnum(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return all_of(h, s, true, true, false);
}
static jinja_value s_isspace(jinja_heap *h, jinja_value s, const jinja_value *arg)
{
    (void)arg;
    return all_of(h, s, false, false, true);
}

/* ---- dictionaries and lists ------------------------------------------------------------------ */

/* get(key, default): without a default none. */
static jinja_value d_get(jinja_heap *h, jinja_value d, const jinja_value *arg)
{
    const jinja_value *v = jinja_get(h, d.dict, arg[0]);
    return v ? *v : jinja_given(arg[1]) ? arg[1] : jinja_none();
}
/* Pairs, as a list: Python's view cannot be told from one by a template that only reads. */
static jinja_value d_items(jinja_heap *h, jinja_value d, const jinja_value *arg)
{
    (void)arg;
    return jinja_elements(h, jinja_filter(h, "items", d, &(jinja_args){0}));
}
static jinja_value d_keys(jinja_heap *h, jinja_value d, const jinja_value *arg)
{
    (void)arg;
    return jinja_elements(h, d);
}
static jinja_value d_values(jinja_heap *h, jinja_value d, const jinja_value *arg)
{
    (void)arg;
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    for (size_t i = 0; i < d.dict->n; i++) jinja_append(h, out.list, d.dict->value[i]);
    return out;
}
/* A new dictionary with the same values. */
static jinja_value d_copy(jinja_heap *h, jinja_value d, const jinja_value *arg)
{
    (void)arg;
    jinja_value out = jinja_dict_new(h, JINJA_DICT);
    for (size_t i = 0; i < d.dict->n; i++) jinja_put(h, out.dict, d.dict->key[i], d.dict->value[i]);
    return out;
}

/* Where the value stands first; it must be there. */
static jinja_value l_index(jinja_heap *h, jinja_value l, const jinja_value *arg)
{
    for (size_t i = 0; i < l.list->n && jinja_spend(h, 1); i++)
        if (jinja_equal(h, l.list->at[i], arg[0])) return jinja_int((int64_t)i);
    jinja_error(h, "index: the list does not hold it");
    return jinja_none();
}
static jinja_value l_count(jinja_heap *h, jinja_value l, const jinja_value *arg)
{
    int64_t n = 0;
    for (size_t i = 0; i < l.list->n && jinja_spend(h, 1); i++)
        n += jinja_equal(h, l.list->at[i], arg[0]);
    return jinja_int(n);
}

/* In the tables, so that the message says what is wrong instead of "undefined". */
static jinja_value refused(jinja_heap *h, jinja_value v, const jinja_value *arg)
{
    (void)arg;
    jinja_error(h, "changing a %s in place is not allowed in a chat template", jinja_type(v));
    return jinja_none();
}

/* clang-format off */
static const jinja_entry string_methods[] = {
    {"capitalize", s_capitalize, {NULL}},
    {"count", s_count, {""}},
    {"endswith", s_endswith, {""}},
    {"find", s_find, {""}},
    {"index", s_index, {""}},
    {"isalnum", s_isalnum, {NULL}},
    {"isalpha", s_isalpha, {NULL}},
    {"isdigit", s_isdigit, {NULL}},
    {"isspace", s_isspace, {NULL}},
    {"join", s_join, {""}},
    {"lower", s_lower, {NULL}},
    {"lstrip", s_lstrip, {""}},
    {"removeprefix", s_removeprefix, {""}},
    {"removesuffix", s_removesuffix, {""}},
    {"replace", s_replace, {"", "", "count"}},
    {"rfind", s_rfind, {""}},
    {"rsplit", s_rsplit, {"sep", "maxsplit"}},
    {"rstrip", s_rstrip, {""}},
    {"split", s_split, {"sep", "maxsplit"}},
    {"splitlines", s_splitlines, {"keepends"}},
    {"startswith", s_startswith, {""}},
    {"strip", s_strip, {""}},
    {"title", s_title, {NULL}},
    {"upper", s_upper, {NULL}},
    {NULL, NULL, {NULL}},
};
static const jinja_entry dict_methods[] = {
    {"clear", refused, {NULL}},
    {"copy", d_copy, {NULL}},
    {"get", d_get, {"", ""}},
    {"items", d_items, {NULL}},
    {"keys", d_keys, {NULL}},
    {"pop", refused, {"", ""}},
    {"setdefault", refused, {"", ""}},
    {"update", refused, {""}},
    {"values", d_values, {NULL}},
    {NULL, NULL, {NULL}},
};
static const jinja_entry list_methods[] = {
    {"append", refused, {""}},
    {"clear", refused, {NULL}},
    {"count", l_count, {""}},
    {"extend", refused, {""}},
    {"index", l_index, {""}},
    {"insert", refused, {"", ""}},
    {"pop", refused, {""}},
    {"remove", refused, {""}},
    {NULL, NULL, {NULL}},
};
/* clang-format on */

/* The entry of a method of v, or NULL. */
static const jinja_entry *method(jinja_value v, const char *name)
{
    const jinja_entry *table = v.kind == JINJA_STRING ? string_methods
                               : v.kind == JINJA_DICT ? dict_methods
                               : jinja_is_list(v)     ? list_methods
                                                      : NULL;
    return table ? jinja_entry_find(table, name) : NULL;
}

bool jinja_has_method(jinja_value v, const char *name) { return method(v, name); }

jinja_value jinja_method(jinja_heap *h, jinja_value v, const char *name, const jinja_args *args)
{
    return jinja_entry_run(h, "method", method(v, name), v, args);
}

/* ---- functions ------------------------------------------------------------------------------- */

/* A list, not an iterator as in Python: it is bounded by the steps it takes to make it. range(to),
 * range(from, to), range(from, to, step). */
static jinja_value g_range(jinja_heap *h, jinja_value self, const jinja_value *arg)
{
    (void)self;
    int64_t from = 0, to = jinja_need_int(h, arg[0], "the argument of range"), step = 1;
    if (jinja_given(arg[1])) {
        from = to;
        to = jinja_need_int(h, arg[1], "the argument of range");
    }
    if (jinja_given(arg[2])) step = jinja_need_int(h, arg[2], "the argument of range");
    if (step == 0) jinja_error(h, "the step of range is 0");
    jinja_value out = jinja_list_new(h, JINJA_LIST);
    for (int64_t i = from; !jinja_failed(h) && (step > 0 ? i < to : i > to);) {
        jinja_append(h, out.list, jinja_int(i));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return out;
}

/* How a template says that it does not take these turns. */
static jinja_value g_raise(jinja_heap *h, jinja_value self, const jinja_value *arg)
{
    (void)self;
    jinja_value text = jinja_str(h, arg[0]);
    jinja_error(h, "the template refuses this conversation: %.*s", (int)SP_MIN(text.n, (size_t)500),
                text.text);
    return jinja_none();
}

static const jinja_entry globals[] = {
    {"range", g_range, {"", "", ""}},
    {"raise_exception", g_raise, {"message"}},
    {NULL, NULL, {NULL}},
};

/* dict(a=1), namespace(a=1), either with a dictionary in front. */
static jinja_value dictionary(jinja_heap *h, const jinja_args *args, jinja_kind kind)
{
    jinja_value out = jinja_dict_new(h, kind);
    if (args->n > 1 || (args->n && args->at[0].kind != JINJA_DICT)) {
        jinja_error(h, "dict and namespace take a dictionary and names with values");
        return out;
    }
    const jinja_dict *d = args->n ? args->at[0].dict : NULL;
    for (size_t i = 0; d && i < d->n; i++) jinja_put(h, out.dict, d->key[i], d->value[i]);
    for (size_t i = 0; i < args->n_named; i++)
        jinja_put(h, out.dict, jinja_cstr(args->name[i]), args->named[i]);
    return out;
}

/* dict and namespace stand beside the table, since they take arguments of any name. */
bool jinja_has_global(const char *name)
{
    return jinja_entry_find(globals, name) || !strcmp(name, "dict") || !strcmp(name, "namespace");
}

jinja_value jinja_global(jinja_heap *h, const char *name, const jinja_args *args)
{
    if (!strcmp(name, "dict")) return dictionary(h, args, JINJA_DICT);
    if (!strcmp(name, "namespace")) return dictionary(h, args, JINJA_NAMESPACE);
    return jinja_entry_run(h, "function", jinja_entry_find(globals, name), jinja_none(), args);
}
