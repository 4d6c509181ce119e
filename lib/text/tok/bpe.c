/* bpe.c - see bpe.h.
 *
 * A text begins as a row of symbols, one for each character (or byte, <0xNN>, of a character that
 * is no piece). Of all neighbours that merge, the pair with the lowest rank becomes one symbol, the
 * leftmost pair among equals; that goes on until no neighbours merge.
 *
 *     merges, by rank:   0: a a -> aa     1: aa a -> aaa     2: a b -> ab     3: aaa ab -> aaaab
 *
 *     symbols            rank of each with its right neighbour
 *     a  a  a  a  b      0 0 0 2 -       three pairs of rank 0: the leftmost goes first
 *     aa a  a  b         1 0 2 -         a a, for 0 comes before 1
 *     aa aa b            - - -           aa aa and aa b do not merge: the end
 *
 * Had the second step taken "aa a" (as a greedy walk from the left would), the result would be
 * aaa ab and then aaaab: the order of ranks decides, not the length of the pieces.
 *
 * Two ways to find the next pair give the same result. A short stretch is scanned again for every
 * merge. In a long one (a run of spaces) the symbols are a linked list and a tree holds their ranks
 * (ranks.h):
 *
 *     slot       0    1    2    3    4
 *     symbol     a    a    a    a    b        first: slot 0, with its successor 1
 *     rank       0    0    0    2    -
 *
 *     symbol     aa   .    a    a    b        slot 1 has left the list; only the ranks of slots 0
 *     rank       1    -    0    2    -        and 1, and of 0's predecessor, had to be set anew
 *
 * LLaMA-2 and Gemma have no pre-tokenizer: a whole book is one "word". Almost nowhere in it can a
 * merge cross from a letter to the next space, though. So the text is first cut wherever no merge
 * ever joins the two characters (tok_joins), which changes no token and keeps stretches short.
 */
#include "text/tok/bpe.h"

#include "text/tok/ranks.h"

#include "base/arith.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>

#define SHORT 48 /* symbols up to which scanning beats the tree */

typedef struct {
    int32_t id;
    int32_t prev, next; /* neighbours in the list, -1 = none; merge_long only */
    uint32_t rank;      /* of the merge with the right neighbour, TOK_NO_RANK = none */
    int32_t into;       /* its result */
} symbol;

struct tok_bpe {
    symbol *sym; /* (cap) */
    size_t cap;
    tok_ranks ranks;
};

tok_bpe *tok_bpe_new(void) { return sp_xcalloc(1, sizeof(tok_bpe)); }

void tok_bpe_free(tok_bpe *w)
{
    if (!w) return;
    free(w->sym);
    tok_ranks_free(&w->ranks);
    free(w);
}

/* ---- text to symbols ------------------------------------------------------------------ */

/* Id of the character c, which is s[0..n), or -1. */
static int32_t char_to_id(const tok_tables *t, const char *s, size_t n, uint32_t c)
{
    return c < 0x800 ? t->char_id[c] : tok_vocab_find(&t->vocab, s, n);
}

/* Is each byte of s a piece <0xNN>? */
static bool has_bytes(const tok_tables *t, const char *s, size_t n)
{
    bool all = t->byte_fallback;
    for (size_t i = 0; i < n; i++) all = all && t->byte_id[(unsigned char)s[i]] >= 0;
    return all;
}

static void reserve(tok_bpe *w, size_t n)
{
    if (n <= w->cap) return;
    w->cap = SP_MAX(n, w->cap + w->cap / 2);
    free(w->sym);
    /* huge pages when large */
    w->sym = (symbol *)sp_xfloats(w->cap * (sizeof *w->sym / sizeof(float)));
}

/* The characters of s as symbols; returns how many. What is no piece becomes bytes, or the unknown
 * token, or nothing. */
static size_t split_symbols(const tok_tables *t, tok_bpe *w, const char *s, size_t n)
{
    size_t m = 0, len;
    bool was_unk = false;
    uint32_t c;
    reserve(w, n); /* a character has at least one byte */
    for (size_t i = 0; i < n; i += len) {
        len = sp_utf8_next(s + i, n - i, &c);
        int32_t id = char_to_id(t, s + i, len, c);
        bool bytes = id < 0 && has_bytes(t, s + i, len), unk = id < 0 && !bytes;
        for (size_t k = 0; bytes && k < len; k++)
            w->sym[m++].id = t->byte_id[(unsigned char)s[i + k]];
        if (unk) id = t->unk;
        if (id >= 0 && !(unk && was_unk && t->fuse_unk)) w->sym[m++].id = id;
        was_unk = unk;
    }
    return m;
}

/* ---- merging -------------------------------------------------------------------------- */

/* Look up what symbol a and its right neighbour b merge into. */
static void pair_up(const tok_tables *t, symbol *a, const symbol *b)
{
    const tok_merge *m = tok_merges_find(&t->merges, a->id, b->id);
    a->rank = m ? m->rank : TOK_NO_RANK;
    a->into = m ? m->id : -1;
}

