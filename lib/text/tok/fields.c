/* fields.c - see fields.h.
 *
 * The object is walked once, and nothing is copied: a wanted value is noted as a stretch of the
 * text. With "type" and "vocab" of the inner object "model" wanted, and "decoder" of the outer one:
 *
 *     {"version": "1.0", "model": {"vocab": {"a": 0, "b": 1}, "type": "BPE"}, "decoder": null}
 *                                           ----------------          -----              ----
 */
#include "text/tok/fields.h"

#include <string.h>

/* The row for the key at the cursor, which is moved behind it; the last row if it is not wanted.
 * NULL = there is no key. Bytes are compared as they stand in the file, so a key that is written
 * with escapes counts as not wanted. The caller has made sure that the cursor is not at the end. */
static tok_field *take_key(sp_js *s, tok_field *fields)
{
    char *key;
    if (*s->p != '"' || sp_js_skip(s, &key) < 0) return NULL;
    size_t n = (size_t)(s->p - key) - 2; /* without the quotes */
    tok_field *f = fields;
    while (f->name && (strlen(f->name) != n || memcmp(f->name, key + 1, n))) f++;
    return f;
}

/* Calls itself for a field with an inner table. The tables end that recursion, not the file, so a
 * deeply nested file does not make it deep. */
int tok_fields_cut(sp_js *s, tok_field *fields, const char *what, sp_err *e)
{
    bool first = true;
    int more;
    if (!sp_js_take(s, '{')) return sp_fail(e, SP_EINPUT, "%s is not an object", what);
    while ((more = sp_js_step(s, '}', &first)) > 0) {
        tok_field *f = take_key(s, fields);
        if (!f || !sp_js_take(s, ':')) return sp_fail(e, SP_EINPUT, "%s: not valid JSON", what);
        if (f->inner) {
            if (tok_fields_cut(s, f->inner, f->name, e)) return -1;
            continue;
        }
        if ((f->count = sp_js_skip(s, &f->p)) < 0)
            return sp_fail(e, SP_EINPUT, "%s: not valid JSON", what);
        f->n = (size_t)(s->p - f->p);
    }
    return more < 0 ? sp_fail(e, SP_EINPUT, "%s: not valid JSON", what) : 0;
}

int tok_field_parse(const tok_field *f, json_t **out, sp_err *e)
{
    json_error_t why;
    *out = NULL;
    if (!f->p) return 0;
    *out = json_loadb(f->p, f->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    return *out ? 0 : sp_fail(e, SP_EINPUT, "%s: %s", f->name, why.text);
}

sp_js tok_field_cursor(const tok_field *f) { return (sp_js){f->p, f->p ? f->p + f->n : NULL}; }
