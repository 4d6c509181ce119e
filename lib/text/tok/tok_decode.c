/* tok_decode.c - from ids back to text: a list of token strings passes through the decoder's steps
 * and is then concatenated. */
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    tok_buf text; /* the strings one after the other */
    size_t *end;  /* (n) */
    size_t n, cap;
} list;

/* Close the string whose bytes have been appended to l->text. */
static void list_close(list *l)
{
    if (l->n == l->cap) {
        l->cap = SP_MAX(64, 2 * l->cap);
        l->end = sp_xrealloc(l->end, l->cap * sizeof *l->end);
    }
    l->end[l->n++] = l->text.n;
}

static tok_str list_at(const list *l, size_t i)
{
    size_t from = i ? l->end[i - 1] : 0;
    /* all empty so far */
    return l->text.p ? (tok_str){l->text.p + from, l->end[i] - from} : (tok_str){(char *)"", 0};
}

static void list_free(list *l)
{
    tok_buf_free(&l->text);
    free(l->end);
}

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

static void step_replace(const tok_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        tok_str x = list_at(in, i);
        tok_buf_replace(&out->text, x.p, x.n, &s->a, &s->b);
        list_close(out);
    }
}

/* The replacement sign becomes a space, except that the first token loses the one that encoding put
 * before it. */
static void step_metaspace(const tok_step *s, const list *in, list *out)
{
    static const tok_str space = {(char *)" ", 1}, nothing = {(char *)"", 0};
    for (size_t i = 0; i < in->n; i++) {
        tok_str x = list_at(in, i);
        tok_buf_replace(&out->text, x.p, x.n, &s->a,
                        i == 0 && s->scheme != TOK_NEVER ? &nothing : &space);
        list_close(out);
    }
}

/* Value of a token <0xNN>, or -1. */
static int byte_token(tok_str x)
{
    int hi, lo;
    if (x.n != 6 || memcmp(x.p, "<0x", 3) || x.p[5] != '>') return -1;
    hi = x.p[3] <= '9' ? x.p[3] - '0' : (x.p[3] | 32) - 'a' + 10;
    lo = x.p[4] <= '9' ? x.p[4] - '0' : (x.p[4] | 32) - 'a' + 10;
    return hi >= 0 && hi < 16 && lo >= 0 && lo < 16 ? hi << 4 | lo : -1;
}

/* A run of byte tokens becomes its characters if it is UTF-8 as a whole, otherwise one U+FFFD a
 * byte. */
static void flush_bytes(tok_buf *run, list *out)
{
    if (!run->n) return;
    if (sp_utf8_valid(run->p, run->n)) tok_buf_add(&out->text, run->p, run->n);
    else
        for (size_t i = 0; i < run->n; i++) tok_buf_add(&out->text, REPLACEMENT, 3);
    list_close(out);
    run->n = 0;
}

static void step_byte_fallback(const tok_step *s, const list *in, list *out)
{
    tok_buf run = {0};
    (void)s;
    for (size_t i = 0; i < in->n; i++) {
        tok_str x = list_at(in, i);
        int b = byte_token(x);
        if (b >= 0) {
            tok_buf_add(&run, &(char){(char)b}, 1);
            continue;
        }
        flush_bytes(&run, out);
        tok_buf_add(&out->text, x.p, x.n);
        list_close(out);
    }
    flush_bytes(&run, out);
    tok_buf_free(&run);
}

static void step_fuse(const tok_step *s, const list *in, list *out)
{
    (void)s;
    tok_buf_add(&out->text, in->text.p, in->text.n);
    list_close(out);
}

static void step_strip(const tok_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        tok_str x = list_at(in, i);
        size_t c = s->a.n;
        for (int64_t k = 0; k < s->start && x.n >= c && !memcmp(x.p, s->a.p, c); k++)
            x.p += c, x.n -= c;
        for (int64_t k = 0; k < s->stop && x.n >= c && !memcmp(x.p + x.n - c, s->a.p, c); k++)
            x.n -= c;
        tok_buf_add(&out->text, x.p, x.n);
        list_close(out);
    }
}

/* Append x as bytes if every character stands for one; else as it is. */
static void add_byte_chars(tok_buf *b, tok_str x)
{
    size_t before = b->n, len;
    uint32_t c;
    for (size_t i = 0; i < x.n; i += len) {
        len = sp_utf8_next(x.p + i, x.n - i, &c);
        int byte = tok_char_byte(c);
        if (byte < 0) {
            b->n = before;
            tok_buf_add(b, x.p, x.n);
            return;
        }
        tok_buf_add(b, &(char){(char)byte}, 1);
    }
}

/* Byte-level pieces: characters back to bytes, then what is not UTF-8 to U+FFFD. */
static void step_bytes(const tok_step *s, const list *in, list *out)
{
    tok_buf raw = {0};
    size_t len;
    uint32_t c;
    (void)s;
    for (size_t i = 0; i < in->n; i++) add_byte_chars(&raw, list_at(in, i));
    for (size_t i = 0; i < raw.n; i += len) {
        len = sp_utf8_next(raw.p + i, raw.n - i, &c);
        if (c == SP_UTF8_BAD) tok_buf_add(&out->text, REPLACEMENT, 3);
        else tok_buf_add(&out->text, raw.p + i, len);
    }
    list_close(out);
    tok_buf_free(&raw);
}

static void run_step(const tok_step *s, const list *in, list *out)
{
    switch (s->kind) {
    case TOK_REPLACE: step_replace(s, in, out); break;
    case TOK_METASPACE: step_metaspace(s, in, out); break;
    case TOK_BYTE_FALLBACK: step_byte_fallback(s, in, out); break;
    case TOK_FUSE: step_fuse(s, in, out); break;
    case TOK_STRIP: step_strip(s, in, out); break;
    default: step_bytes(s, in, out);
    }
}

/* The strings of ids, unknown ids left out. */
static void pieces_of(const sp_tok *t, const int32_t *ids, size_t n, bool skip_special, list *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!tok_vocab_has(&t->vocab, ids[i]) || (skip_special && t->special[ids[i]])) continue;
        if (t->join_spaces && out->n) tok_buf_add(&out->text, " ", 1);
        tok_buf_add(&out->text, t->vocab.text.p + t->vocab.off[ids[i]], t->vocab.len[ids[i]]);
        list_close(out);
    }
}

char *sp_tok_decode(const sp_tok *t, const int32_t *ids, size_t n, bool skip_special, size_t *len)
{
    list a = {0}, b = {0};
    pieces_of(t, ids, n, skip_special, &a);
    for (size_t i = 0; i < t->decoder.n; i++) {
        list swap = b;
        run_step(&t->decoder.v[i], &a, &b);
        swap = a, a = b, b = swap;
        b.n = b.text.n = 0;
    }
    if (len) *len = a.text.n;
    tok_buf_add(&a.text, "", 1);
    char *text = a.text.p;
    a.text = (tok_buf){0};
    list_free(&a);
    list_free(&b);
    return text;
}