/* Merge m symbols in place by repeated scans; returns how many are left. */
static size_t merge_short(const tok_tables *t, symbol *sym, size_t m)
{
    for (size_t i = 0; i + 1 < m; i++) pair_up(t, &sym[i], &sym[i + 1]);
    while (m > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < m; i++)
            if (sym[i].rank < sym[best].rank) best = i;
        if (sym[best].rank == TOK_NO_RANK) break;
        sym[best].id = sym[best].into;
        m--;
        for (size_t i = best + 1; i < m; i++) sym[i] = sym[i + 1];
        if (best + 1 < m) pair_up(t, &sym[best], &sym[best + 1]);
        if (best > 0) pair_up(t, &sym[best - 1], &sym[best]);
    }
    return m;
}

/* Make the first m symbols a linked list, and the ranks of their pairs a tree. */
static void link_symbols(const tok_tables *t, tok_bpe *w, size_t m)
{
    symbol *sym = w->sym;
    tok_ranks_reset(&w->ranks, m);
    for (size_t i = 0; i < m; i++) {
        sym[i].prev = (int32_t)i - 1;
        sym[i].next = i + 1 < m ? (int32_t)i + 1 : -1;
        sym[i].rank = TOK_NO_RANK;
        if (i + 1 < m) pair_up(t, &sym[i], &sym[i + 1]);
        w->ranks.level[0][i] = sym[i].rank;
    }
    tok_ranks_build(&w->ranks, m);
}

/* Pair symbol i with its successor, if it has one, and tell the tree. */
static void pair_next(const tok_tables *t, tok_bpe *w, int32_t i)
{
    symbol *a = &w->sym[i];
    a->rank = TOK_NO_RANK;
    if (a->next >= 0) pair_up(t, a, &w->sym[a->next]);
    tok_ranks_set(&w->ranks, (size_t)i, a->rank);
}

/* Merge symbol `at` with its successor, which leaves the list. */
static void merge_at(const tok_tables *t, tok_bpe *w, int32_t at)
{
    symbol *sym = w->sym, *a = &sym[at];
    int32_t gone = a->next;
    a->id = a->into;
    a->next = sym[gone].next;
    if (a->next >= 0) sym[a->next].prev = at;
    tok_ranks_set(&w->ranks, (size_t)gone, TOK_NO_RANK);
    pair_next(t, w, at);
    if (a->prev >= 0) pair_next(t, w, a->prev);
}

/* The same as merge_short for any m, in O(m log m). */
static size_t merge_long(const tok_tables *t, tok_bpe *w, size_t m)
{
    symbol *sym = w->sym;
    uint32_t rank = 0;
    int64_t at, from = 0;
    link_symbols(t, w, m);
    while ((at = tok_ranks_first(&w->ranks, rank, (size_t)from)) >= 0) {
        rank = sym[at].rank;
        merge_at(t, w, (int32_t)at);
        /* Nothing left of `at` had this rank; only its predecessor has a new pair. */
        from = sym[at].prev >= 0 ? sym[at].prev : at;
    }
    size_t k = 0;
    for (int32_t i = 0; i >= 0; i = sym[i].next) sym[k++].id = sym[i].id;
    return k;
}

static void encode_stretch(const tok_tables *t, tok_bpe *w, const char *s, size_t n, sp_ids *out)
{
    size_t m = split_symbols(t, w, s, n);
    m = m <= SHORT ? merge_short(t, w->sym, m) : merge_long(t, w, m);
    for (size_t i = 0; i < m; i++) sp_ids_push(out, w->sym[i].id);
}

/* ---- words ---------------------------------------------------------------------------- */

/* Id of a whole word that is a piece, for models that look there first; -1 = it is none, or a
 * special token where those are not wanted (text must not become one by the back door). */
static int32_t whole_word(const tok_tables *t, const char *s, size_t n, bool specials)
{
    int32_t id = tok_vocab_find(&t->vocab, s, n);
    return id >= 0 && t->special[id] && !specials ? -1 : id;
}

void tok_bpe_word(const tok_tables *t, tok_bpe *w, const char *s, size_t n, bool specials,
                  sp_ids *out)
{
    int32_t id = t->ignore_merges ? whole_word(t, s, n, specials) : -1;
    if (id >= 0) {
        sp_ids_push(out, id);
        return;
    }
    size_t from = 0, len;
    uint32_t before = 0, c;
    for (size_t i = 0; t->cut && i < n; i += len, before = c) {
        len = sp_utf8_next(s + i, n - i, &c);
        if (i == 0 || tok_joins(&t->merges, before, c)) continue;
        encode_stretch(t, w, s + from, i - from, out);
        from = i;
    }
    if (from < n) encode_stretch(t, w, s + from, n - from, out);
}
