/* tok_spm.c - tokenizer.model, sentencepiece's own file, into tables: for model directories without
 * a tokenizer.json.
 *
 * The file is a protobuf message: pieces with score and type, the trainer's settings, the
 * normaliser's. A BPE model there has no list of merges; two neighbours merge when their
 * concatenation is a piece, the one of highest score first. So every way to cut a piece into two
 * pieces becomes a merge, ranked by the score of the whole. What is read here: pieces, BPE, byte
 * fallback, identity normaliser with escaped spaces. Unigram models, Unicode normalisation tables
 * and the like are refused by name.
 */
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PIECE 1024 /* bytes */

/* ---- protobuf ------------------------------------------------------------------------- */

typedef struct {
    const unsigned char *p, *end;
} cursor;

/* One field: its number, and its value as an integer (varint, fixed) or as bytes. */
typedef struct {
    uint64_t number, value;
    cursor bytes;
} field;

static bool varint(cursor *c, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        unsigned b = *c->p++;
        *out |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return true;
    }
    return false;
}

static bool fixed(cursor *c, int n, uint64_t *out)
{
    if (c->end - c->p < n) return false;
    *out = 0;
    for (int i = 0; i < n; i++) *out |= (uint64_t)*c->p++ << 8 * i;
    return true;
}

/* Next field of a message: 1, 0 at its end, -1 when it is broken. */
static int next_field(cursor *c, field *f)
{
    uint64_t tag, n;
    if (c->p == c->end) return 0;
    if (!varint(c, &tag)) return -1;
    *f = (field){.number = tag >> 3};
    switch (tag & 7) {
    case 0: return varint(c, &f->value) ? 1 : -1;
    case 1: return fixed(c, 8, &f->value) ? 1 : -1;
    case 5: return fixed(c, 4, &f->value) ? 1 : -1;
    case 2:
        if (!varint(c, &n) || n > (uint64_t)(c->end - c->p)) return -1;
        f->bytes = (cursor){c->p, c->p + n};
        c->p += n;
        return 1;
    default: return -1;
    }
}

/* ---- pieces --------------------------------------------------------------------------- */

enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6 };
typedef struct {
    float score;
    uint32_t type, rank;
} piece;
typedef struct {
    piece *v;
    size_t n, cap;
    uint64_t model_type, bos, eos, suffix_space, prefix, extra_spaces, escape; /* settings */
    /* a Unicode normalisation table */
    bool table;
    char name[64];
} model;

static int read_piece(sp_tok *t, model *m, cursor c, sp_err *e)
{
    piece p = {.type = NORMAL};
    cursor text = {0};
    field f;
    int more;
    while ((more = next_field(&c, &f)) > 0) {
        uint32_t bits = (uint32_t)f.value;
        if (f.number == 1) text = f.bytes;
        if (f.number == 2) memcpy(&p.score, &bits, sizeof p.score);
        if (f.number == 3) p.type = bits;
    }
    const char *s = (const char *)text.p;
    size_t n = (size_t)(text.end - text.p);
    if (more < 0 || !n || n > MAX_PIECE || !sp_utf8_valid(s, n))
        return sp_fail(e, SP_EINPUT, "piece %zu is damaged", m->n);
    if (p.type < NORMAL || p.type > BYTE || p.type == UNUSED)
        return sp_fail(e, SP_EINPUT, "piece %zu: type %u is not supported", m->n, p.type);
    if (p.score != p.score)
        return sp_fail(e, SP_EINPUT, "piece %zu: its score is not a number", m->n);
    if (tok_vocab_add(&t->vocab, s, n, (uint32_t)m->n, e)) return -1;
    if (p.type == UNKNOWN) t->unk = (int32_t)m->n;
    if (p.type == BYTE) t->byte_fallback = true;
    if (p.type != NORMAL && p.type != BYTE)
        tok_added_put(&t->added, &(tok_added){.text = tok_str_make(s, n),
                                              .id = (int32_t)m->n,
                                              .special = p.type != USER_DEFINED,
                                              .normalized = p.type == USER_DEFINED,
                                              .verbatim = true});
    if (m->n == m->cap)
        m->v = sp_xrealloc(m->v, (m->cap = SP_MAX(1024, 2 * m->cap)) * sizeof *m->v);
    m->v[m->n++] = p;
    return 0;
}

/* Walk a message of settings: for each row of `want` (ends with number 0), keep the value of that
 * field. */
typedef struct {
    uint64_t number, *to;
} setting;

static int read_settings(cursor c, const setting *want)
{
    field f;
    int more;
    while ((more = next_field(&c, &f)) > 0)
        for (const setting *s = want; s->number; s++)
            if (s->number == f.number)
                *s->to = f.bytes.p ? (uint64_t)(f.bytes.end - f.bytes.p) : f.value;
    return more;
}

static int read_normalizer(model *m, cursor c)
{
    uint64_t table = 0;
    const setting want[] = {
        {2, &table}, {3, &m->prefix}, {4, &m->extra_spaces}, {5, &m->escape}, {0, NULL}};
    cursor name = c;
    field f;
    while (next_field(&name, &f) > 0)
        if (f.number == 1)
            snprintf(m->name, sizeof m->name, "%.*s", (int)SP_MIN(f.bytes.end - f.bytes.p, 60),
                     (const char *)f.bytes.p);
    int rc = read_settings(c, want);
    m->table = table != 0;
    return rc;
}

