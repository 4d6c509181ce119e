/* rope.h - rotary position embedding: the halves of each query and key head are turned by
 * an angle that grows with the token's position.
 *
 * Pair i of a head of width d holds elements i and i + d/2 (the layout of Hugging Face
 * checkpoints). At position t it turns by the angle t * step_i, where
 *
 *     f_i = theta^(-2 i / d)
 *     PLAIN    step_i = f_i
 *     LINEAR   step_i = f_i / factor
 *     LLAMA3   step_i = f_i * (keep + (1 - keep) / factor),
 *              keep = (orig f_i / 2 pi - low) / (high - low), cut to 0 .. 1
 *
 * orig f_i / 2 pi is how often the pair turns within the original context: pairs that
 * turn more than `high` times are kept, those below `low` are slowed down by `factor`.
 * Source: Su et al. 2021 (RoFormer); for LLAMA3 the reference code of LLaMA 3.1.
 */
#ifndef SP_ROPE_H
#define SP_ROPE_H

#include "engine/config.h"
#include "engine/pack.h"

/* Cosines and sines of t * step_i for positions t < n. Starts as {0}. */
typedef struct {
    float *cos, *sin; /* (n, head_dim / 2) */
    int64_t n;
} sp_rope;

/* Grow the tables to at least n positions. */
void sp_rope_reserve(sp_rope *r, const sp_config *c, int64_t n);
void sp_rope_free(sp_rope *r);

/* Turn every head of x (N, n_heads * head_dim) by `sign` (1 or -1) times the angles of
 * its token's position. -1 undoes 1, and takes a gradient back through it. The tables
 * must reach sp_pack_reach(p). */
void sp_rope_turn(const sp_rope *r, const sp_pack *p, float *x, int64_t n_heads,
                  int64_t head_dim, int sign);

#endif
