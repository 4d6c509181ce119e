/* tok.c - the public face of the tokenizer: opening a directory, encoding, small questions. See
 * tok_int.h for the parts. */
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- opening -------------------------------------------------------------------------- */

/* Bytes of DIR/NAME, NUL-terminated: 1, 0 = no such file, -1 = error. */
static int read_file(const char *dir, const char *name, tok_buf *out, sp_err *e)
{
    char *path = sp_xasprintf("%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    int rc = 1, why = errno;
    size_t got;
    out->n = 0;
    if (!f) {
        rc = why == ENOENT || why == ENOTDIR ? 0
                                             : sp_fail(e, SP_EINPUT, "%s: %s", path, strerror(why));
        free(path);
        return rc;
    }
    struct stat st;
    size_t room = fstat(fileno(f), &st) == 0 && st.st_size > 0
                      ? (size_t)SP_MIN(st.st_size, 1 << 30) + 2
                      : 1 << 16;
    do {
        if (out->cap - out->n < 2)
            out->p = sp_xrealloc(out->p, out->cap = SP_MAX(2 * out->cap, room));
        got = fread(out->p + out->n, 1, out->cap - out->n - 1, f);
        out->n += got;
    } while (got && out->n < 1u << 30);
    if (ferror(f)) rc = sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno));
    else if (!feof(f)) rc = sp_fail(e, SP_EINPUT, "%s: longer than 1 GiB", path);
    fclose(f);
    free(path);
    out->p[out->n] = 0;
    return rc;
}

/* A special token's text: "x" or {"content": "x"}. */
static const json_t *token_text(const json_t *v)
{
    return json_is_object(v) ? json_object_get(v, "content") : v;
}

/* A token that a config file names: special from now on if it is a piece. Returns its id or -1. */
static int32_t mark_special(sp_tok *t, const json_t *v)
{
    const json_t *text = token_text(v);
    if (!json_is_string(text) || !json_string_length(text)) return -1;
    int32_t id = tok_vocab_find(&t->vocab, json_string_value(text), json_string_length(text));
    for (size_t i = 0; id >= 0 && i < t->added.n; i++)
        if (t->added.v[i].id == id) return t->added.v[i].special = true, id;
    if (id >= 0)
        tok_added_put(&t->added, &(tok_added){.text = tok_str_make(json_string_value(text),
                                                                   json_string_length(text)),
                                              .id = id,
                                              .special = true});
    return id;
}

/* These classes put BOS and EOS as tokenizer_config.json says; the others as tokenizer.json does.
 */
static bool flags_count(const sp_tok *t, const json_t *j)
{
    const char *class = json_string_value(json_object_get(j, "tokenizer_class"));
    return t->from_spm || (class && (!strncmp(class, "LlamaTokenizer", 14) ||
                                     !strncmp(class, "GemmaTokenizer", 14)));
}

static void follow_flag(const json_t *flag, sp_ids *ends, int32_t id)
{
    if (json_is_false(flag)) ends->n = 0;
    if (json_is_true(flag) && !ends->n && id >= 0) sp_ids_push(ends, id);
}

int tok_read_config(sp_tok *t, const json_t *j, sp_err *e)
{
    static const char *const roles[] = {"unk_token", "pad_token", "sep_token", "cls_token",
                                        "mask_token"};
    const json_t *v;
    const char *key;
    size_t i;
    json_object_foreach(json_object_get((json_t *)j, "added_tokens_decoder"), key, v)
    {
        char *end;
        json_t *id = json_integer(strtoll(key, &end, 10));
        int rc = *end || end == key
                     ? sp_fail(e, SP_EINPUT, "added_tokens_decoder: \"%s\" is not an id", key)
                     : tok_add_token(t, v, id, e);
        json_decref(id);
        if (rc) return -1;
    }
    json_array_foreach(json_object_get(j, "additional_special_tokens"), i, v) mark_special(t, v);
    for (i = 0; i < sizeof roles / sizeof *roles; i++)
        mark_special(t, json_object_get(j, roles[i]));
    int32_t bos = mark_special(t, json_object_get(j, "bos_token")),
            eos = mark_special(t, json_object_get(j, "eos_token"));
    if (t->bos < 0) t->bos = bos;
    if (t->eos < 0) t->eos = eos;
    if (flags_count(t, j)) {
        follow_flag(json_object_get(j, "add_bos_token"), &t->prefix, t->bos);
        follow_flag(json_object_get(j, "add_eos_token"), &t->suffix, t->eos);
    }
    return 0;
}

