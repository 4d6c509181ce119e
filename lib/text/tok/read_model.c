/* read_model.c - see read_model.h.
 *
 * Vocabulary and merges, nearly the whole file, are walked with a cursor and their strings
 * unescaped in place; the settings are small and go through jansson.
 */
#include "text/tok/read_model.h"

#include "base/arith.h"

#include <string.h>

const tok_field tok_model_fields[TOK_MODEL_FIELDS + 1] = {
    [TOK_F_VOCAB] = {.name = "vocab"},
    [TOK_F_MERGES] = {.name = "merges"},
    [TOK_F_TYPE] = {.name = "type"},
    [TOK_F_UNK] = {.name = "unk_token"},
    [TOK_F_BYTES] = {.name = "byte_fallback"},
    [TOK_F_FUSE] = {.name = "fuse_unk"},
    [TOK_F_IGNORE] = {.name = "ignore_merges"},
    [TOK_F_DROPOUT] = {.name = "dropout"},
    [TOK_F_PREFIX] = {.name = "continuing_subword_prefix"},
    [TOK_F_SUFFIX] = {.name = "end_of_word_suffix"}};

/* ---- vocabulary and merges ------------------------------------------------------------ */

/* Read {"piece": id, ...}. f->count, at most so many entries, only sizes the table, so a count that
 * is too high only costs memory. 0 or -1. */
static int read_vocab(tok_tables *t, const tok_field *f, sp_err *e)
{
    sp_js s = tok_field_cursor(f);
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

/* A merge that has been read but not yet looked up. The text is the file's own. */
typedef struct {
    char *s; /* both halves, one after the other */
    size_t cut, n;
} pending;

/* Read one merge in either of its two forms, and move the halves together in place, so that the
 * result is one stretch of text too. False when it is neither form.
 *
 *     "th e"           cut at its only space    th e       ->  the        cut 2, n 3
 *     ["th","e"]       two strings              th","e     ->  the        cut 2, n 3 */
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

/* Reading a large file is waiting for memory, because nearly every look-up misses the cache. So
 * each merge is looked up only when AHEAD more have been read: what it needs, asked for when it was
 * read itself, has then arrived. */
#define AHEAD 16

/* Ask for the three look-ups that a merge will need. */
static void prefetch(const tok_vocab *v, const pending *m)
{
    tok_vocab_prefetch(v, m->s, m->cut);
    tok_vocab_prefetch(v, m->s + m->cut, m->n - m->cut);
    tok_vocab_prefetch(v, m->s, m->n);
}

/* Add merge number `rank`, which waits in the ring. */
static int add_merge(tok_tables *t, const pending *ring, uint32_t rank, sp_err *e)
{
    const pending *m = &ring[rank % AHEAD];
    return tok_tables_add_merge(t, m->s, m->cut, m->n, rank, e);
}

/* Read [merge, ...]; a merge's place in the list is its rank. The ring holds the merges that have
 * been read but not added, here with AHEAD = 4:
 *
 *     read = 6, done = 2       slot  0  1  2  3
 *                              rank  4  5  2  3       2 is added next, and 6 takes its slot
 *
 * 0 or -1. */
static int read_merges(tok_tables *t, const tok_field *f, sp_err *e)
{
    sp_js s = tok_field_cursor(f);
    pending ring[AHEAD]; /* merges done..read-1, each at its number modulo AHEAD */
    uint32_t read = 0, done = 0;
    bool first = true;
    int more;
    if (!sp_js_take(&s, '[')) return sp_fail(e, SP_EINPUT, "model: no list of merges");
    if (f->count > TOK_MAX_MERGES)
        return sp_fail(e, SP_EINPUT, "model: more than %u merges", TOK_MAX_MERGES);
    tok_merges_reserve(&t->merges, (size_t)f->count);
    while ((more = sp_js_step(&s, ']', &first)) > 0) {
        if (read - done == AHEAD && add_merge(t, ring, done++, e)) return -1;
        pending *m = &ring[read++ % AHEAD];
        if (!read_merge(&s, m)) return sp_fail(e, SP_EINPUT, "merge %u is not two pieces", read);
        prefetch(&t->vocab, m);
    }
    while (done < read)
        if (add_merge(t, ring, done++, e)) return -1;
    return more < 0 ? sp_fail(e, SP_EINPUT, "merges: a comma or bracket is missing") : 0;
}

/* ---- settings ------------------------------------------------------------------------- */

/* Only BPE; a file without a type counts as that kind. 0 or -1. */
static int check_type(const json_t *type, sp_err *e)
{
    const char *name = json_is_string(type) ? json_string_value(type) : "(no name)";
    if (!type || !strcmp(name, "BPE")) return 0;
    return sp_fail(e, SP_EINPUT, "model \"%s\" is not supported", name);
}

/* The unknown token must be a piece. 0 or -1. */
static int read_unk(tok_tables *t, const json_t *unk, sp_err *e)
{
    if (!json_is_string(unk)) return 0; /* absent or null: -1, none */
    t->unk = tok_vocab_find(&t->vocab, json_string_value(unk), json_string_length(unk));
    return t->unk >= 0 ? 0
                       : sp_fail(e, SP_EINPUT, "unk_token \"%s\" is not in the vocabulary",
                                 json_string_value(unk));
}

/* Settings that would change the outcome and that no supported tokenizer uses must be absent, null,
 * empty or zero. 0, or -1 with the name of the setting. */
static int refuse(const tok_field *f, const json_t *v, sp_err *e)
{
    bool off = !v || json_is_null(v) || (json_is_string(v) && !json_string_length(v)) ||
               (json_is_number(v) && json_number_value(v) == 0);
    return off ? 0 : sp_fail(e, SP_EINPUT, "model: %s is not supported", f->name);
}

/* Read the model with its settings v, which are indexed as f is. The vocabulary goes before the
 * unknown token and the merges, both of which refer to pieces. 0 or -1. */
static int read_with(tok_tables *t, const tok_field *f, json_t *const *v, sp_err *e)
{
    /* Another kind of model has no merges; it is to be refused by its name, not for that. */
    if (!f[TOK_F_MERGES].p && check_type(v[TOK_F_TYPE], e)) return -1;
    if (read_vocab(t, &f[TOK_F_VOCAB], e)) return -1;
    if (check_type(v[TOK_F_TYPE], e)) return -1;
    t->byte_fallback = json_is_true(v[TOK_F_BYTES]);
    t->fuse_unk = json_is_true(v[TOK_F_FUSE]);
    t->ignore_merges = json_is_true(v[TOK_F_IGNORE]);
    if (read_unk(t, v[TOK_F_UNK], e)) return -1;
    for (int i = TOK_F_DROPOUT; i < TOK_MODEL_FIELDS; i++)
        if (refuse(&f[i], v[i], e)) return -1;
    return read_merges(t, &f[TOK_F_MERGES], e);
}

/* v[TOK_F_VOCAB] and v[TOK_F_MERGES] stay NULL: these two are too large for a tree. */
int tok_read_model(tok_tables *t, const tok_field *f, sp_err *e)
{
    json_t *v[TOK_MODEL_FIELDS] = {0};
    int rc = 0;
    for (int i = TOK_F_TYPE; !rc && i < TOK_MODEL_FIELDS; i++)
        rc = tok_field_parse(&f[i], &v[i], e);
    if (!rc) rc = read_with(t, f, v, e);
    for (int i = TOK_F_TYPE; i < TOK_MODEL_FIELDS; i++) json_decref(v[i]);
    return rc;
}
