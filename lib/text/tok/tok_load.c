/* tok_load.c - tokenizer.json into tables.
 *
 * Gemma's file has 17 MB, nearly all of it in "vocab" and "merges". These two are walked in place
 * with a cursor (jscan.h); everything else is small and goes through jansson.
 */
#include "text/jscan.h"
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- cutting an object into its values ------------------------------------------------ */

typedef struct field {
    const char *name;
    char *p; /* text of the value, NULL = not there */
    size_t n;
    int64_t count;       /* elements at most */
    struct field *inner; /* or: an object, whose fields are wanted */
} field;

/* Find the named values of the object at s; the rest is passed over. `fields` ends with a NULL
 * name, whose row takes whatever is not wanted. */
static int cut_object(sp_js *s, field *fields, const char *what, sp_err *e)
{
    bool first = true;
    int more;
    if (!sp_js_take(s, '{')) return sp_fail(e, SP_EINPUT, "%s is not an object", what);
    while ((more = sp_js_step(s, '}', &first)) > 0) {
        char *key;
        field *f = fields;
        bool ok = *s->p == '"' && sp_js_skip(s, &key) > 0;
        size_t key_n = ok ? (size_t)(s->p - key) - 2 : 0;
        while (f->name && (strlen(f->name) != key_n || memcmp(f->name, key + 1, key_n))) f++;
        if (!ok || !sp_js_take(s, ':')) return sp_fail(e, SP_EINPUT, "%s: not valid JSON", what);
        if (f->inner && cut_object(s, f->inner, f->name, e)) return -1;
        if (!f->inner && (f->count = sp_js_skip(s, &f->p)) < 0)
            return sp_fail(e, SP_EINPUT, "%s: not valid JSON", what);
        if (!f->inner) f->n = (size_t)(s->p - f->p);
    }
    return more < 0 ? sp_fail(e, SP_EINPUT, "%s: not valid JSON", what) : 0;
}

