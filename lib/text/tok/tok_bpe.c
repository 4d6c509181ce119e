/* tok_bpe.c - from one pre-token to ids by merging pairs in the order of their ranks, leftmost
 * first among equals.
 *
 * LLaMA-2 and Gemma have no pre-tokenizer: a whole book is one "word". Almost nowhere in it can a
 * merge cross from a letter to the next space, though, so the text is first cut wherever no merge
 * ever joins the two characters (tok_joins), which changes no token. A short stretch is merged by
 * scanning for its best pair again and again; a long one (a run of spaces) by asking a tree.
 */
#include "text/tok/tok_int.h"

#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

#define FAN   16 /* a line of the cache */
#define SHORT 48 /* symbols up to which scanning beats the tree */

static int32_t char_to_id(const sp_tok *t, const char *s, size_t n, uint32_t c)
{
    return c < 0x800 ? t->char_id[c] : tok_vocab_find(&t->vocab, s, n);
}

static bool has_bytes(const sp_tok *t, const char *s, size_t n)
{
    bool all = t->byte_fallback;
    for (size_t i = 0; i < n; i++) all = all && t->byte_id[(unsigned char)s[i]] >= 0;
    return all;
}

/* The characters of s as symbols; returns how many. What is no piece becomes bytes, or the unknown
 * token, or nothing.
 */
static size_t split_symbols(const sp_tok *t, tok_work *w, const char *s, size_t n)
{
    size_t m = 0, len;
    bool was_unk = false;
    uint32_t c;
    if (n > w->sym_cap) {
        w->sym_cap = SP_MAX(n, w->sym_cap + w->sym_cap / 2);
        free(w->sym);
        /* in large pages */
        w->sym = (tok_sym *)sp_xfloats(w->sym_cap * (sizeof *w->sym / sizeof(float)));
    }
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

/* Look up what symbol a and its right neighbour b merge into. */
static void pair_up(const sp_tok *t, tok_sym *a, const tok_sym *b)
{
    const tok_merge *m = tok_merges_find(&t->merges, a->id, b->id);
    a->rank = m ? m->rank : TOK_NONE;
    a->into = m ? m->id : -1;
}

/* Merge m symbols in place by repeated scans; returns how many are left. */
static size_t merge_short(const sp_tok *t, tok_sym *sym, size_t m)
{
    for (size_t i = 0; i + 1 < m; i++) pair_up(t, &sym[i], &sym[i + 1]);
    while (m > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < m; i++)
            if (sym[i].rank < sym[best].rank) best = i;
        if (sym[best].rank == TOK_NONE) break;
        sym[best].id = sym[best].into;
        m--;
        for (size_t i = best + 1; i < m; i++) sym[i] = sym[i + 1];
        if (best + 1 < m) pair_up(t, &sym[best], &sym[best + 1]);
        if (best > 0) pair_up(t, &sym[best - 1], &sym[best]);
    }
    return m;
}

/* ---- a tree over the ranks of all symbols, for the smallest and among equals the leftmost ---- */

/* least of the FAN numbers at x */
static uint32_t least(const uint32_t *x)
{
    uint32_t best = x[0];
    for (int i = 1; i < FAN; i++) best = SP_MIN(best, x[i]);
    return best;
}

/* Room for m ranks, which the caller sets before tree_build. Number i of level k + 1 is the least
 * of numbers FAN i and on of level k; the last level is one number. */
static void tree_new(tok_tree *t, size_t m)
{
    size_t size[TOK_LEVELS], total = 0;
    t->n = 0;
    do {
        m = (m + FAN - 1) / FAN;
        total += size[t->n++] = m * FAN;
    } while (m > 1);
    if (total + 1 > t->cap) {
        free(t->level[0]);
        t->level[0] = (uint32_t *)sp_xfloats(t->cap = total + 1);
    }
    for (int k = 0; k < t->n; k++) t->level[k + 1] = t->level[k] + size[k];
    memset(t->level[0], 0xff, (total + 1) * sizeof(uint32_t)); /* TOK_NONE */
}

/* All levels above the ranks. */
static void tree_build(tok_tree *t, size_t m)
{
    for (int k = 0; k < t->n; k++) {
        m = (m + FAN - 1) / FAN;
        for (size_t i = 0; i < m; i++) t->level[k + 1][i] = least(t->level[k] + i * FAN);
    }
}

