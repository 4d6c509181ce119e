/* decode.c - see decode.h.
 *
 * A list of strings, at first one for each token, passes through the decoder's steps and is then
 * concatenated:
 *
 *     tokens         <s>  ▁caf  <0xC3>  <0xA9>
 *     REPLACE        <s>  " caf" <0xC3>  <0xA9>       ▁ becomes a space
 *     BYTE_FALLBACK  <s>  " caf" "é"                  a run of bytes becomes its characters
 *     FUSE           "<s> café"
 */
#include "text/tok/decode.h"

#include "text/tok/alphabet.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- lists of strings ----------------------------------------------------------------- */

/* Strings are appended to a single buffer, and only their ends are kept. The first line of the
 * example above is
 *
 *     text  <s>▁caf<0xC3><0xA9>          end  3, 9, 15, 21          ▁ has three bytes */
typedef struct {
    tok_buf text; /* the strings, one after the other */
    size_t *end;  /* (n) where each of them ends */
    size_t n, cap;
} list;

/* End the string whose bytes have been appended to l->text. */
static void list_close(list *l) { SP_PUSH(l->end, l->n, l->cap) = l->text.n; }

/* String i, borrowed. */
static tok_str list_at(const list *l, size_t i)
{
    size_t from = i ? l->end[i - 1] : 0;
    if (!l->text.p) return TOK_STR(""); /* all strings so far are empty */
    return (tok_str){l->text.p + from, l->end[i] - from};
}

static void list_free(list *l)
{
    tok_buf_free(&l->text);
    free(l->end);
}

/* ---- steps ---------------------------------------------------------------------------- */

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* In each string, a becomes b. */
static void step_replace(const tok_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        tok_str x = list_at(in, i);
        tok_buf_replace(&out->text, x.p, x.n, s->a, s->b);
        list_close(out);
    }
}

/* The sign for a space becomes a space; in the first token it vanishes, because encoding had put it
 * there. */
static void step_metaspace(const tok_step *s, const list *in, list *out)
{
    for (size_t i = 0; i < in->n; i++) {
        tok_str x = list_at(in, i);
        bool drop = i == 0 && s->scheme != TOK_NEVER;
        tok_buf_replace(&out->text, x.p, x.n, s->a, drop ? TOK_STR("") : TOK_STR(" "));
        list_close(out);
    }
}

/* Value of a token <0xNN>, or -1. Other characters than hex digits give numbers outside 0..15. */
static int byte_token(tok_str x)
{
    int hi, lo;
    if (x.n != 6 || memcmp(x.p, "<0x", 3) || x.p[5] != '>') return -1;
    hi = x.p[3] <= '9' ? x.p[3] - '0' : (x.p[3] | 32) - 'a' + 10;
    lo = x.p[4] <= '9' ? x.p[4] - '0' : (x.p[4] | 32) - 'a' + 10;
    return hi >= 0 && hi < 16 && lo >= 0 && lo < 16 ? hi << 4 | lo : -1;
}

/* End a run of byte tokens, if there is one: append it to `out` as one string and empty it. It
 * becomes its characters if it is UTF-8 as a whole, otherwise one U+FFFD a byte. */
static void flush_bytes(tok_buf *run, list *out)
{
    if (!run->n) return;
    if (sp_utf8_valid(run->p, run->n)) tok_buf_add(&out->text, run->p, run->n);
    else
        for (size_t i = 0; i < run->n; i++) tok_buf_add(&out->text, REPLACEMENT, 3);
    list_close(out);
    run->n = 0;
}

/* Runs of byte tokens become text, other tokens stay. */
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

/* All strings become one. */
static void step_fuse(const tok_step *s, const list *in, list *out)
{
    (void)s;
    tok_buf_add(&out->text, in->text.p, in->text.n);
    list_close(out);
}

/* The string a is taken off both ends of each token, at most start and stop times. */
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
        int byte = tok_byte_of_char(c);
        if (byte < 0) {
            b->n = before;
            tok_buf_add(b, x.p, x.n);
            return;
        }
        tok_buf_add(b, &(char){(char)byte}, 1);
    }
}

/* Byte-level pieces: characters back to bytes, then what is not UTF-8 to U+FFFD. All pieces become
 * one string first, because the bytes of a character may be spread over several of them. */
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

/* Run one step, from the list `in` to the empty list `out`. The reader of the decoder object makes
 * no other kinds than these (read_steps.c). */
static void run_step(const tok_step *s, const list *in, list *out)
{
    switch (s->kind) {
    case TOK_REPLACE: step_replace(s, in, out); break;
    case TOK_METASPACE: step_metaspace(s, in, out); break;
    case TOK_BYTE_FALLBACK: step_byte_fallback(s, in, out); break;
    case TOK_FUSE: step_fuse(s, in, out); break;
    case TOK_STRIP: step_strip(s, in, out); break;
    default: step_bytes(s, in, out); /* TOK_BYTES */
    }
}

/* Append the pieces of ids, one string each, without ids that are no piece and, if skip_special,
 * without special tokens. */
static void add_pieces(const tok_tables *t, const int32_t *ids, size_t n, bool skip_special,
                       list *out)
{
    for (size_t i = 0; i < n; i++) {
        if (!tok_vocab_has(&t->vocab, ids[i]) || (skip_special && t->special[ids[i]])) continue;
        tok_str piece = tok_vocab_piece(&t->vocab, ids[i]);
        if (t->join_spaces && out->n) tok_buf_add(&out->text, " ", 1);
        tok_buf_add(&out->text, piece.p, piece.n);
        list_close(out);
    }
}

/* Each step reads list a and writes list b, then they change places. Concatenating the strings
 * costs nothing at the end: the buffer of the list already is the text, and goes to the caller. */
tok_buf tok_decode(const tok_tables *t, const int32_t *ids, size_t n, bool skip_special)
{
    list a = {0}, b = {0};
    add_pieces(t, ids, n, skip_special, &a);
    for (size_t i = 0; i < t->decoder.n; i++) {
        run_step(&t->decoder.v[i], &a, &b);
        list swap = a;
        a = b, b = swap;
        b.n = b.text.n = 0;
    }
    tok_buf text = a.text;
    a.text = (tok_buf){0};
    list_free(&a);
    list_free(&b);
    return text;
}
