/* pack.h - a batch of token sequences without padding: all their tokens side by side.
 *
 * Three sequences of 2, 4 and 3 tokens are N = 9 rows of every array (N, width):
 *
 *     token   0 1 | 2 3 4 5 | 6 7 8        start = {0, 2, 6, 9}
 *
 * Only attention looks across tokens, and it stays inside a sequence.
 */
#ifndef SP_PACK_H
#define SP_PACK_H

#include "base/arith.h"

#include <stdint.h>

typedef struct {
    int64_t n_seq;
    const int64_t *start; /* [n_seq + 1]: sequence s is tokens start[s] .. start[s+1]-1 */
    const int64_t *pos0;  /* [n_seq] position of the first token, that is, how many tokens
                             of the sequence came before this batch; NULL = all 0 */
    int64_t n;            /* tokens: start[n_seq] */
} sp_pack;

/* Tokens of sequence s in this batch. */
static inline int64_t sp_pack_len(const sp_pack *p, int64_t s)
{
    return p->start[s + 1] - p->start[s];
}

/* Position of the first of them in its sequence. */
static inline int64_t sp_pack_pos0(const sp_pack *p, int64_t s)
{
    return p->pos0 ? p->pos0[s] : 0;
}

/* One more than the largest position of any token. */
static inline int64_t sp_pack_reach(const sp_pack *p)
{
    int64_t reach = 0;
    for (int64_t s = 0; s < p->n_seq; s++)
        reach = SP_MAX(reach, sp_pack_pos0(p, s) + sp_pack_len(p, s));
    return reach;
}

#endif
