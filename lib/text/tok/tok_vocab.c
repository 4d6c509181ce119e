/* tok_vocab.c - byte buffers, and the two hash tables of a BPE model: piece -> id and (id, id) ->
 * merge.
 *
 * Both tables use open addressing with linear probing at a load of at most one half. All pieces lie
 * in one arena; a slot holds short pieces itself and of long ones a hash, so that a look-up rarely
 * needs to go there.
 */
#include "text/tok/tok_int.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- bytes ---------------------------------------------------------------------------- */

void tok_buf_add(tok_buf *b, const char *s, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = SP_MAX(2 * b->cap, b->n + n + 64);
        b->p = sp_xrealloc(b->p, b->cap);
    }
    if (n) memcpy(b->p + b->n, s, n);
    b->n += n;
}

void tok_buf_free(tok_buf *b)
{
    free(b->p);
    *b = (tok_buf){0};
}

tok_str tok_str_make(const char *s, size_t n)
{
    tok_str t = {sp_xmalloc(n + 1), n};
    if (n) memcpy(t.p, s, n);
    t.p[n] = 0;
    return t;
}

bool tok_str_is(const tok_str *a, const char *s, size_t n)
{
    return a->n == n && !memcmp(a->p, s, n);
}

void tok_buf_replace(tok_buf *b, const char *s, size_t n, const tok_str *from, const tok_str *to)
{
    const char *end = s + n, *hit;
    while ((hit = memmem(s, (size_t)(end - s), from->p, from->n))) {
        tok_buf_add(b, s, (size_t)(hit - s));
        tok_buf_add(b, to->p, to->n);
        s = hit + from->n;
    }
    tok_buf_add(b, s, (size_t)(end - s));
}

/* ---- pieces --------------------------------------------------------------------------- */

/* A table of n entries filled with `byte`. Probes jump all over it, so large ones ask for huge
 * pages: that halves the time to load Gemma. */
static void *table_new(size_t n, size_t size, int byte)
{
    const size_t huge = 2u << 20;
    size_t bytes = (n * size + huge - 1) / huge * huge;
    if (n * size < huge) return memset(sp_xarray(n, size), byte, n * size);
    void *p = aligned_alloc(huge, bytes);
    if (!p) sp_die(SP_ESYSTEM, "out of memory (%zu bytes asked for)", bytes);
    madvise(p, bytes, MADV_HUGEPAGE); /* no harm if refused */
    return memset(p, byte, n * size);
}

static uint64_t mix(uint64_t x)
{
    x *= 0x9E3779B97F4A7C15ull;
    return x ^ x >> 29;
}

/* Byte order does not matter: keys never leave the process. */
static uint64_t key_of(const char *s, size_t n)
{
    uint64_t h = n, w = 0;
    if (n <= 8) {
        for (size_t i = 0; i < n; i++) w = w << 8 | (unsigned char)s[i];
        return w;
    }
    for (; n > 8; s += 8, n -= 8) {
        memcpy(&w, s, 8);
        h = mix(h ^ w);
    }
    memcpy(&w, s + n - 8, 8);
    return mix(h ^ w);
}

static size_t home(uint64_t key, size_t len, size_t slots)
{
    return mix(mix(key + len)) >> 20 & (slots - 1);
}

/* The slot of a piece: where it is, or the free one where it belongs. */
static tok_slot *find_slot(const tok_vocab *v, uint64_t key, const char *s, size_t n)
{
    for (size_t i = home(key, n, v->slots);; i = (i + 1) & (v->slots - 1)) {
        tok_slot *k = &v->slot[i];
        if (!k->id1 || (k->key == key && k->len == n &&
                        (n <= 8 || !memcmp(v->text.p + v->off[k->id1 - 1], s, n))))
            return k;
    }
}

void tok_vocab_reserve(tok_vocab *v, size_t pieces)
{
    size_t old = v->slots, want = 64;
    if (2 * pieces <= old) return;
    while (want < 2 * pieces) want *= 2;
    tok_slot *slot = v->slot;
    v->slot = table_new(want, sizeof *slot, 0);
    v->slots = want;
    for (size_t k = 0; k < old; k++) {
        size_t i = home(slot[k].key, slot[k].len, want);
        if (!slot[k].id1) continue;
        while (v->slot[i].id1) i = (i + 1) & (want - 1);
        v->slot[i] = slot[k];
    }
    free(slot);
}

static void grow_ids(tok_vocab *v, size_t n)
{
    if (n > v->cap) {
        size_t cap = SP_MAX(n, 2 * v->cap);
        v->off = sp_xrealloc(v->off, cap * sizeof *v->off);
        v->len = sp_xrealloc(v->len, cap * sizeof *v->len);
        v->cap = cap;
    }
    for (; v->n < n; v->n++) v->off[v->n] = 0, v->len[v->n] = TOK_NONE;
}

