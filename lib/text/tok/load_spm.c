/* load_spm.c - see load_spm.h.
 *
 * The file is a protobuf message (protobuf.h): pieces with score and type, the trainer's settings,
 * the normaliser's. A BPE model there has no list of merges; two neighbours merge when their
 * concatenation is a piece, the one with the highest score first. So every way to cut a piece into
 * two pieces becomes a merge, ranked by the score of the whole:
 *
 *     piece   score        merge        rank
 *     the      -0.5        t he            0
 *                          th e            0        (if t, he, th and e are pieces)
 *     th       -1          t h             1
 *     he       -1          h e             1        equal scores share a rank
 *
 * What is read here: BPE, byte fallback, identity normaliser with escaped spaces. Unigram models,
 * Unicode normalisation tables and the like are refused by name.
 */
#include "text/tok/load_spm.h"

#include "text/tok/protobuf.h"

#include "base/arith.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIECE 1024           /* bytes */
#define SPACE     "\xE2\x96\x81" /* U+2581, sentencepiece's sign for a space */

/* Types of pieces and of models, numbered as in the file. */
enum { NORMAL = 1, UNKNOWN = 2, CONTROL = 3, USER_DEFINED = 4, UNUSED = 5, BYTE = 6 };
enum { UNIGRAM = 1, BPE = 2, WORD = 3, CHAR = 4 };

typedef struct {
    float score;
    uint32_t type;
    uint32_t rank; /* of the merges that make this piece */
} piece;

/* The file's own view: pieces by id, and settings. */
typedef struct {
    piece *v; /* (n) */
    size_t n, cap;
    uint64_t model_type, bos, eos;
    uint64_t suffix_space; /* the sign for a space goes behind words */
    uint64_t prefix;       /* a space is put in front of the text */
    uint64_t extra_spaces; /* runs of spaces become one */
    uint64_t escape;       /* spaces become SPACE */
    uint64_t table;        /* bytes of a Unicode normalisation table */
    char normalizer[64];   /* its name */
} model;

/* ---- pieces --------------------------------------------------------------------------- */

/* Read one piece's message: its text, borrowed, and score and type. 0 or -1. */
static int read_piece(tok_pb c, size_t number, tok_str *text, piece *p, sp_err *e)
{
    tok_pb_field f;
    int more;
    *text = (tok_str){0};
    *p = (piece){.type = NORMAL};
    while ((more = tok_pb_next(&c, &f)) > 0) {
        uint32_t bits = (uint32_t)f.value;
        if (f.number == 1)
            *text = (tok_str){(const char *)f.bytes.p, (size_t)(f.bytes.end - f.bytes.p)};
        if (f.number == 2) memcpy(&p->score, &bits, sizeof p->score);
        if (f.number == 3) p->type = bits;
    }
    if (more < 0 || !text->n || text->n > MAX_PIECE || !sp_utf8_valid(text->p, text->n))
        return sp_fail(e, SP_EINPUT, "piece %zu is damaged", number);
    if (p->type < NORMAL || p->type > BYTE || p->type == UNUSED)
        return sp_fail(e, SP_EINPUT, "piece %zu: type %u is not supported", number, p->type);
    if (p->score != p->score)
        return sp_fail(e, SP_EINPUT, "piece %zu: its score is not a number", number);
    return 0;
}

/* Read the next piece into the vocabulary and, if it is not merged from others, the added tokens.
 * Its id is its number in the file. */
static int add_piece(tok_tables *t, model *m, tok_pb c, sp_err *e)
{
    tok_str text;
    piece p;
    if (read_piece(c, m->n, &text, &p, e)) return -1;
    if (tok_vocab_add(&t->vocab, text.p, text.n, (uint32_t)m->n, e)) return -1;
    if (p.type == UNKNOWN) t->unk = (int32_t)m->n;
    if (p.type == BYTE) t->byte_fallback = true;
    if (p.type != NORMAL && p.type != BYTE)
        tok_added_put(&t->added, &(tok_added){.text = tok_str_make(text.p, text.n),
                                              .id = (int32_t)m->n,
                                              .special = p.type != USER_DEFINED,
                                              .normalized = p.type == USER_DEFINED,
                                              .verbatim = true});
    SP_PUSH(m->v, m->n, m->cap) = p;
    return 0;
}

/* ---- settings ------------------------------------------------------------------------- */

/* A field that is wanted, and where its value goes. */
typedef struct {
    uint64_t number, *to;
} setting;

/* Walk a message of settings: for each row of `want` (ends with number 0), keep the value of that
 * field, or the length of its bytes. 0, or -1 when the message is broken. */
static int read_settings(tok_pb c, const setting *want)
{
    tok_pb_field f;
    int more;
    while ((more = tok_pb_next(&c, &f)) > 0)
        for (const setting *s = want; s->number; s++)
            if (s->number == f.number)
                *s->to = f.bytes.p ? (uint64_t)(f.bytes.end - f.bytes.p) : f.value;
    return more;
}

/* The trainer's settings: which kind of model, which ids. 0 or -1. */
static int read_trainer(model *m, tok_pb c)
{
    const setting want[] = {
        {3, &m->model_type}, {24, &m->suffix_space}, {41, &m->bos}, {42, &m->eos}, {0, NULL}};
    return read_settings(c, want);
}