static int load_configs(sp_tok *t, const char *dir, sp_err *e)
{
    static const char *const names[] = {"tokenizer_config.json", "special_tokens_map.json"};
    tok_buf b = {0};
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < 2; i++) {
        json_error_t why;
        sp_err inner = {0};
        if ((rc = read_file(dir, names[i], &b, e)) != 1) continue;
        json_t *j =
            /* model_max_length may be 10^30 */
            json_loadb(b.p, b.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
        if (!j) rc = sp_fail(e, SP_EINPUT, "%s/%s: line %d: %s", dir, names[i], why.line, why.text);
        else if (tok_read_config(t, j, &inner))
            rc = sp_fail(e, inner.code, "%s/%s: %s", dir, names[i], inner.msg);
        json_decref(j);
    }
    tok_buf_free(&b);
    return rc < 0 ? -1 : 0;
}

/* tokenizer.json, else tokenizer.model. */
static int load_dir(sp_tok *t, const char *dir, sp_err *e)
{
    tok_buf b = {0};
    sp_err inner = {0};
    const char *name = "tokenizer.json";
    int rc = read_file(dir, name, &b, e);
    if (rc == 1) rc = tok_load_json(t, b.p, b.n, &inner);
    else if (rc == 0 && (rc = read_file(dir, name = "tokenizer.model", &b, e)) == 1)
        rc = tok_load_spm(t, b.p, b.n, &inner);
    else if (rc == 0)
        rc = sp_fail(e, SP_EINPUT, "%s: neither tokenizer.json nor tokenizer.model", dir);
    if (inner.code) rc = sp_fail(e, inner.code, "%s/%s: %s", dir, name, inner.msg);
    tok_buf_free(&b);
    return rc;
}

sp_tok *sp_tok_open(const char *model_dir, sp_err *e)
{
    sp_tok *t = tok_new();
    if (!load_dir(t, model_dir, e) && !load_configs(t, model_dir, e) && !tok_finish(t, e)) return t;
    sp_tok_close(t);
    return NULL;
}

sp_tok *tok_new(void)
{
    sp_tok *t = sp_xcalloc(1, sizeof *t);
    t->unk = t->bos = t->eos = -1;
    t->cut = true;
    return t;
}

/* Unknown characters fuse into one token: then words must not be cut between them. But none is
 * unknown when every byte has a piece, as <0xNN> or, an ASCII byte, as itself (Gemma has a tab and
 * no <0x09>). */
static void derive_bytes(sp_tok *t)
{
    bool all = t->byte_fallback;
    char piece[8];
    for (uint32_t c = 0; c < 0x800; c++)
        t->char_id[c] = tok_vocab_find(&t->vocab, piece, sp_utf8_put(piece, c));
    for (unsigned b = 0; b < 256; b++) {
        t->byte_id[b] =
            tok_vocab_find(&t->vocab, piece, (size_t)snprintf(piece, sizeof piece, "<0x%02X>", b));
        all = all && (t->byte_id[b] >= 0 || (b < 0x80 && t->char_id[b] >= 0));
    }
    if (!all && t->fuse_unk && t->unk >= 0) t->cut = false;
}

int tok_finish(sp_tok *t, sp_err *e)
{
    derive_bytes(t);
    tok_merges_index(&t->merges);
    t->special = sp_xcalloc(t->vocab.n, 1);
    for (size_t i = 0; i < t->added.n; i++) {
        tok_added *a = &t->added.v[i];
        t->special[a->id] = a->special;
        if (a->single_word && !t->added.word && !(t->added.word = tok_regex("\\w", 2, e)))
            return -1;
        if (!a->normalized || a->verbatim) continue;
        tok_buf b = {0};
        /* such a token is looked for in normalised text */
        tok_normalize(t, a->text.p, a->text.n, false, &b);
        free(a->text.p);
        a->text = tok_str_make(b.p, b.n);
        tok_buf_free(&b);
    }
    tok_added_index(&t->added);
    if (t->bos < 0 && t->prefix.n) t->bos = t->prefix.ids[0];
    return 0;
}