int tok_vocab_add(tok_vocab *v, const char *s, size_t n, uint32_t id, sp_err *e)
{
    if (id >= TOK_MAX_ID)
        return sp_fail(e, SP_EINPUT, "piece \"%.*s\": id %u is beyond the limit of %d",
                       (int)SP_MIN(n, 100u), s, id, TOK_MAX_ID);
    if (v->text.n + n >= TOK_NONE) return sp_fail(e, SP_EINPUT, "more than 4 GiB of pieces");
    tok_vocab_reserve(v, v->used + 1);
    uint64_t key = key_of(s, n);
    tok_slot *k = find_slot(v, key, s, n);
    if (k->id1 == id + 1) return 0;
    if (k->id1)
        return sp_fail(e, SP_EINPUT, "piece \"%.*s\" has the ids %u and %u", (int)SP_MIN(n, 100u),
                       s, k->id1 - 1, id);
    if (tok_vocab_has(v, id))
        return sp_fail(e, SP_EINPUT, "id %u belongs to two pieces, \"%.*s\" is the second", id,
                       (int)SP_MIN(n, 100u), s);
    grow_ids(v, (size_t)id + 1);
    *k = (tok_slot){key, (uint32_t)n, id + 1};
    v->off[id] = (uint32_t)v->text.n;
    v->len[id] = (uint32_t)n;
    tok_buf_add(&v->text, s, n);
    v->used++;
    return 0;
}

int32_t tok_vocab_find(const tok_vocab *v, const char *s, size_t n)
{
    return v->slots ? (int32_t)find_slot(v, key_of(s, n), s, n)->id1 - 1 : -1;
}

void tok_vocab_prefetch(const tok_vocab *v, const char *s, size_t n)
{
    if (v->slots) __builtin_prefetch(&v->slot[home(key_of(s, n), n, v->slots)]);
}

bool tok_vocab_has(const tok_vocab *v, int64_t id)
{
    return id >= 0 && id < (int64_t)v->n && v->len[id] != TOK_NONE;
}

void tok_vocab_free(tok_vocab *v)
{
    tok_buf_free(&v->text);
    free(v->off);
    free(v->len);
    free(v->slot);
}

/* ---- merges --------------------------------------------------------------------------- */

static size_t merge_home(const tok_merges *m, uint64_t pair)
{
    return mix(mix(pair)) >> 20 & (m->slots - 1);
}

static tok_merge *merge_slot(const tok_merges *m, uint64_t pair)
{
    size_t i = merge_home(m, pair);
    while (m->slot[i].pair != pair && m->slot[i].pair != UINT64_MAX) i = (i + 1) & (m->slots - 1);
    return &m->slot[i];
}

void tok_merges_reserve(tok_merges *m, size_t n)
{
    if (n <= m->cap) return;
    m->cap = SP_MAX(n, 2 * m->cap);
    m->list = sp_xrealloc(m->list, m->cap * sizeof *m->list);
}

void tok_merges_add(tok_merges *m, int32_t left, int32_t right, uint32_t rank, int32_t id)
{
    tok_merges_reserve(m, m->n + 1);
    m->list[m->n++] = (tok_merge){(uint64_t)left << 32 | (uint32_t)right, rank, id};
}

void tok_merges_index(tok_merges *m)
{
    const size_t ahead = 16; /* prefetched, as nearly every slot is a cache miss */
    m->slots = 64;
    while (m->slots < m->n + m->n / 2) m->slots *= 2;
    m->slot = table_new(m->slots, sizeof *m->slot, 0xff);
    for (size_t i = 0; i < m->n; i++) {
        if (i + ahead < m->n)
            __builtin_prefetch(&m->slot[merge_home(m, m->list[i + ahead].pair)], 1);
        *merge_slot(m, m->list[i].pair) = m->list[i];
    }
    free(m->list);
    m->list = NULL;
}

const tok_merge *tok_merges_find(const tok_merges *m, int32_t left, int32_t right)
{
    const tok_merge *k = merge_slot(m, (uint64_t)left << 32 | (uint32_t)right);
    return k->pair == UINT64_MAX ? NULL : k;
}

/* Pairs of ASCII characters have a bit of their own, all others share the rest of the filter. */
static size_t joint_bit(uint32_t a, uint32_t b)
{
    if ((a | b) < 128) return a << 7 | b;
    size_t i = mix((uint64_t)a << 32 | b) >> 20 & ((1u << TOK_JOINT_BITS) - 1);
    return i < 128 * 128 ? i + 128 * 128 : i;
}

void tok_joint_add(tok_merges *m, uint32_t a, uint32_t b)
{
    if (!m->joint) m->joint = sp_xcalloc(1u << (TOK_JOINT_BITS - 3), 1);
    size_t i = joint_bit(a, b);
    m->joint[i >> 3] |= (uint8_t)(1u << (i & 7));
}

bool tok_joins(const tok_merges *m, uint32_t a, uint32_t b)
{
    size_t i = joint_bit(a, b);
    return m->joint && m->joint[i >> 3] >> (i & 7) & 1;
}

void tok_merges_free(tok_merges *m)
{
    free(m->list);
    free(m->slot);
    free(m->joint);
}
