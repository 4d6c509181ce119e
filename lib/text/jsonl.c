/* jsonl.c - see jsonl.h. */
#include "text/jsonl.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

json_t *sp_json_text(const char *s, size_t n)
{
    if (sp_utf8_valid(s, n)) return json_stringn(s, n);
    char *clean = sp_xmalloc(3 * n);
    size_t o = 0;
    for (size_t i = 0, k; i < n; i += k) {
        uint32_t c;
        k = sp_utf8_next(s + i, n - i, &c);
        o += sp_utf8_put(clean + o, c == SP_UTF8_BAD ? 0xfffd : c);
    }
    json_t *j = json_stringn(clean, o);
    free(clean);
    return j;
}

json_t *sp_json_ids(const int32_t *ids, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(a, json_integer(ids[i]));
    return a;
}

int sp_json_get_ids(const json_t *array, int64_t vocab, sp_ids *out, sp_err *e)
{
    if (!json_is_array(array)) return sp_fail(e, SP_EINPUT, "token ids are not an array");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *x = json_array_get(array, i);
        json_int_t id = json_integer_value(x);
        if (!json_is_integer(x))
            return sp_fail(e, SP_EINPUT, "token id %zu is not a whole number", i);
        if (id < 0 || id >= vocab)
            return sp_fail(e, SP_EINPUT, "token id %lld is outside 0..%lld", (long long)id,
                           (long long)vocab - 1);
        sp_ids_push(out, (int32_t)id);
    }
    return 0;
}

static int to_file(const char *buf, size_t n, void *f)
{
    return fwrite(buf, 1, n, f) == n ? 0 : -1;
}

void sp_json_put(FILE *f, const json_t *o)
{
    json_dump_callback(o, to_file, f, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    fputc('\n', f);
}

static json_t *decoded(const sp_tok *tok, const sp_ids *ids)
{
    size_t n;
    char *text = sp_tok_decode(tok, ids->ids, ids->n, false, &n);
    json_t *j = sp_json_text(text, n);
    free(text);
    return j;
}

json_t *sp_json_encode(const sp_tok *tok, const json_t *obj, sp_err *e)
{
    const json_t *text = json_object_get(obj, "text");
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "no \"text\""), NULL;
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    sp_ids ids = {0}, plain = {0};
    json_t *to = NULL;
    if (!sp_tok_encode(tok, s, n, SP_TOK_SPECIAL, &ids, e) &&
        !sp_tok_encode(tok, s, n, 0, &plain, e))
        to = json_pack("{s:o,s:o,s:o}", "ids", sp_json_ids(ids.ids, ids.n), "ids_no_special",
                       sp_json_ids(plain.ids, plain.n), "decoded", decoded(tok, &plain));
    sp_ids_free(&ids), sp_ids_free(&plain);
    return to;
}

json_t *sp_json_decode(const sp_tok *tok, const json_t *obj, sp_err *e)
{
    sp_ids ids = {0};
    json_t *to = NULL;
    if (!sp_json_get_ids(json_object_get(obj, "ids"), (int64_t)sp_tok_vocab(tok), &ids, e))
        to = json_pack("{s:o}", "text", decoded(tok, &ids));
    sp_ids_free(&ids);
    return to;
}