void sp_tok_close(sp_tok *t)
{
    if (!t) return;
    tok_vocab_free(&t->vocab);
    tok_merges_free(&t->merges);
    tok_added_free(&t->added);
    tok_steps_free(&t->normalizer);
    tok_steps_free(&t->pre);
    tok_steps_free(&t->decoder);
    sp_ids_free(&t->prefix);
    sp_ids_free(&t->suffix);
    free(t->special);
    free(t);
}

/* ---- encoding ------------------------------------------------------------------------- */

void tok_normalize(const sp_tok *t, const char *s, size_t n, bool joined, tok_buf *out)
{
    tok_buf tmp = {0};
    out->n = 0;
    tok_buf_add(out, s, n);
    for (size_t i = 0; i < t->normalizer.n; i++) {
        const tok_step *step = &t->normalizer.v[i];
        tmp.n = 0;
        if (step->kind == TOK_REPLACE) tok_buf_replace(&tmp, out->p, out->n, &step->a, &step->b);
        else {
            if (out->n && !joined) tok_buf_add(&tmp, step->a.p, step->a.n); /* TOK_PREPEND */
            tok_buf_add(&tmp, out->p, out->n);
        }
        tok_buf swap = *out;
        *out = tmp, tmp = swap;
    }
    tok_buf_free(&tmp);
}

/* Cut added tokens of set k out of s and encode what lies between: for the raw text (k = 0) after
 * normalisation and another pass with k = 1, for that one through the pre-tokenizer. `place` is
 * that of the start of s. */
static int encode_between(const sp_tok *t, tok_work *w, int k, const char *s, size_t n,
                          tok_place place)
{
    bool specials = !(w->flags & SP_TOK_NO_LITERALS);
    const tok_added *a;
    size_t at = 0, start, stop;
    int rc = 0;
    while (rc == 0 && at < n) {
        if (!(a = tok_added_find(&t->added, k, s, n, at, specials, &start, &stop)))
            start = stop = n;
        tok_place here = at == 0 ? place : TOK_INSIDE;
        if (start > at && k == 1) rc = tok_pretokenize(t, w, 0, s + at, start - at, here);
        else if (start > at) {
            tok_normalize(t, s + at, start - at, here == TOK_JOINED, &w->norm);
            rc = encode_between(t, w, 1, w->norm.p, w->norm.n, here);
        }
        if (!rc && a) sp_ids_push(w->out, a->id);
        at = stop;
    }
    return rc;
}

int sp_tok_encode(const sp_tok *t, const char *text, size_t n, int flags, sp_ids *out, sp_err *e)
{
    if (n > 1u << 29) return sp_fail(e, SP_EINPUT, "a text of more than 512 MiB");
    tok_work w = {.flags = flags, .out = out, .e = e, .match = pcre2_match_data_create(8, NULL)};
    tok_place place = flags & SP_TOK_JOINED   ? TOK_JOINED
                      : flags & SP_TOK_INSIDE ? TOK_INSIDE
                                              : TOK_BEGINS;
    w.step = sp_xcalloc(t->pre.n, sizeof *w.step);
    w.limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(
        w.limits,
        10000000 + 16 * (uint32_t)SP_MIN(n, 1u << 27)); /* a run of spaces is gone over several
                                                           times; more is a runaway */
    for (size_t i = 0; (flags & SP_TOK_SPECIAL) && i < t->prefix.n; i++)
        sp_ids_push(out, t->prefix.ids[i]);
    int rc = encode_between(t, &w, 0, text, n, place);
    for (size_t i = 0; !rc && (flags & SP_TOK_SPECIAL) && i < t->suffix.n; i++)
        sp_ids_push(out, t->suffix.ids[i]);
    pcre2_match_data_free(w.match);
    pcre2_match_context_free(w.limits);
    for (size_t i = 0; i < t->pre.n; i++) tok_buf_free(&w.step[i]);
    tok_buf_free(&w.norm);
    free(w.step);
    free(w.sym);
    free(w.tree.level[0]);
    return rc;
}

/* ---- small questions ------------------------------------------------------------------ */

size_t sp_tok_vocab(const sp_tok *t) { return t->vocab.n; }
int32_t sp_tok_id(const sp_tok *t, const char *piece)
{
    return tok_vocab_find(&t->vocab, piece, strlen(piece));
}
bool sp_tok_is_special(const sp_tok *t, int32_t id)
{
    return tok_vocab_has(&t->vocab, id) && t->special[id];
}
int32_t sp_tok_bos(const sp_tok *t) { return t->bos; }
int32_t sp_tok_eos(const sp_tok *t) { return t->eos; }
