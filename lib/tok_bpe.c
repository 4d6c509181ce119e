/* tok_bpe.c - from one pre-token to ids by merging pairs in the order of their ranks, leftmost first among equals.
 *
 * LLaMA-2 and Gemma have no pre-tokenizer: a whole book is one "word". Almost nowhere in it can a merge cross from a
 * letter to the next space, though, so the text is first cut wherever no merge ever joins the two characters
 * (tok_joins), which changes no token. A short stretch is merged by scanning for its best pair again and again; a long
 * one (a run of spaces) through a heap.
 */
#include "tok_int.h"

#include "utf8.h"

#include <stdlib.h>

#define SHORT 48 /* symbols up to which scanning beats the heap */

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

/* The characters of s as symbols; returns how many. What is no piece becomes bytes, or the unknown token, or nothing.
 */
static size_t split_symbols(const sp_tok *t, tok_work *w, const char *s, size_t n)
{
    size_t m = 0, len;
    bool was_unk = false;
    uint32_t c;
    if (n > w->sym_cap) {
        w->sym_cap = SP_MAX(n, w->sym_cap + w->sym_cap / 2);
        free(w->sym);
        w->sym = sp_xarray(w->sym_cap, sizeof *w->sym);
    }
    for (size_t i = 0; i < n; i += len) {
        len = sp_utf8_next(s + i, n - i, &c);
        int32_t id = char_to_id(t, s + i, len, c);
        bool bytes = id < 0 && has_bytes(t, s + i, len), unk = id < 0 && !bytes;
        for (size_t k = 0; bytes && k < len; k++) w->sym[m++].id = t->byte_id[(unsigned char)s[i + k]];
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

/* ---- a heap of (rank << 32 | position), smallest first --------------------------------------------------------- */

static void heap_push(tok_work *w, uint64_t key)
{
    if (w->heap_n == w->heap_cap) {
        w->heap_cap = SP_MAX(256, 2 * w->heap_cap);
        w->heap = sp_xrealloc(w->heap, w->heap_cap * sizeof *w->heap);
    }
    size_t i = w->heap_n++;
    for (; i > 0 && w->heap[(i - 1) / 4] > key; i = (i - 1) / 4) w->heap[i] = w->heap[(i - 1) / 4];
    w->heap[i] = key;
}

static uint64_t heap_pop(tok_work *w)
{
    uint64_t top = w->heap[0], key = w->heap[--w->heap_n];
    size_t i = 0, n = w->heap_n;
    for (size_t c; (c = 4 * i + 1) < n;) {
        size_t best = c, end = SP_MIN(c + 4, n);
        for (size_t k = c + 1; k < end; k++)
            if (w->heap[k] < w->heap[best]) best = k;
        if (w->heap[best] >= key) break;
        w->heap[i] = w->heap[best];
        i = best;
    }
    w->heap[i] = key;
    return top;
}

/* Pair symbol i with its successor and queue the merge, if there is one. */
static void queue_pair(const sp_tok *t, tok_work *w, int32_t i)
{
    tok_sym *a = &w->sym[i];
    a->rank = TOK_NONE;
    if (a->next < 0) return;
    pair_up(t, a, &w->sym[a->next]);
    if (a->rank != TOK_NONE) heap_push(w, (uint64_t)a->rank << 32 | (uint32_t)i);
}

/* The same as merge_short for any m, in O(m log m): symbols are a linked list, and queue entries that no longer hold
 * are recognised by their rank. */
static size_t merge_long(const sp_tok *t, tok_work *w, size_t m)
{
    tok_sym *sym = w->sym;
    w->heap_n = 0;
    for (size_t i = 0; i < m; i++) sym[i].prev = (int32_t)i - 1, sym[i].next = i + 1 < m ? (int32_t)i + 1 : -1;
    for (size_t i = 0; i < m; i++) queue_pair(t, w, (int32_t)i);
    while (w->heap_n) {
        uint64_t key = heap_pop(w);
        int32_t at = (int32_t)(uint32_t)key;
        tok_sym *a = &sym[at];
        if (a->id < 0 || a->rank != key >> 32) continue;
        tok_sym *b = &sym[a->next];
        a->id = a->into;
        b->id = -1; /* gone */
        a->next = b->next;
        if (a->next >= 0) sym[a->next].prev = at;
        queue_pair(t, w, at);
        if (a->prev >= 0) queue_pair(t, w, a->prev);
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

/* A whole word that is a piece, for models that look there first. Text must not become a special token by the back
 * door. */
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
