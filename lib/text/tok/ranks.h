/* ranks.h - a tree over the ranks of a row of symbols, which finds the smallest rank and
 * among equals the leftmost. */
#ifndef TOK_RANKS_H
#define TOK_RANKS_H

#include <stddef.h>
#include <stdint.h>

#define TOK_NO_RANK UINT32_MAX
#define TOK_LEVELS  8 /* of 16 children each: enough for 2^32 ranks */

/* Zero-initialise; tok_ranks_free releases it. May be used again for other ranks. */
typedef struct {
    uint32_t *level[TOK_LEVELS + 1]; /* all in one array, owned by level[0] */
    int n;                           /* levels above the ranks themselves */
    size_t cap;
} tok_ranks;

/* Begin with m ranks, all TOK_NO_RANK. The caller then writes the ranks it has into
 * level[0][0..m) and calls tok_ranks_build. */
void tok_ranks_reset(tok_ranks *r, size_t m);
void tok_ranks_build(tok_ranks *r, size_t m);
/* Change rank i. O(log m). */
void tok_ranks_set(tok_ranks *r, size_t i, uint32_t rank);
/* Index of the leftmost of the smallest ranks. As a hint, the caller may know that if
 * `rank` is (still) the smallest, its leftmost place is not left of `from`; otherwise
 * from = 0 is always right.
 *   -1: all are TOK_NO_RANK */
int64_t tok_ranks_first(const tok_ranks *r, uint32_t rank, size_t from);
void tok_ranks_free(tok_ranks *r);

#endif
