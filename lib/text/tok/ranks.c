/* ranks.c - see ranks.h.
 *
 * Number i of a level is the least of its FAN children on the level below, from FAN i on; the top
 * is one number, the least of all. FAN numbers are one line of the cache. Drawn with FAN = 2
 * (- is TOK_NO_RANK):
 *
 *     level 3                 0                     the least rank is 0 ...
 *     level 2         0               2
 *     level 1     1       0       2       -
 *     level 0   7   1   5   0   2   3   -   -       ... and its leftmost place is 3: walk down,
 *     index     0   1   2   3   4   5   6   7       at each level to the first child that has it
 *
 * A change of one rank is carried upwards until a level's number stays as it was.
 */
#include "text/tok/ranks.h"

#include "base/arith.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define FAN 16 /* 64 bytes */

/* The least of the FAN numbers at x. */
static uint32_t least(const uint32_t *x)
{
    uint32_t best = x[0];
    for (int i = 1; i < FAN; i++) best = SP_MIN(best, x[i]);
    return best;
}

void tok_ranks_reset(tok_ranks *r, size_t m)
{
    size_t size[TOK_LEVELS], total = 0;
    r->n = 0;
    do {
        m = (m + FAN - 1) / FAN;
        total += size[r->n++] = m * FAN;
    } while (m > 1);
    if (total + 1 > r->cap) {
        free(r->level[0]);
        /* aligned to a line, and in huge pages when large */
        r->level[0] = (uint32_t *)sp_xfloats(r->cap = total + 1);
    }
    for (int k = 0; k < r->n; k++) r->level[k + 1] = r->level[k] + size[k];
    memset(r->level[0], 0xff, (total + 1) * sizeof(uint32_t)); /* TOK_NO_RANK */
}

void tok_ranks_build(tok_ranks *r, size_t m)
{
    for (int k = 0; k < r->n; k++) {
        m = (m + FAN - 1) / FAN;
        for (size_t i = 0; i < m; i++) r->level[k + 1][i] = least(r->level[k] + i * FAN);
    }
}

void tok_ranks_set(tok_ranks *r, size_t i, uint32_t rank)
{
    r->level[0][i] = rank;
    for (int k = 0; k < r->n; k++) {
        i /= FAN;
        uint32_t best = least(r->level[k] + i * FAN);
        if (r->level[k + 1][i] == best) return;
        r->level[k + 1][i] = best;
    }
}

int64_t tok_ranks_first(const tok_ranks *r, uint32_t rank, size_t from)
{
    const uint32_t least_of_all = r->level[r->n][0];
    size_t i = from, end = from / FAN * FAN + FAN;
    if (least_of_all == TOK_NO_RANK) return -1;
    if (least_of_all == rank) { /* in a run of one character it is near */
        while (i < end && r->level[0][i] != rank) i++;
        if (i < end) return (int64_t)i;
    }
    i = 0;
    for (int k = r->n; k > 0; k--)
        for (i *= FAN; r->level[k - 1][i] != least_of_all;) i++;
    return (int64_t)i;
}

void tok_ranks_free(tok_ranks *r)
{
    free(r->level[0]);
    *r = (tok_ranks){0};
}
