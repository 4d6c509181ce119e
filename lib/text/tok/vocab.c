/* vocab.c - see vocab.h.
 *
 * All pieces lie in one buffer; by id one finds offset and length, by text a slot of the hash
 * table (hash.h). A slot holds a short piece itself, packed into 64 bits, and of a long one a hash,
 * so that a look-up rarely has to go to the text:
 *
 *     slot   key         len  id1                 text  ... the▁there ...
 *      17    "the"         3    45                           ^  ^
 *      18    (free)              0                span[44] --+  |
 *      19    hash(..)     10   901                span[900] ----+
 */
#include "text/tok/vocab.h"

#include "text/tok/hash.h"

#include "base/arith.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define NO_PIECE UINT32_MAX

/* Bytes s[0..n) packed into a number where n <= 8, which together with n is the piece itself; else
 * a hash. Byte order does not matter, because keys never leave the process. */
static uint64_t key_of(const char *s, size_t n)
{
    uint64_t h = n, w = 0;
    if (n <= 8) {
        for (size_t i = 0; i < n; i++) w = w << 8 | (unsigned char)s[i];
        return w;
    }
    for (; n > 8; s += 8, n -= 8) {
        memcpy(&w, s, 8);
        h = tok_mix(h ^ w);
    }
    memcpy(&w, s + n - 8, 8); /* the last 8 bytes, some of them for the second time */
    return tok_mix(h ^ w);
}

/* The length goes in because "a" and "\0a" have the same key and should not begin at the same
 * slot. */
static size_t home(uint64_t key, size_t len, size_t slots) { return tok_home(key + len, slots); }

/* The slot of a piece: where it is, or the free one where it belongs. There must be a table. It is
 * at most half full, so the search ends. Of a piece of up to 8 bytes, key and length decide; only
 * for a longer one the text has to be compared. */
static tok_slot *find_slot(const tok_vocab *v, uint64_t key, const char *s, size_t n)
{
    for (size_t i = home(key, n, v->slots);; i = (i + 1) & (v->slots - 1)) {
        tok_slot *k = &v->slot[i];
        if (!k->id1 || (k->key == key && k->len == n &&
                        (n <= 8 || !memcmp(v->text.p + v->span[k->id1 - 1].off, s, n))))
            return k;
    }
}

/* Slots are moved to the larger table by key and length alone. The pieces are known to differ, so
 * nothing is compared and the text is not touched. */
void tok_vocab_reserve(tok_vocab *v, size_t pieces)
{
    size_t old = v->slots, want = 64;
    if (2 * pieces <= old) return;
    while (want < 2 * pieces) want *= 2;
    tok_slot *slot = v->slot;
    v->slot = tok_table_new(want, sizeof *slot, 0);
    v->slots = want;
    for (size_t k = 0; k < old; k++) {
        size_t i = home(slot[k].key, slot[k].len, want);
        if (!slot[k].id1) continue;
        while (v->slot[i].id1) i = (i + 1) & (want - 1);
        v->slot[i] = slot[k];
    }
    free(slot);
}

/* Let ids up to n - 1 exist; the new ones have no piece. */
static void grow_ids(tok_vocab *v, size_t n)
{
    while (v->n < n) SP_PUSH(v->span, v->n, v->cap) = (tok_span){0, NO_PIECE};
}

/* All checks come before the first change, so the pieces stay as they were when one is refused.
 * Growing the table comes before the search, because it would move the slot that was found. */
int tok_vocab_add(tok_vocab *v, const char *s, size_t n, uint32_t id, sp_err *e)
{
    int shown = (int)SP_MIN(n, 100u); /* bytes of the piece in a message */
    if (id >= TOK_MAX_ID)
        return sp_fail(e, SP_EINPUT, "piece \"%.*s\": id %u is beyond the limit of %d", shown, s,
                       id, TOK_MAX_ID);
    if (v->text.n + n >= UINT32_MAX) return sp_fail(e, SP_EINPUT, "more than 4 GiB of pieces");
    tok_vocab_reserve(v, v->used + 1);
    uint64_t key = key_of(s, n);
    tok_slot *k = find_slot(v, key, s, n);
    if (k->id1 == id + 1) return 0;
    if (k->id1)
        return sp_fail(e, SP_EINPUT, "piece \"%.*s\" has the ids %u and %u", shown, s, k->id1 - 1,
                       id);
    if (tok_vocab_has(v, id))
        return sp_fail(e, SP_EINPUT, "id %u belongs to two pieces, \"%.*s\" is the second", id,
                       shown, s);
    grow_ids(v, (size_t)id + 1);
    *k = (tok_slot){key, (uint32_t)n, id + 1};
    v->span[id] = (tok_span){(uint32_t)v->text.n, (uint32_t)n};
    tok_buf_add(&v->text, s, n);
    v->used++;
    return 0;
}

/* A free slot has id1 = 0, which gives -1. */
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
    return id >= 0 && id < (int64_t)v->n && v->span[id].len != NO_PIECE;
}

tok_str tok_vocab_piece(const tok_vocab *v, int32_t id)
{
    return (tok_str){v->text.p + v->span[id].off, v->span[id].len};
}

void tok_vocab_free(tok_vocab *v)
{
    tok_buf_free(&v->text);
    free(v->span);
    free(v->slot);
    *v = (tok_vocab){0};
}