static void tree_set(tok_tree *t, size_t i, uint32_t rank)
{
    t->level[0][i] = rank;
    for (int k = 0; k < t->n; k++) {
        i /= FAN;
        uint32_t best = least(t->level[k] + i * FAN);
        if (t->level[k + 1][i] == best) return;
        t->level[k + 1][i] = best;
    }
}

/* Index of the leftmost smallest rank, -1 when none is set. That it is not left of `from` is known
 * where `best` is still the smallest; in a run of one character it is near. */
static int64_t tree_first(const tok_tree *t, uint32_t best, size_t from)
{
    size_t i = from, end = from / FAN * FAN + FAN;
    if (t->level[t->n][0] == best) {
        while (i < end && t->level[0][i] != best) i++;
        if (i < end) return (int64_t)i;
    }
    best = t->level[t->n][0];
    i = 0;
    for (int k = t->n; k > 0; k--)
        for (i *= FAN; t->level[k - 1][i] != best;) i++;
    return best == TOK_NONE ? -1 : (int64_t)i;
}

/* Pair symbol i with its successor; returns the rank of the merge, TOK_NONE if there is none. */
static uint32_t pair_next(const sp_tok *t, tok_work *w, int32_t i)
{
    tok_sym *a = &w->sym[i];
    a->rank = TOK_NONE;
    if (a->next >= 0) pair_up(t, a, &w->sym[a->next]);
    return a->rank;
}

/* The same as merge_short for any m, in O(m log m): symbols are a linked list. */
static size_t merge_long(const sp_tok *t, tok_work *w, size_t m)
{
    tok_sym *sym = w->sym;
    int64_t at, from = 0;
    uint32_t best = 0;
    tree_new(&w->tree, m);
    for (size_t i = 0; i < m; i++)
        sym[i].prev = (int32_t)i - 1, sym[i].next = i + 1 < m ? (int32_t)i + 1 : -1;
    for (size_t i = 0; i < m; i++) w->tree.level[0][i] = pair_next(t, w, (int32_t)i);
    tree_build(&w->tree, m);
    for (; (at = tree_first(&w->tree, best, (size_t)from)) >= 0;
         from = sym[at].prev >= 0 ? sym[at].prev : at) {
        tok_sym *a = &sym[at];
        int32_t gone = a->next;
        best = a->rank;
        a->id = a->into;
        a->next = sym[gone].next;
        if (a->next >= 0) sym[a->next].prev = (int32_t)at;
        tree_set(&w->tree, (size_t)gone, TOK_NONE);
        tree_set(&w->tree, (size_t)at, pair_next(t, w, (int32_t)at));
        if (a->prev >= 0) tree_set(&w->tree, (size_t)a->prev, pair_next(t, w, a->prev));
    }
    size_t k = 0;
    for (int32_t i = 0; i >= 0 && m; i = sym[i].next) sym[k++].id = sym[i].id;
    return k;
}

static void encode_stretch(const sp_tok *t, tok_work *w, const char *s, size_t n)
{
    size_t m = split_symbols(t, w, s, n);
    m = m <= SHORT ? merge_short(t, w->sym, m) : merge_long(t, w, m);
    for (size_t i = 0; i < m; i++) sp_ids_push(w->out, w->sym[i].id);
}

/* A whole word that is a piece, for models that look there first. Text must not become a special
 * token by the back door. */
static int32_t whole_word(const sp_tok *t, const tok_work *w, const char *s, size_t n)
{
    int32_t id = tok_vocab_find(&t->vocab, s, n);
    return id >= 0 && t->special[id] && (w->flags & SP_TOK_NO_LITERALS) ? -1 : id;
}

void tok_bpe_word(const sp_tok *t, tok_work *w, const char *s, size_t n)
{
    int32_t id = t->ignore_merges ? whole_word(t, w, s, n) : -1;
    if (id >= 0) {
        sp_ids_push(w->out, id);
        return;
    }
    size_t from = 0, len;
    uint32_t before = 0, c;
    for (size_t i = 0; t->cut && i < n; i += len, before = c) {
        len = sp_utf8_next(s + i, n - i, &c);
        if (i == 0 || tok_joins(&t->merges, before, c)) continue;
        encode_stretch(t, w, s + from, i - from);
        from = i;
    }
    if (from < n) encode_stretch(t, w, s + from, n - from);
}
