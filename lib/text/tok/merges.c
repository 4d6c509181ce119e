/* merges.c - see merges.h.
 *
 * Merges are kept in a list while they are read and go into the hash table (hash.h) all at once,
 * when their number is known. The filter over characters is a bit set: pairs of ASCII characters
 * have a bit of their own, all other pairs share the rest by their hash.
 */
#include "text/tok/merges.h"

#include "text/tok/hash.h"

#include "base/memory.h"

#include <stdlib.h>

#define FREE_SLOT  UINT64_MAX
#define JOINT_BITS (1u << 20) /* 128 KiB */
#define ASCII_BITS (128 * 128)

/* Ids are at least 0, so no pair equals FREE_SLOT. */
static uint64_t pair_of(int32_t left, int32_t right)
{
    return (uint64_t)left << 32 | (uint32_t)right;
}

/* The slot of a pair: where it is, or the free one where it belongs. There must be a table. At most
 * two thirds of its slots are taken, so the search ends. */
static tok_merge *find_slot(const tok_merges *m, uint64_t pair)
{
    size_t i = tok_home(pair, m->slots);
    while (m->slot[i].pair != pair && m->slot[i].pair != FREE_SLOT) i = (i + 1) & (m->slots - 1);
    return &m->slot[i];
}

void tok_merges_reserve(tok_merges *m, size_t n)
{
    m->list = sp_xgrow(m->list, &m->cap, n, sizeof *m->list);
}

void tok_merges_add(tok_merges *m, int32_t left, int32_t right, uint32_t rank, int32_t id)
{
    SP_PUSH(m->list, m->n, m->cap) = (tok_merge){pair_of(left, right), rank, id};
}

/* A pair that was added twice finds its own slot again and overwrites it, so the last one counts.
 * The list is released; the table is all that is left. */
void tok_merges_index(tok_merges *m)
{
    const size_t ahead = 16; /* nearly every slot is a cache miss, so it is asked for early */
    m->slots = 64;
    while (m->slots < m->n + m->n / 2) m->slots *= 2;
    m->slot = tok_table_new(m->slots, sizeof *m->slot, 0xff); /* all FREE_SLOT */
    for (size_t i = 0; i < m->n; i++) {
        if (i + ahead < m->n)
            __builtin_prefetch(&m->slot[tok_home(m->list[i + ahead].pair, m->slots)], 1);
        *find_slot(m, m->list[i].pair) = m->list[i];
    }
    free(m->list);
    m->list = NULL;
    m->cap = 0;
}

const tok_merge *tok_merges_find(const tok_merges *m, int32_t left, int32_t right)
{
    const tok_merge *k = find_slot(m, pair_of(left, right));
    return k->pair == FREE_SLOT ? NULL : k;
}

/* Number of the bit for (a, b). Bits below ASCII_BITS belong to one ASCII pair each, so the answer
 * for two ASCII characters is always exact. The hash of any other pair is kept out of them. */
static size_t joint_of(uint32_t a, uint32_t b)
{
    if ((a | b) < 128) return a << 7 | b;
    size_t i = tok_mix((uint64_t)a << 32 | b) >> 20 & (JOINT_BITS - 1);
    return i < ASCII_BITS ? i + ASCII_BITS : i;
}

void tok_joins_add(tok_merges *m, uint32_t a, uint32_t b)
{
    if (!m->joints) m->joints = sp_xcalloc(JOINT_BITS / 8, 1);
    size_t i = joint_of(a, b);
    m->joints[i >> 3] |= (uint8_t)(1u << (i & 7));
}

/* Without joints there are no merges, and nothing joins. */
bool tok_joins(const tok_merges *m, uint32_t a, uint32_t b)
{
    size_t i = joint_of(a, b);
    return m->joints && m->joints[i >> 3] >> (i & 7) & 1;
}

void tok_merges_free(tok_merges *m)
{
    free(m->list);
    free(m->slot);
    free(m->joints);
    *m = (tok_merges){0};
}
