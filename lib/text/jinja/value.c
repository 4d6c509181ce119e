/* value.c - values of chat templates: the heap, lists and dictionaries, comparison, printing.
 *
 * Printing follows Python: str() for {{ value }}, repr() inside lists, json.dumps() for tojson.
 *
 * Every function that may fail first looks whether something failed before, and then does nothing;
 * so callers need not check after each call. Budgets are charged where work is done: jinja_take for
 * memory, jinja_spend for steps, jinja_enter for depth.
 */
#include "text/jinja/value.h"

#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>

/* ---- heap ------------------------------------------------------------------------------------ */

#define BLOCK_BYTES ((size_t)64 << 10)

/* Memory is handed out from the front of a block and never taken back. */
struct jinja_block {
    jinja_block *next;
    size_t used, size;
    _Alignas(16) char bytes[];
};

void jinja_heap_open(jinja_heap *h, sp_err *e)
{
    *h = (jinja_heap){.left = JINJA_MAX_BYTES, .steps = JINJA_MAX_STEPS, .e = e};
}

void jinja_heap_close(jinja_heap *h)
{
    for (jinja_block *b = h->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    h->blocks = NULL;
}

void jinja_error(jinja_heap *h, const char *fmt, ...)
{
    char text[700];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sp_err_set(h->e, SP_EINPUT, "line %d: %s", h->line, text);
}

/* What does not fit into the newest block gets a new one, of its own size if it is large; the rest
 * of the old block is lost. */
void *jinja_take(jinja_heap *h, size_t n)
{
    if (jinja_failed(h)) return NULL;
    if (n > h->left) {
        jinja_error(h, "the template needs more than %zu MiB", JINJA_MAX_BYTES >> 20);
        return NULL;
    }
    n = (n + 15) / 16 * 16;
    h->left -= SP_MIN(n, h->left);
    jinja_block *b = h->blocks;
    if (!b || b->size - b->used < n) {
        size_t size = SP_MAX(n, BLOCK_BYTES);
        b = sp_xmalloc(sizeof *b + size);
        *b = (jinja_block){.next = h->blocks, .size = size};
        h->blocks = b;
    }
    void *p = b->bytes + b->used;
    b->used += n;
    return memset(p, 0, n);
}

/* n is bounded first, so that the difference cannot overflow. */
bool jinja_spend(jinja_heap *h, size_t n)
{
    if (jinja_failed(h)) return false;
    h->steps -= (int64_t)SP_MIN(n, (size_t)JINJA_MAX_STEPS);
    if (h->steps >= 0) return true;
    jinja_error(h, "the template takes more than %lld steps", (long long)JINJA_MAX_STEPS);
    return false;
}

bool jinja_enter(jinja_heap *h)
{
    if (jinja_failed(h)) return false;
    if (++h->depth <= JINJA_MAX_DEPTH) return true;
    h->depth--;
    jinja_error(h, "nested more than %d deep", JINJA_MAX_DEPTH);
    return false;
}

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

/* Grow an array of `size`-byte elements in the heap; the old one stays behind. NULL on error. */
static void *grown(jinja_heap *h, const void *old, size_t n, size_t cap, size_t size)
{
    void *p = jinja_take(h, cap * size);
    if (p && n) memcpy(p, old, n * size);
    return p;
}

/* The capacity doubles, so that the memory left behind is at most as much as is in use. */
void jinja_append(jinja_heap *h, jinja_list *l, jinja_value v)
{
    if (!jinja_spend(h, 1)) return;
    if (l->n == l->cap) {
        size_t cap = SP_MAX(2 * l->cap, (size_t)8);
        jinja_value *at = grown(h, l->at, l->n, cap, sizeof *at);
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
        jinja_value *keys = grown(h, d->key, d->n, cap, sizeof *keys);
        jinja_value *values = grown(h, d->value, d->n, cap, sizeof *values);
        if (!keys || !values) return;
        d->key = keys;
        d->value = values;
        d->cap = cap;
    }
    d->key[d->n] = key;
    d->value[d->n++] = v;
}

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

/* ---- text ------------------------------------------------------------------------------------ */

void jinja_add(jinja_heap *h, jinja_buffer *b, const char *s, size_t n)
{
    if (!jinja_spend(h, n / 64)) return;
    if (n > b->cap - b->n) {
        size_t cap = SP_MAX(2 * b->cap, b->n + n + 64);
        char *p = grown(h, b->p, b->n, cap, 1);
        if (!p) return;
        b->p = p;
        b->cap = cap;
    }
    if (n) memcpy(b->p + b->n, s, n);
    b->n += n;
}

static void add_cstr(jinja_heap *h, jinja_buffer *b, const char *s)
{
    jinja_add(h, b, s, strlen(s));
}

jinja_value jinja_string_of(const jinja_buffer *b) { return jinja_text(b->n ? b->p : "", b->n); }

/* The shortest decimal that reads back as x, in Python's form: 1.0, 0.1, 1e+16, nan, inf. */
static void add_real(jinja_heap *h, jinja_buffer *b, double x)
{
    char digits[40], out[64];
    if (!isfinite(x)) {
        add_cstr(h, b, isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
        return;
    }
    int precision = 0;
    do snprintf(digits, sizeof digits, "%.*e", precision, x);
    while (strtod(digits, NULL) != x && precision++ < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -4 && exponent < 16) {
        snprintf(out, sizeof out, "%.*f", SP_MAX(precision - exponent, 1), x);
    } else {
        *strchr(digits, 'e') = 0;
        snprintf(out, sizeof out, "%se%c%02d", digits, exponent < 0 ? '-' : '+', abs(exponent));
    }
    add_cstr(h, b, out);
}

/* An integer in decimal. */
static void add_int(jinja_heap *h, jinja_buffer *b, int64_t i)
{
    char s[32];
    snprintf(s, sizeof s, "%lld", (long long)i);
    add_cstr(h, b, s);
}

/* A string as Python's repr: single quotes, unless it holds those and no double ones. */
static void add_quoted(jinja_heap *h, jinja_buffer *b, jinja_value v)
{
    char quote = memchr(v.text, '\'', v.n) && !memchr(v.text, '"', v.n) ? '"' : '\'', s[8];
    jinja_add(h, b, &quote, 1);
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.text[i];
        if (c == '\n') add_cstr(h, b, "\\n");
        else if (c == '\r') add_cstr(h, b, "\\r");
        else if (c == '\t') add_cstr(h, b, "\\t");
        else if (c < ' ' || c == 0x7F) snprintf(s, sizeof s, "\\x%02x", c), add_cstr(h, b, s);
        else {
            if (c == '\\' || c == quote) add_cstr(h, b, "\\");
            jinja_add(h, b, v.text + i, 1);
        }
    }
    jinja_add(h, b, &quote, 1);
}

/* A tuple of one element has a comma behind it. */
static void add_list(jinja_heap *h, jinja_buffer *b, jinja_value v)
{
    bool tuple = v.kind == JINJA_TUPLE;
    add_cstr(h, b, tuple ? "(" : "[");
    for (size_t i = 0; i < v.list->n && !jinja_failed(h); i++) {
        if (i) add_cstr(h, b, ", ");
        jinja_add_repr(h, b, v.list->at[i]);
    }
    add_cstr(h, b, tuple ? v.list->n == 1 ? ",)" : ")" : "]");
}

static void add_dict(jinja_heap *h, jinja_buffer *b, jinja_value v)
{
    add_cstr(h, b, "{");
    for (size_t i = 0; i < v.dict->n && !jinja_failed(h); i++) {
        if (i) add_cstr(h, b, ", ");
        jinja_add_repr(h, b, v.dict->key[i]);
        add_cstr(h, b, ": ");
        jinja_add_repr(h, b, v.dict->value[i]);
    }
    add_cstr(h, b, "}");
}

/* A list that holds itself is not possible, but the depth is bounded all the same. */
void jinja_add_repr(jinja_heap *h, jinja_buffer *b, jinja_value v)
{
    if (!jinja_spend(h, 1) || !jinja_enter(h)) return;
    switch (v.kind) {
    case JINJA_UNDEFINED: add_cstr(h, b, "Undefined"); break;
    case JINJA_NONE: add_cstr(h, b, "None"); break;
    case JINJA_BOOL: add_cstr(h, b, v.flag ? "True" : "False"); break;
    case JINJA_INT: add_int(h, b, v.integer); break;
    case JINJA_FLOAT: add_real(h, b, v.real); break;
    case JINJA_STRING: add_quoted(h, b, v); break;
    case JINJA_LIST:
    case JINJA_TUPLE: add_list(h, b, v); break;
    case JINJA_DICT: add_dict(h, b, v); break;
    case JINJA_ITERATOR:
    case JINJA_NAMESPACE:
    case JINJA_FUNCTION: jinja_error(h, "a %s cannot be printed", jinja_type(v)); break;
    }
    jinja_leave(h);
}

/* An undefined value prints as nothing. */
void jinja_add_str(jinja_heap *h, jinja_buffer *b, jinja_value v)
{
    if (v.kind == JINJA_STRING) jinja_add(h, b, v.text, v.n);
    else if (v.kind != JINJA_UNDEFINED) jinja_add_repr(h, b, v);
}

jinja_value jinja_str(jinja_heap *h, jinja_value v)
{
    if (v.kind == JINJA_STRING) return v;
    jinja_buffer b = {0};
    jinja_add_str(h, &b, v);
    return jinja_string_of(&b);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* \uXXXX; characters beyond 16 bits as two of them (UTF-16). */
static void json_escape(jinja_heap *h, jinja_buffer *b, uint32_t c)
{
    char s[16];
    if (c >= 0x10000)
        snprintf(s, sizeof s, "\\u%04x\\u%04x", 0xD7C0 + (c >> 10), 0xDC00 + (c & 0x3FF));
    else snprintf(s, sizeof s, "\\u%04x", c);
    add_cstr(h, b, s);
}

/* Bytes that form no character go out as they are. */
static void json_string_out(jinja_heap *h, jinja_buffer *b, jinja_value v, bool ascii)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: character, letter */
    add_cstr(h, b, "\"");
    uint32_t c;
    for (size_t i = 0, len; i < v.n && !jinja_failed(h); i += len) {
        len = sp_utf8_next(v.text + i, v.n - i, &c);
        const char *name = NULL;
        for (const char *p = named; *p && !name; p += 2)
            if (c == (unsigned char)*p) name = p + 1;
        if (name) jinja_add(h, b, (char[]){'\\', *name}, 2);
        else if (c < ' ' || (ascii && c > 126 && c != SP_UTF8_BAD)) json_escape(h, b, c);
        else jinja_add(h, b, v.text + i, len);
    }
    add_cstr(h, b, "\"");
}

/* A line feed and the indent of a level; nothing where all is on one line. */
static void json_line(jinja_heap *h, jinja_buffer *b, int indent, int level)
{
    if (indent < 0) return;
    add_cstr(h, b, "\n");
    for (int64_t i = 0; i < (int64_t)indent * level && !jinja_failed(h); i++) add_cstr(h, b, " ");
}

/* Keys in order of their text, by insertion: dictionaries of templates are small. */
static jinja_value sorted_dict(jinja_heap *h, const jinja_dict *d)
{
    jinja_value out = jinja_dict_new(h, JINJA_DICT);
    for (size_t i = 0; i < d->n; i++) jinja_put(h, out.dict, d->key[i], d->value[i]);
    jinja_dict *s = out.dict;
    for (size_t i = 1; i < s->n && !jinja_failed(h); i++)
        for (size_t k = i; k > 0 && jinja_spend(h, 1); k--) {
            if (jinja_compare(h, s->key[k - 1], s->key[k]) <= 0) break;
            jinja_value key = s->key[k], value = s->value[k];
            s->key[k] = s->key[k - 1], s->value[k] = s->value[k - 1];
            s->key[k - 1] = key, s->value[k - 1] = value;
        }
    return out;
}

static void json_value(jinja_heap *h, jinja_buffer *b, jinja_value v, const jinja_json_form *f,
                       int level);

/* A dictionary or a list. Keys become strings. */
static void json_inside(jinja_heap *h, jinja_buffer *b, jinja_value v, const jinja_json_form *f,
                        int level)
{
    bool dict = v.kind == JINJA_DICT;
    if (dict && f->sorted) v = sorted_dict(h, v.dict);
    size_t n = dict ? v.dict->n : v.list->n;
    add_cstr(h, b, dict ? "{" : "[");
    for (size_t i = 0; i < n && !jinja_failed(h); i++) {
        if (i) add_cstr(h, b, f->comma);
        json_line(h, b, f->indent, level + 1);
        if (dict) {
            json_string_out(h, b, jinja_str(h, v.dict->key[i]), f->ascii);
            add_cstr(h, b, f->colon);
        }
        json_value(h, b, dict ? v.dict->value[i] : v.list->at[i], f, level + 1);
    }
    if (n) json_line(h, b, f->indent, level);
    add_cstr(h, b, dict ? "}" : "]");
}

static void json_value(jinja_heap *h, jinja_buffer *b, jinja_value v, const jinja_json_form *f,
                       int level)
{
    if (!jinja_spend(h, 1) || !jinja_enter(h)) return;
    switch (v.kind) {
    case JINJA_NONE: add_cstr(h, b, "null"); break;
    case JINJA_BOOL: add_cstr(h, b, v.flag ? "true" : "false"); break;
    case JINJA_INT: add_int(h, b, v.integer); break;
    case JINJA_FLOAT: add_real(h, b, v.real); break;
    case JINJA_STRING: json_string_out(h, b, v, f->ascii); break;
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_DICT: json_inside(h, b, v, f, level); break;
    default: jinja_error(h, "%s cannot become JSON", jinja_type(v));
    }
    jinja_leave(h);
}

void jinja_add_json(jinja_heap *h, jinja_buffer *b, jinja_value v, const jinja_json_form *f)
{
    json_value(h, b, v, f, 0);
}
