/* tok_pre.c - pre-tokenizers: each step cuts or rewrites a stretch of text and hands every part to
 * the next step; after the last one comes the model. Patterns run on PCRE2 with its JIT; bytes that
 * are not UTF-8 never match and so end up in parts between matches.
 */
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <string.h>

pcre2_code *tok_regex(const char *pattern, size_t n, sp_err *e)
{
    int code;
    PCRE2_SIZE at;
    PCRE2_UCHAR why[200];
    pcre2_code *re = pcre2_compile(
        (PCRE2_SPTR)pattern, n, PCRE2_UTF | PCRE2_UCP | PCRE2_MATCH_INVALID_UTF, &code, &at, NULL);
    if (!re) {
        pcre2_get_error_message(code, why, sizeof why);
        sp_fail(e, SP_EINPUT, "pattern \"%.*s\": %s at byte %zu", (int)SP_MIN(n, 300u), pattern,
                (char *)why, (size_t)at);
        return NULL;
    }
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without a JIT it only takes longer */
    return re;
}

/* The printable characters stand for themselves, the other 68 bytes for U+0100 and on, in order. */
static bool printable(unsigned b)
{
    return (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
}

uint32_t tok_byte_char(unsigned char b)
{
    if (printable(b)) return b;
    return b <= ' ' ? 0x100u + b : b <= 0xA0 ? 0x100u + 33 + (b - 0x7Fu) : 0x143;
}

int tok_char_byte(uint32_t c)
{
    if (c < 0x100) return printable(c) ? (int)c : -1;
    return c <= 0x120   ? (int)(c - 0x100)
           : c <= 0x142 ? (int)(c - 0x121 + 0x7F)
           : c == 0x143 ? 0xAD
                        : -1;
}

/* ---- splitting ------------------------------------------------------------------------ */

/* A part that may still grow: pieces of text come in order, matches of the pattern and what lies
 * between them. */
typedef struct {
    const sp_tok *t;
    tok_work *w;
    size_t next; /* step */
    const char *s;
    size_t from, to;
    bool some, match; /* there is a part; the piece that came last was a match */
    tok_place place;
} splitter;

static int flush_part(splitter *p)
{
    bool drop = !p->some || p->from == p->to;
    p->some = false;
    return drop ? 0
                : tok_pretokenize(p->t, p->w, p->next, p->s + p->from, p->to - p->from,
                                  p->from == 0 ? p->place : TOK_INSIDE);
}

static bool joins_last(const splitter *p, tok_behaviour how, bool match)
{
    if (!p->some) return false;
    switch (how) {
    case TOK_WITH_PREVIOUS: return match && !p->match;
    case TOK_WITH_NEXT: return !match && p->match;
    case TOK_CONTIGUOUS: return match == p->match;
    default: return false;
    }
}

static int add_piece(splitter *p, const tok_step *step, size_t from, size_t to, bool match)
{
    int rc = 0;
    if (from == to && !match) return 0;
    match ^= step->invert;
    if (!joins_last(p, step->behaviour, match)) {
        rc = flush_part(p);
        p->from = from;
        p->some = !(match && step->behaviour == TOK_REMOVED);
    }
    p->to = to;
    p->match = match;
    return rc;
}

/* Next match of the step in s[at..n): 1 with its range, 0 = none, -1 = error. */
static int next_match(const tok_step *step, tok_work *w, const char *s, size_t n, size_t at,
                      size_t *from, size_t *to)
{
    if (!step->re) {
        const char *hit = memmem(s + at, n - at, step->a.p, step->a.n);
        if (hit) *from = (size_t)(hit - s), *to = *from + step->a.n;
        return hit != NULL;
    }
    int rc = pcre2_match(step->re, (PCRE2_SPTR)s, n, at, 0, w->match, w->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(step->re, (PCRE2_SPTR)s, n, at, PCRE2_NO_JIT, w->match, w->limits);
    if (rc == PCRE2_ERROR_NOMATCH) return 0;
    if (rc < 0)
        return sp_fail(w->e, SP_EINPUT,
                       "the pre-tokenizer's pattern gives up on this text (PCRE2 error %d)", rc);
    const PCRE2_SIZE *range = pcre2_get_ovector_pointer(w->match);
    *from = SP_MAX(range[0], at); /* \K could move it */
    *to = SP_MAX(range[1], *from);
    return 1;
}

static int split(const sp_tok *t, tok_work *w, size_t at, const char *s, size_t n, tok_place place)
{
    const tok_step *step = &t->pre.v[at];
    splitter p = {.t = t, .w = w, .next = at + 1, .s = s, .place = place};
    size_t done = 0, from = 0, to = 0, look = 0;
    int rc = 0, more;
    while (rc == 0 && look <= n && (more = next_match(step, w, s, n, look, &from, &to))) {
        if (more < 0) return -1;
        look = to;
        rc = add_piece(&p, step, done, from, false);
        if (!rc) rc = add_piece(&p, step, from, to, true);
        done = to;
        /* an empty match cuts but holds nothing; the search goes on one character later */
        if (from == to) {
            uint32_t c;
            look += to < n ? sp_utf8_next(s + to, n - to, &c) : 1;
        }
    }
    if (!rc) rc = add_piece(&p, step, done, n, false);
    return rc ? rc : flush_part(&p);
}

/* ---- rewriting ------------------------------------------------------------------------ */

static void rewrite(const tok_step *step, tok_buf *b, const char *s, size_t n, tok_place place)
{
    static const tok_str space = {(char *)" ", 1};
    b->n = 0;
    if (step->kind == TOK_PREFIX_SPACE) {
        if (s[0] != ' ' && place != TOK_JOINED) tok_buf_add(b, " ", 1);
        tok_buf_add(b, s, n);
    } else if (step->kind == TOK_METASPACE) {
        bool has = s[0] == ' ' || (n >= step->a.n && !memcmp(s, step->a.p, step->a.n));
        if (!has && (step->scheme == TOK_ALWAYS ? place != TOK_JOINED
                                                : step->scheme == TOK_FIRST && place == TOK_BEGINS))
            tok_buf_add(b, step->a.p, step->a.n);
        tok_buf_replace(b, s, n, &space, &step->a);
    } else { /* TOK_BYTES */
        char c[4];
        for (size_t i = 0; i < n; i++)
            tok_buf_add(b, c, sp_utf8_put(c, tok_byte_char((unsigned char)s[i])));
    }
}

int tok_pretokenize(const sp_tok *t, tok_work *w, size_t at, const char *s, size_t n,
                    tok_place place)
{
    if (!n) return 0;
    if (at == t->pre.n) {
        if (n > INT32_MAX) return sp_fail(w->e, SP_EINPUT, "a word of more than 2 GiB");
        tok_bpe_word(t, w, s, n);
        return 0;
    }
    if (t->pre.v[at].kind == TOK_SPLIT) return split(t, w, at, s, n, place);
    tok_buf *b = &w->step[at];
    rewrite(&t->pre.v[at], b, s, n, place);
    return tok_pretokenize(t, w, at + 1, b->p, b->n, place);
}
