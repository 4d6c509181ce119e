/* pretokenize.c - see pretokenize.h.
 *
 * Each step cuts or rewrites a stretch of text and hands what comes out on to the next step. So the
 * parts leave the last step from left to right, and no list of them is ever kept:
 *
 *     "Hi you" --Metaspace--> "▁Hi▁you" --Split--> "▁Hi"  --> part()
 *                                                  "▁you" --> part()
 *
 * Bytes that are not UTF-8 never match a pattern, so they end up in the parts between matches.
 */
#include "text/tok/pretokenize.h"

#include "text/tok/alphabet.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Run the steps from number `at` on. */
static int run_from(tok_pre *p, size_t at, const char *s, size_t n, tok_place place, sp_err *e);

/* ---- cutting -------------------------------------------------------------------------- */

/* Parts of a text on their way to the next step. Matches and what lies between them arrive as
 * pieces; a part is one or more pieces, as the step's behaviour says. */
typedef struct {
    tok_pre *pre;
    const tok_step *step;
    size_t next;     /* number of the step that gets the parts */
    const char *s;   /* the text */
    tok_place place; /* of the text */
    size_t from, to; /* the part that is growing is s[from..to) ... */
    bool some;       /* ... if there is one */
    bool match;      /* was its last piece a match? */
    sp_err *e;
} cutter;

/* Hand on the part that is growing, if there is one. */
static int end_part(cutter *c)
{
    bool some = c->some && c->to > c->from;
    c->some = false;
    if (!some) return 0;
    tok_place place = c->from == 0 ? c->place : TOK_FOLLOWS;
    return run_from(c->pre, c->next, c->s + c->from, c->to - c->from, place, c->e);
}

/* Does a piece belong to the part that the pieces before it have begun? */
static bool joins_part(const cutter *c, bool match)
{
    if (!c->some) return false;
    switch (c->step->behaviour) {
    case TOK_WITH_PREVIOUS: return match && !c->match;
    case TOK_WITH_NEXT: return !match && c->match;
    case TOK_CONTIGUOUS: return match == c->match;
    default: return false;
    }
}

/* Take up the piece s[from..to). */
static int add_piece(cutter *c, size_t from, size_t to, bool match)
{
    int rc = 0;
    if (from == to && !match) return 0;
    match ^= c->step->invert;
    if (!joins_part(c, match)) {
        rc = end_part(c);
        c->from = from;
        c->some = !(match && c->step->behaviour == TOK_REMOVED);
    }
    c->to = to;
    c->match = match;
    return rc;
}

/* The next match of a step in s[at..n); result as tok_regex_find. */
static int next_match(const tok_step *step, tok_matcher *m, const char *s, size_t n, size_t at,
                      size_t *from, size_t *to, sp_err *e)
{
    if (step->re) return tok_regex_find(step->re, m, s, n, at, from, to, e);
    const char *hit = memmem(s + at, n - at, step->a.p, step->a.n);
    if (!hit) return 0;
    *from = (size_t)(hit - s);
    *to = *from + step->a.n;
    return 1;
}

/* Step number `at`, a TOK_SPLIT. */
static int split(tok_pre *p, size_t at, const char *s, size_t n, tok_place place, sp_err *e)
{
    const tok_step *step = &p->steps->v[at];
    cutter c = {.pre = p, .step = step, .next = at + 1, .s = s, .place = place, .e = e};
    size_t done = 0, from = 0, to = 0, look = 0;
    int rc = 0, more;
    while (rc == 0 && look <= n &&
           (more = next_match(step, p->matcher, s, n, look, &from, &to, e))) {
        if (more < 0) return -1;
        rc = add_piece(&c, done, from, false);
        if (!rc) rc = add_piece(&c, from, to, true);
        done = look = to;
        /* an empty match cuts but holds nothing; the search goes on one character later */
        if (from == to) {
            uint32_t ch;
            look += to < n ? sp_utf8_next(s + to, n - to, &ch) : 1;
        }
    }
    if (!rc) rc = add_piece(&c, done, n, false);
    return rc ? rc : end_part(&c);
}

/* ---- rewriting ------------------------------------------------------------------------ */

/* Spaces become the sign a, and perhaps one sign goes first. */
static void rewrite_metaspace(const tok_step *step, tok_buf *b, const char *s, size_t n,
                              tok_place place)
{
    bool has = s[0] == ' ' || (n >= step->a.n && !memcmp(s, step->a.p, step->a.n));
    bool wanted = step->scheme == TOK_ALWAYS  ? place != TOK_GOES_ON
                  : step->scheme == TOK_FIRST ? place == TOK_BEGINS
                                              : false;
    if (wanted && !has) tok_buf_add(b, step->a.p, step->a.n);
    tok_buf_replace(b, s, n, TOK_STR(" "), step->a);
}

static void rewrite_bytes(tok_buf *b, const char *s, size_t n)
{
    char c[4];
    for (size_t i = 0; i < n; i++)
        tok_buf_add(b, c, sp_utf8_put(c, tok_char_of_byte((unsigned char)s[i])));
}

/* s[0..n), n > 0, as the step makes it, into *b. */
static void rewrite(const tok_step *step, tok_buf *b, const char *s, size_t n, tok_place place)
{
    b->n = 0;
    if (step->kind == TOK_METASPACE) rewrite_metaspace(step, b, s, n, place);
    else if (step->kind == TOK_BYTES) rewrite_bytes(b, s, n);
    else { /* TOK_PREFIX_SPACE */
        if (s[0] != ' ' && place != TOK_GOES_ON) tok_buf_add(b, " ", 1);
        tok_buf_add(b, s, n);
    }
}

/* ---- all steps ------------------------------------------------------------------------ */

static int run_from(tok_pre *p, size_t at, const char *s, size_t n, tok_place place, sp_err *e)
{
    if (!n) return 0;
    if (at == p->steps->n) return p->part(p->self, s, n, e);
    if (p->steps->v[at].kind == TOK_SPLIT) return split(p, at, s, n, place, e);
    tok_buf *b = &p->rewritten[at];
    rewrite(&p->steps->v[at], b, s, n, place);
    return run_from(p, at + 1, b->p, b->n, place, e);
}

int tok_pre_run(tok_pre *p, const char *s, size_t n, tok_place place, sp_err *e)
{
    return run_from(p, 0, s, n, place, e);
}

void tok_pre_open(tok_pre *p, const tok_steps *steps, size_t n, tok_part_fn *part, void *self)
{
    *p = (tok_pre){.steps = steps,
                   .part = part,
                   .self = self,
                   .matcher = tok_matcher_new(n),
                   .rewritten = sp_xcalloc(steps->n, sizeof(tok_buf))};
}

void tok_pre_close(tok_pre *p)
{
    tok_matcher_free(p->matcher);
    for (size_t i = 0; i < p->steps->n; i++) tok_buf_free(&p->rewritten[i]);
    free(p->rewritten);
}
