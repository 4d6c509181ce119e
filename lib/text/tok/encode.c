/* encode.c - see encode.h.
 *
 * Added tokens are cut out twice: those that are looked for in raw text first, those of normalised
 * text from what is left, after it has been normalised.
 *
 *     "<s>Hello <x>"                        raw pass finds <s>
 *      <s> | "Hello <x>"                    the rest is normalised
 *      <s> | "▁Hello▁<x>"                   normalised pass finds <x>
 *      <s> | "▁Hello▁" | <x>                the rest goes through pre-tokenizer and model
 */
#include "text/tok/encode.h"

#include "text/tok/bpe.h"
#include "text/tok/normalize.h"
#include "text/tok/pretokenize.h"

/* What one call needs besides the tables. */
typedef struct {
    const tok_tables *t;
    bool specials;
    tok_buf norm; /* normalised text */
    tok_pre pre;
    tok_bpe *bpe;
    sp_ids *out;
} work;

static int encode_pass(work *w, tok_pass pass, const char *s, size_t n, tok_place place, sp_err *e);

/* One part from the pre-tokenizer: to the model. */
static int encode_part(void *self, const char *s, size_t n, sp_err *e)
{
    work *w = self;
    if (n > INT32_MAX) return sp_fail(e, SP_EINPUT, "a word of more than 2 GiB");
    tok_bpe_word(w->t, w->bpe, s, n, w->specials, w->out);
    return 0;
}

/* A stretch between the added tokens of a pass: to the next pass, or to the pre-tokenizer. */
static int encode_between(work *w, tok_pass pass, const char *s, size_t n, tok_place place,
                          sp_err *e)
{
    if (pass == TOK_IN_NORMALIZED) return tok_pre_run(&w->pre, s, n, place, e);
    tok_normalize(&w->t->normalizer, s, n, place == TOK_GOES_ON, &w->norm);
    return encode_pass(w, TOK_IN_NORMALIZED, w->norm.p, w->norm.n, place, e);
}

/* Cut the added tokens of a pass out of s and encode what lies between. `place` is that of the
 * start of s. */
static int encode_pass(work *w, tok_pass pass, const char *s, size_t n, tok_place place, sp_err *e)
{
    size_t at = 0, start, stop;
    int rc = 0;
    while (rc == 0 && at < n) {
        const tok_added *a =
            tok_added_find(&w->t->added, pass, s, n, at, w->specials, &start, &stop);
        if (!a) start = stop = n;
        tok_place here = at == 0 ? place : TOK_FOLLOWS;
        if (start > at) rc = encode_between(w, pass, s + at, start - at, here, e);
        if (!rc && a) sp_ids_push(w->out, a->id);
        at = stop;
    }
    return rc;
}

int tok_encode(const tok_tables *t, const char *text, size_t n, bool specials, tok_place place,
               sp_ids *out, sp_err *e)
{
    work w = {.t = t, .specials = specials, .bpe = tok_bpe_new(), .out = out};
    tok_pre_open(&w.pre, &t->pre, n, encode_part, &w);
    int rc = encode_pass(&w, TOK_IN_RAW, text, n, place, e);
    tok_pre_close(&w.pre);
    tok_bpe_free(w.bpe);
    tok_buf_free(&w.norm);
    return rc;
}