/* A small value through jansson; absent = NULL without an error. */
static int parse_field(const field *f, json_t **out, sp_err *e)
{
    json_error_t why;
    *out = NULL;
    if (!f->p) return 0;
    *out = json_loadb(f->p, f->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    return *out ? 0 : sp_fail(e, SP_EINPUT, "%s: %s", f->name, why.text);
}

/* A cursor over a value; over nothing when it is absent. */
static sp_js walk(const field *f) { return (sp_js){f->p, f->p ? f->p + f->n : NULL}; }

/* ---- the model ------------------------------------------------------------------------ */

static int load_vocab(sp_tok *t, const field *f, sp_err *e)
{
    sp_js s = walk(f);
    bool first = true;
    int more;
    if (!sp_js_take(&s, '{')) return sp_fail(e, SP_EINPUT, "model: no vocab object");
    tok_vocab_reserve(&t->vocab, (size_t)SP_MIN(f->count, TOK_MAX_ID));
    while ((more = sp_js_step(&s, '}', &first)) > 0) {
        size_t n;
        uint32_t id;
        const char *piece = sp_js_string(&s, &n);
        if (!piece || !sp_js_take(&s, ':') || !sp_js_uint(&s, &id))
            return sp_fail(e, SP_EINPUT, "vocab: entry %zu is not \"piece\": id",
                           t->vocab.used + 1);
        if (tok_vocab_add(&t->vocab, piece, n, id, e)) return -1;
    }
    return more < 0 ? sp_fail(e, SP_EINPUT, "vocab: a comma or bracket is missing") : 0;
}

/* Last and first character around the joint of a merge. */
static void note_joint(sp_tok *t, const char *s, size_t cut, size_t n)
{
    uint32_t last = 0, next = 0;
    size_t from = cut;
    while (from > 0 && ((unsigned char)s[--from] & 0xC0) == 0x80) {}
    if (cut) sp_utf8_next(s + from, cut - from, &last);
    if (cut < n) sp_utf8_next(s + cut, n - cut, &next);
    tok_joint_add(&t->merges, last, next);
}

static bool looks_like_byte(const char *s, size_t n)
{
    return n == 6 && !memcmp(s, "<0x", 3) && s[5] == '>';
}

int tok_add_merge(sp_tok *t, const char *s, size_t cut, size_t n, uint32_t rank, sp_err *e)
{
    const tok_vocab *v = &t->vocab;
    int32_t left = tok_vocab_find(v, s, cut), right = tok_vocab_find(v, s + cut, n - cut),
            id = tok_vocab_find(v, s, n);
    if (left < 0 || right < 0 || id < 0)
        return sp_fail(e, SP_EINPUT, "merge %u: \"%.*s\" or a half of it is not in the vocabulary",
                       rank + 1, (int)SP_MIN(n, 100u), s);
    tok_merges_add(&t->merges, left, right, rank, id);
    note_joint(t, s, cut, n);
    bool odd = looks_like_byte(s, cut) || looks_like_byte(s + cut, n - cut) || left == t->unk ||
               right == t->unk;
    if (odd) t->cut = false; /* the text of these is not the input's */
    return 0;
}

/* A merge that has been read but not yet looked up. */
typedef struct {
    char *s; /* both halves, one after the other */
    size_t cut, n;
} pending;

/* One merge: "left right", or ["left","right"]; the halves are moved together in place. */
static bool read_merge(sp_js *s, pending *m)
{
    size_t n = 0;
    bool list = sp_js_take(s, '[');
    char *a = (char *)sp_js_string(s, &m->cut), *b = NULL;
    if (a && list) {
        b = sp_js_take(s, ',') ? (char *)sp_js_string(s, &n) : NULL;
        if (b && !sp_js_take(s, ']')) return false;
    } else if (a && (b = memchr(a, ' ', m->cut))) {
        n = m->cut - (size_t)(b++ - a) - 1;
        m->cut -= n + 1;
        if (memchr(b, ' ', n)) return false;
    }
    if (!b) return false;
    memmove(a + m->cut, b, n);
    m->s = a;
    m->n = m->cut + n;
    return true;
}

/* The time of a large file goes into waiting for memory: so each merge is looked up only AHEAD
 * merges after it was read, when its places in the table have arrived. */
#define AHEAD 16

static int load_merges(sp_tok *t, const field *f, sp_err *e)
{
    sp_js s = walk(f);
    pending ring[AHEAD];
    bool first = true;
    uint32_t read = 0, done = 0;
    int more = 1;
    if (!sp_js_take(&s, '[')) return sp_fail(e, SP_EINPUT, "model: no list of merges");
    if (f->count > TOK_MAX_MERGES)
        return sp_fail(e, SP_EINPUT, "model: more than %u merges", TOK_MAX_MERGES);
    tok_merges_reserve(&t->merges, (size_t)f->count);
    while (more > 0 || done < read) {
        if (more > 0 && (more = sp_js_step(&s, ']', &first)) > 0) {
            pending *m = &ring[read++ % AHEAD];
            if (!read_merge(&s, m))
                return sp_fail(e, SP_EINPUT, "merge %u is not two pieces", read);
            tok_vocab_prefetch(&t->vocab, m->s, m->cut);
            tok_vocab_prefetch(&t->vocab, m->s + m->cut, m->n - m->cut);
            tok_vocab_prefetch(&t->vocab, m->s, m->n);
        }
        if (more > 0 && read - done < AHEAD) continue;
        const pending *m = &ring[done % AHEAD];
        if (done < read && tok_add_merge(t, m->s, m->cut, m->n, done, e)) return -1;
        done++;
    }
    return more < 0 ? sp_fail(e, SP_EINPUT, "merges: a comma or bracket is missing") : 0;
}

/* Settings of the model besides its two tables. */
static int model_settings(sp_tok *t, const json_t *type, const json_t *unk, const json_t *flags[3],
                          sp_err *e)
{
    bool *to[3] = {&t->byte_fallback, &t->fuse_unk, &t->ignore_merges};
    if (type && (!json_is_string(type) || strcmp(json_string_value(type), "BPE")))
        return sp_fail(e, SP_EINPUT, "model \"%s\" is not supported",
                       json_is_string(type) ? json_string_value(type) : "(no name)");
    for (int i = 0; i < 3; i++) *to[i] = json_is_true(flags[i]);
    t->unk = json_is_string(unk)
                 ? tok_vocab_find(&t->vocab, json_string_value(unk), json_string_length(unk))
                 : -1;
    return json_is_string(unk) && t->unk < 0
               ? sp_fail(e, SP_EINPUT, "unk_token \"%s\" is not in the vocabulary",
                         json_string_value(unk))
               : 0;
}

/* Settings that would change the outcome and that no supported tokenizer uses must be absent, null,
 * empty or zero. */
static int refuse(const field *f, const json_t *v, sp_err *e)
{
    bool off = !v || json_is_null(v) || (json_is_string(v) && !json_string_length(v)) ||
               (json_is_number(v) && json_number_value(v) == 0);
    return off ? 0 : sp_fail(e, SP_EINPUT, "model: %s is not supported", f->name);
}

enum { VOCAB, MERGES, TYPE, UNK, BYTES, FUSE, IGNORE, DROPOUT, PREFIX, SUFFIX, N };

static int load_model(sp_tok *t, const field *f, sp_err *e)
{
    json_t *v[N] = {0};
    int rc = 0;
    for (int i = TYPE; !rc && i < N; i++) rc = parse_field(&f[i], &v[i], e);
    if (!rc && v[TYPE] && !f[MERGES].p) /* name a foreign model as such */
        rc = model_settings(t, v[TYPE], NULL, (const json_t *[3]){0}, e);
    if (!rc) rc = load_vocab(t, &f[VOCAB], e);
    if (!rc)
        rc = model_settings(t, v[TYPE], v[UNK], (const json_t *[3]){v[BYTES], v[FUSE], v[IGNORE]},
                            e);
    for (int i = DROPOUT; !rc && i < N; i++) rc = refuse(&f[i], v[i], e);
    if (!rc) rc = load_merges(t, &f[MERGES], e);
    for (int i = TYPE; i < N; i++) json_decref(v[i]);
    return rc;
}

/* ---- added tokens and the post-processor ---------------------------------------------- */

static int load_added(sp_tok *t, const json_t *list, sp_err *e)
{
    const json_t *j;
    size_t i;
    if (list && !json_is_array(list) && !json_is_null(list))
        return sp_fail(e, SP_EINPUT, "added_tokens is not a list");
    json_array_foreach(list, i, j) if (tok_add_token(t, j, json_object_get(j, "id"), e)) return -1;
    return 0;
}

int tok_add_token(sp_tok *t, const json_t *j, const json_t *id, sp_err *e)
{
    const json_t *text = json_object_get(j, "content");
    json_int_t n = json_integer_value(id);
    if (!json_is_string(text) || !json_is_integer(id) || n < 0 || n >= TOK_MAX_ID)
        return sp_fail(e, SP_EINPUT, "added token without content or a good id");
    if (!json_string_length(text)) return 0;
    if (t->added.n >= TOK_MAX_ADDED)
        return sp_fail(e, SP_EINPUT, "more than %u added tokens", TOK_MAX_ADDED);
    tok_added a = {.id = (int32_t)n,
                   .special = json_is_true(json_object_get(j, "special")),
                   .lstrip = json_is_true(json_object_get(j, "lstrip")),
                   .rstrip = json_is_true(json_object_get(j, "rstrip")),
                   .single_word = json_is_true(json_object_get(j, "single_word")),
                   .normalized = json_is_true(json_object_get(j, "normalized"))};
    a.text = tok_str_make(json_string_value(text), json_string_length(text));
    int rc = tok_vocab_add(&t->vocab, a.text.p, a.text.n, (uint32_t)n, e);
    if (rc) free(a.text.p);
    else tok_added_put(&t->added, &a);
    return rc;
}

static int push_special(sp_tok *t, const json_t *table, const json_t *item, sp_ids *to, sp_err *e)
{
    const char *name = json_string_value(json_object_get(item, "id"));
    const json_t *ids = name ? json_object_get(json_object_get(table, name), "ids") : NULL, *v;
    size_t i;
    if (!json_is_array(ids))
        return sp_fail(e, SP_EINPUT, "post_processor: no ids for \"%s\"", name ? name : "?");
    json_array_foreach(ids, i, v)
    {
        if (!json_is_integer(v) || !tok_vocab_has(&t->vocab, json_integer_value(v)))
            return sp_fail(e, SP_EINPUT, "post_processor: bad id for \"%s\"", name);
        sp_ids_push(to, (int32_t)json_integer_value(v));
    }
    return 0;
}

static int load_template(sp_tok *t, const json_t *j, sp_err *e)
{
    const json_t *single = json_object_get(j, "single"), *v, *special;
    int texts = 0;
    size_t i;
    json_array_foreach(single, i, v)
    {
        special = json_object_get(v, "SpecialToken");
        if (special) {
            if (push_special(t, json_object_get(j, "special_tokens"), special,
                             texts ? &t->suffix : &t->prefix, e))
                return -1;
        } else if (json_object_get(v, "Sequence")) texts++;
    }
    return texts == 1
               ? 0
               : sp_fail(e, SP_EINPUT, "post_processor: the template has %d texts, not one", texts);
}

static int load_post(sp_tok *t, const json_t *j, sp_err *e)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    const json_t *v;
    size_t i;
    if (!j || json_is_null(j)) return 0;
    if (type && !strcmp(type, "ByteLevel")) return 0; /* only concerns offsets */
    if (type && !strcmp(type, "TemplateProcessing")) return load_template(t, j, e);
    if (!type || strcmp(type, "Sequence"))
        return sp_fail(e, SP_EINPUT, "post_processor \"%s\" is not supported",
                       type ? type : "(no type)");
    json_array_foreach(json_object_get(j, "processors"), i, v) if (load_post(t, v, e)) return -1;
    return 0;
}

