/* json_out.c - see json_out.h. jansson refuses strings that are not UTF-8, and what a model
 * generates need not be; so every output of text goes through sp_json_text. */
#include "text/json_out.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Each ill-formed sequence (a maximal subpart, see utf8.h) becomes one U+FFFD: the five bytes
 * "a\xE2\x82\xFF" "b" become a, U+FFFD, U+FFFD, b. */
json_t *sp_json_text(const char *s, size_t n)
{
    if (sp_utf8_valid(s, n)) return json_stringn(s, n);
    char *clean = sp_xmalloc(3 * n); /* U+FFFD has three bytes and stands for at least one */
    size_t o = 0;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c;
        k = sp_utf8_next(s + i, n - i, &c);
        o += sp_utf8_put(clean + o, c == SP_UTF8_BAD ? 0xFFFD : c);
    }
    json_t *j = json_stringn(clean, o);
    free(clean);
    return j;
}

/* For json_dump_callback: 0, or -1 to stop. */
static int to_file(const char *buf, size_t n, void *f)
{
    return fwrite(buf, 1, n, f) == n ? 0 : -1;
}

/* Seventeen digits give every number back, but most need fewer, and 0.1 shall stay 0.1. jansson
 * would write all seventeen. */
static void put_real(FILE *f, double x)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    char *e = strchr(text, 'e');
    int exponent = e ? atoi(e + 1) : 0;
    if (e) *e = 0;
    fputs(text, f);
    if (e) fprintf(f, "e%d", exponent);          /* 1e-5, not 1e-05 */
    else if (!strchr(text, '.')) fputs(".0", f); /* a real number stays one */
}

static void put_value(FILE *f, const json_t *v);

static void put_object(FILE *f, const json_t *o)
{
    const char *key, *before = "{";
    json_t *v;
    json_object_foreach((json_t *)o, key, v)
    {
        json_t *k = json_string(key);
        fputs(before, f);
        put_value(f, k);
        fputc(':', f);
        put_value(f, v);
        json_decref(k);
        before = ",";
    }
    fputs(*before == '{' ? "{}" : "}", f);
}

static void put_array(FILE *f, const json_t *a)
{
    const char *before = "[";
    for (size_t i = 0; i < json_array_size(a); i++, before = ",") {
        fputs(before, f);
        put_value(f, json_array_get(a, i));
    }
    fputs(*before == '[' ? "[]" : "]", f);
}

/* The result of jansson's dump is dropped because f keeps the error of a failed write until the
 * file is closed. */
static void put_value(FILE *f, const json_t *v)
{
    if (json_is_object(v)) put_object(f, v);
    else if (json_is_array(v)) put_array(f, v);
    else if (json_is_real(v)) put_real(f, json_real_value(v));
    else json_dump_callback(v, to_file, f, JSON_ENCODE_ANY);
}

void sp_json_write_line(FILE *f, const json_t *o)
{
    put_value(f, o);
    fputc('\n', f);
}

char *sp_json_line(const json_t *v)
{
    char *line;
    size_t n;
    FILE *f = open_memstream(&line, &n);
    if (!f) sp_die(SP_ESYSTEM, "out of memory");
    put_value(f, v);
    fclose(f);
    return line;
}
