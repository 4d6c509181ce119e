/* print.c - see print.h. Printing follows Python: str() for {{ value }}, repr() inside lists,
 * json.dumps() for tojson.
 */
#include "text/jinja/print.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- text ------------------------------------------------------------------------------------ */

/* The capacity doubles; what is longer than that gets as much as it needs. */
void jinja_add(jinja_heap *h, jinja_buffer *b, const char *s, size_t n)
{
    if (!jinja_spend(h, n / 64)) return;
    if (n > b->cap - b->n) {
        size_t cap = SP_MAX(2 * b->cap, b->n + n + 64);
        char *p = jinja_grown(h, b->p, b->n, cap, 1);
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

/* {key: value, ...}, each as repr() writes it. */
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

/* A string is not copied. */
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