/* ---- the file ------------------------------------------------------------------------- */

int tok_load_json(sp_tok *t, char *text, size_t n, sp_err *e)
{
    static int (*const load[])(sp_tok *, const json_t *, sp_err *) = {
        tok_parse_normalizer, tok_parse_pre, tok_parse_decoder, load_added, load_post};
    field model[N + 1] = {{.name = "vocab"},
                          {.name = "merges"},
                          {.name = "type"},
                          {.name = "unk_token"},
                          {.name = "byte_fallback"},
                          {.name = "fuse_unk"},
                          {.name = "ignore_merges"},
                          {.name = "dropout"},
                          {.name = "continuing_subword_prefix"},
                          {.name = "end_of_word_suffix"}};
    field f[] = {{.name = "normalizer"},
                 {.name = "pre_tokenizer"},
                 {.name = "decoder"},
                 {.name = "added_tokens"},
                 {.name = "post_processor"},
                 {.name = "model", .inner = model},
                 {.name = NULL}};
    sp_js s = {text, text + n};
    if (cut_object(&s, f, "the file", e)) return -1;
    if (sp_js_peek(&s)) return sp_fail(e, SP_EINPUT, "something follows the JSON object");
    if (load_model(t, model, e)) return -1;
    for (size_t i = 0; i < 5; i++) {
        json_t *j;
        int rc = parse_field(&f[i], &j, e);
        if (!rc) rc = load[i](t, j, e);
        json_decref(j);
        if (rc) return -1;
    }
    return 0;
}