/* The normalizer's settings. Walked twice, because its name is no number. 0 or -1. */
static int read_normalizer(model *m, tok_pb c)
{
    const setting want[] = {
        {2, &m->table}, {3, &m->prefix}, {4, &m->extra_spaces}, {5, &m->escape}, {0, NULL}};
    tok_pb again = c;
    tok_pb_field f;
    m->table = 0;
    while (tok_pb_next(&again, &f) > 0)
        if (f.number == 1)
            snprintf(m->normalizer, sizeof m->normalizer, "%.*s",
                     (int)SP_MIN(f.bytes.end - f.bytes.p, 60), (const char *)f.bytes.p);
    return read_settings(c, want);
}

/* Refuse what this module does not do. 0 or -1. */
static int check_settings(const model *m, sp_err *e)
{
    if (m->model_type != BPE)
        return sp_fail(e, SP_EINPUT, "model type %s is not supported",
                       m->model_type == UNIGRAM ? "unigram"
                       : m->model_type == WORD  ? "word"
                                                : "char");
    if (m->table) return sp_fail(e, SP_EINPUT, "normalizer \"%s\" is not supported", m->normalizer);
    if (m->extra_spaces)
        return sp_fail(e, SP_EINPUT, "normalizer: remove_extra_whitespaces is not supported");
    if (!m->escape || m->suffix_space)
        return sp_fail(e, SP_EINPUT,
                       "normalizer: spaces other than as a prefix sign are not supported");
    return 0;
}

/* Pieces and settings. 0 or -1. */
static int read_file(tok_tables *t, model *m, tok_pb c, sp_err *e)
{
    tok_pb_field f;
    int more;
    while ((more = tok_pb_next(&c, &f)) > 0) {
        if (f.number == 1 && add_piece(t, m, f.bytes, e)) return -1;
        if (f.number == 2 && read_trainer(m, f.bytes) < 0) more = -1;
        if (f.number == 3 && read_normalizer(m, f.bytes) < 0) more = -1;
        if (more < 0) break;
    }
    if (more < 0 || !m->n) return sp_fail(e, SP_EINPUT, "not a sentencepiece model, or damaged");
    return check_settings(m, e);
}

/* ---- merges --------------------------------------------------------------------------- */

typedef struct {
    float score;
    uint32_t id;
} scored;

/* The highest score first. */
static int by_score(const void *a, const void *b)
{
    float x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

/* Set the ranks: 0 for the highest score. Equal scores share a rank, so that of their merges the
 * leftmost in the text goes first. */
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

/* Is s[0..n) a piece that merges make? */
static bool is_normal(const tok_tables *t, const model *m, const char *s, size_t n)
{
    int32_t id = tok_vocab_find(&t->vocab, s, n);
    return id >= 0 && m->v[id].type == NORMAL;
}

/* Every way to cut a normal piece into two normal pieces is a merge. */
static int add_merges(tok_tables *t, model *m, sp_err *e)
{
    rank_pieces(m);
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].type != NORMAL) continue;
        tok_str x = tok_vocab_piece(&t->vocab, (int32_t)i);
        uint32_t c;
        for (size_t k = 0; (k += sp_utf8_next(x.p + k, x.n - k, &c)) < x.n;) {
            bool both = is_normal(t, m, x.p, k) && is_normal(t, m, x.p + k, x.n - k);
            if (both && tok_tables_add_merge(t, x.p, k, x.n, m->v[i].rank, e)) return -1;
        }
    }
    return 0;
}

/* ---- the file ------------------------------------------------------------------------- */

static tok_step *add_step(tok_steps *s, tok_kind kind, const char *a, const char *b)
{
    tok_step *step = tok_steps_add(s, kind);
    step->a = tok_str_make(a, strlen(a));
    step->b = tok_str_make(b, strlen(b));
    return step;
}

/* The steps that a converted file of Hugging Face's spells out. */
static void add_steps(tok_tables *t, const model *m)
{
    if (m->prefix) add_step(&t->normalizer, TOK_PREPEND, SPACE, "");
    add_step(&t->normalizer, TOK_REPLACE, " ", SPACE);
    add_step(&t->decoder, TOK_REPLACE, SPACE, " ");
    tok_steps_add(&t->decoder, TOK_BYTE_FALLBACK);
    tok_steps_add(&t->decoder, TOK_FUSE);
    if (m->prefix) add_step(&t->decoder, TOK_STRIP, " ", "")->start = 1;
}

static int32_t id_if_piece(const tok_tables *t, uint64_t id)
{
    return tok_vocab_has(&t->vocab, (int64_t)id) ? (int32_t)id : -1;
}

int tok_load_spm(tok_tables *t, const char *data, size_t n, sp_err *e)
{
    /* what the format says of settings that the file leaves out */
    model m = {.model_type = UNIGRAM,
               .bos = 1,
               .eos = 2,
               .prefix = true,
               .extra_spaces = true,
               .escape = true};
    const unsigned char *p = (const unsigned char *)data;
    t->fuse_unk = t->from_spm = true;
    int rc = read_file(t, &m, (tok_pb){p, p + n}, e);
    if (!rc) rc = add_merges(t, &m, e);
    free(m.v);
    if (rc) return -1;
    add_steps(t, &m);
    t->bos = id_if_piece(t, m.bos);
    t->eos = id_if_piece(t, m.eos);
    if (t->bos >= 0) sp_ids_push(&t->prefix, t->bos);
    return 0;
}