static int read_file(sp_tok *t, model *m, cursor c, sp_err *e)
{
    const setting trainer[] = {
        {3, &m->model_type}, {24, &m->suffix_space}, {41, &m->bos}, {42, &m->eos}, {0, NULL}};
    field f;
    int more;
    while ((more = next_field(&c, &f)) > 0) {
        if (f.number == 1 && read_piece(t, m, f.bytes, e)) return -1;
        if (f.number == 2 && read_settings(f.bytes, trainer) < 0) more = -1;
        if (f.number == 3 && read_normalizer(m, f.bytes) < 0) more = -1;
        if (more < 0) break;
    }
    if (more < 0 || !m->n) return sp_fail(e, SP_EINPUT, "not a sentencepiece model, or damaged");
    if (m->model_type != 2)
        return sp_fail(e, SP_EINPUT, "model type %s is not supported",
                       m->model_type == 1   ? "unigram"
                       : m->model_type == 3 ? "word"
                                            : "char");
    if (m->table) return sp_fail(e, SP_EINPUT, "normalizer \"%s\" is not supported", m->name);
    if (m->extra_spaces)
        return sp_fail(e, SP_EINPUT, "normalizer: remove_extra_whitespaces is not supported");
    if (!m->escape || m->suffix_space)
        return sp_fail(e, SP_EINPUT,
                       "normalizer: spaces other than as a prefix sign are not supported");
    return 0;
}

/* ---- merges --------------------------------------------------------------------------- */

typedef struct {
    float score;
    uint32_t id;
} scored;

static int by_score(const void *a, const void *b)
{
    float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

/* Highest score gets rank 0; equal scores share a rank, so that the leftmost goes first. */
static void rank_pieces(model *m)
{
    scored *s = sp_xarray(m->n, sizeof *s);
    uint32_t rank = 0;
    for (size_t i = 0; i < m->n; i++) s[i] = (scored){m->v[i].score, (uint32_t)i};
    qsort(s, m->n, sizeof *s, by_score);
    for (size_t i = 0; i < m->n; i++) {
        if (i && s[i].score < s[i - 1].score) rank++;
        m->v[s[i].id].rank = rank;
    }
    free(s);
}

static bool is_normal(const sp_tok *t, const model *m, const char *s, size_t n)
{
    int32_t id = tok_vocab_find(&t->vocab, s, n);
    return id >= 0 && m->v[id].type == NORMAL;
}

static int add_merges(sp_tok *t, model *m, sp_err *e)
{
    int rc = 0;
    rank_pieces(m);
    for (size_t i = 0; !rc && i < m->n; i++) {
        const char *s = t->vocab.text.p + t->vocab.off[i];
        size_t n = t->vocab.len[i], k = 0;
        uint32_t c;
        if (m->v[i].type != NORMAL) continue;
        while (!rc && (k += sp_utf8_next(s + k, n - k, &c)) < n)
            if (is_normal(t, m, s, k) && is_normal(t, m, s + k, n - k))
                rc = tok_add_merge(t, s, k, n, m->v[i].rank, e);
    }
    return rc;
}

static tok_step *add_step(tok_steps *s, tok_kind kind, const char *a, const char *b)
{
    tok_step *step = tok_steps_add(s, kind);
    step->a = tok_str_make(a, strlen(a));
    step->b = tok_str_make(b, strlen(b));
    return step;
}

/* The steps that Hugging Face's converted files spell out. */
static void add_steps(sp_tok *t, const model *m)
{
    if (m->prefix) add_step(&t->normalizer, TOK_PREPEND, TOK_META, "");
    add_step(&t->normalizer, TOK_REPLACE, " ", TOK_META);
    add_step(&t->decoder, TOK_REPLACE, TOK_META, " ");
    tok_steps_add(&t->decoder, TOK_BYTE_FALLBACK);
    tok_steps_add(&t->decoder, TOK_FUSE);
    if (m->prefix) add_step(&t->decoder, TOK_STRIP, " ", "")->start = 1;
}

int tok_load_spm(sp_tok *t, const char *data, size_t n, sp_err *e)
{
    model m =
        /* the format's defaults */
        {.model_type = 1, .bos = 1, .eos = 2, .prefix = 1, .extra_spaces = 1, .escape = 1};
    const unsigned char *p = (const unsigned char *)data;
    t->fuse_unk = t->from_spm = true;
    int rc = read_file(t, &m, (cursor){p, p + n}, e);
    if (!rc) rc = add_merges(t, &m, e);
    free(m.v);
    if (rc) return -1;
    add_steps(t, &m);
    t->bos = tok_vocab_has(&t->vocab, (int64_t)m.bos) ? (int32_t)m.bos : -1;
    t->eos = tok_vocab_has(&t->vocab, (int64_t)m.eos) ? (int32_t)m.eos : -1;
    if (t->bos >= 0) sp_ids_push(&t->prefix, t->bos);
    return 0;
}
