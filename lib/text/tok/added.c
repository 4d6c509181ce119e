/* added.c - see added.h.
 *
 * The tokens of a pass are kept in byte order. Matching at one position of the text narrows the
 * range of those that agree with it, byte by byte; the last complete one seen is the longest:
 *
 *     text:          <    |    e    o    t    |    >   (end)
 *     <s>            in
 *     <|eot|>        in   in   in   in   in   in   in         complete: this one
 *     <|eot|>>       in   in   in   in   in   in   in         longer than the text
 *     <|start|>      in   in
 */
#include "text/tok/added.h"

#include "base/arith.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* The texts are compared one by one, because the sorted order does not exist before
 * tok_added_index. A replaced token keeps its place in v. */
void tok_added_put(tok_added_set *s, const tok_added *a)
{
    for (size_t i = 0; i < s->n; i++)
        if (tok_str_is(s->v[i].text, a->text.p, a->text.n)) {
            tok_str_free(&s->v[i].text);
            s->v[i] = *a;
            return;
        }
    SP_PUSH(s->v, s->n, s->cap) = *a;
}

/* Order of indices: by the bytes of the texts, a prefix before what it begins. */
static int by_text(const void *a, const void *b, void *set)
{
    const tok_added *v = ((tok_added_set *)set)->v;
    const tok_str *x = &v[*(const size_t *)a].text, *y = &v[*(const size_t *)b].text;
    int c = memcmp(x->p, y->p, SP_MIN(x->n, y->n));
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* Both passes get an array with room for all tokens, which is simpler than counting first. A token
 * with an empty text is left out: it has no first byte and can match nowhere. */
void tok_added_index(tok_added_set *s)
{
    for (int pass = TOK_IN_RAW; pass <= TOK_IN_NORMALIZED; pass++) {
        free(s->sorted[pass]);
        s->sorted[pass] = sp_xarray(s->n, sizeof *s->sorted[pass]);
        s->n_sorted[pass] = 0;
        memset(s->starts[pass], 0, sizeof s->starts[pass]);
        for (size_t i = 0; i < s->n; i++) {
            if (s->v[i].normalized != pass || !s->v[i].text.n) continue;
            s->sorted[pass][s->n_sorted[pass]++] = i;
            s->starts[pass][(unsigned char)s->v[i].text.p[0]] = true;
        }
        qsort_r(s->sorted[pass], s->n_sorted[pass], sizeof *s->sorted[pass], by_text, s);
    }
}

void tok_added_free(tok_added_set *s)
{
    for (size_t i = 0; i < s->n; i++) tok_str_free(&s->v[i].text);
    free(s->v);
    free(s->sorted[0]);
    free(s->sorted[1]);
    tok_regex_free(s->word);
    *s = (tok_added_set){0};
}

/* First place in sorted[lo..hi) of a token whose byte d is at least c. All of them agree before d;
 * those that end there sort first. */
static size_t lower(const tok_added_set *s, tok_pass pass, size_t lo, size_t hi, size_t d, int c)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const tok_str *t = &s->v[s->sorted[pass][mid]].text;
        int b = t->n > d ? (unsigned char)t->p[d] : -1;
        if (b < c) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* Longest token that the text s[0..n) starts with; NULL when there is none. Special tokens are
 * passed over unless `specials`, so that a shorter one which is not special can still match.
 *
 * sorted[lo..hi) are the tokens whose first d bytes agree with the text. If one of them ends there,
 * it is the first, because a prefix sorts before what it begins. */
static const tok_added *match_at(const tok_added_set *set, tok_pass pass, const char *s, size_t n,
                                 bool specials)
{
    const tok_added *best = NULL;
    size_t lo = 0, hi = set->n_sorted[pass];
    for (size_t d = 0; d < n && lo < hi; d++) {
        int c = (unsigned char)s[d];
        lo = lower(set, pass, lo, hi, d, c);
        hi = lower(set, pass, lo, hi, d, c + 1);
        if (lo == hi) break;
        const tok_added *a = &set->v[set->sorted[pass][lo]];
        if (a->text.n == d + 1 && (specials || !a->special)) best = a;
    }
    return best;
}

/* Start of the character that ends at s[i], i > 0: steps back over at most three continuation
 * bytes. */
static size_t char_before(const char *s, size_t i)
{
    size_t k = i - 1;
    while (k > 0 && i - k < 4 && ((unsigned char)s[k] & 0xC0) == 0x80) k--;
    uint32_t c;
    return k + sp_utf8_next(s + k, i - k, &c) == i ? k : i - 1;
}

/* Does s[0..n), n > 0, begin with a word character (letter, digit, _)? For ASCII no pattern is
 * needed. */
static bool is_word(const tok_added_set *set, const char *s, size_t n)
{
    uint32_t c;
    size_t len = sp_utf8_next(s, n, &c);
    if (c < 128) return c == '_' || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    return c != SP_UTF8_BAD && set->word && tok_regex_starts(set->word, s, len);
}

/* Is there no word character on either side of s[start..stop), in the text s[0..n)? The ends of the
 * text count as no word character. */
static bool stands_alone(const tok_added_set *set, const char *s, size_t n, size_t start,
                         size_t stop)
{
    size_t k = start > 0 ? char_before(s, start) : 0;
    return (start == 0 || !is_word(set, s + k, start - k)) &&
           (stop == n || !is_word(set, s + stop, n - stop));
}

/* Spread the match s[*start..*stop) over the white space that the token swallows: to the left as
 * far as `from`, where the previous token ended, to the right as far as n. */
static void widen(const tok_added *a, const char *s, size_t n, size_t from, size_t *start,
                  size_t *stop)
{
    uint32_t c = ' ';
    while (a->lstrip && *start > from) {
        size_t k = char_before(s, *start);
        sp_utf8_next(s + k, *start - k, &c);
        if (k < from || !sp_utf8_space(c)) break;
        *start = k;
    }
    while (a->rstrip && *stop < n) {
        size_t len = sp_utf8_next(s + *stop, n - *stop, &c);
        if (!sp_utf8_space(c)) break;
        *stop += len;
    }
}

/* At nearly every byte of a text no token begins, which `starts` tells by a single look-up. */
const tok_added *tok_added_find(const tok_added_set *set, tok_pass pass, const char *s, size_t n,
                                size_t from, bool specials, size_t *start, size_t *stop)
{
    for (size_t i = from; set->n_sorted[pass] && i < n; i++) {
        if (!set->starts[pass][(unsigned char)s[i]]) continue;
        const tok_added *a = match_at(set, pass, s + i, n - i, specials);
        if (!a) continue;
        *start = i;
        *stop = i + a->text.n;
        if (!a->single_word || stands_alone(set, s, n, *start, *stop)) {
            widen(a, s, n, from, start, stop);
            return a;
        }
        i = *stop - 1; /* not a word of its own: look on behind it */
    }
    return NULL;
}
