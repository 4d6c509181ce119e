/* rope.c - see rope.h.
 *
 * Tables in F32 are made from angles in double: at position 100 000 an angle in F32 would be off
 * by 0.004.
 *
 * Row t of the tables holds the cosines and sines of position t, one for each pair of elements; all
 * heads of a token read the same row. For a head of width d = 6, h = d / 2:
 *
 *     elements    0   1   2 | 3   4   5          pair i is elements i and i + h
 *     pairs       0   1   2 | 0   1   2          entry i of row t turns pair i
 */
#include "engine/rope.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

/* ---- tables --------------------------------------------------------------------------- */

/* Return step_i of rope.h, the angle by which pair i turns from a position to the next. */
static double angle_step(const sp_config *c, int64_t i)
{
    double f = pow(c->rope_theta, -2.0 * (double)i / (double)c->head_dim);
    if (c->rope == SP_ROPE_LINEAR) return f / c->rope_factor;
    if (c->rope != SP_ROPE_LLAMA3) return f;
    double turns = c->rope_orig * f / (2 * M_PI);
    double keep = (turns - c->rope_low) / (c->rope_high - c->rope_low);
    keep = keep < 0 ? 0 : keep > 1 ? 1 : keep;
    return f * (keep + (1 - keep) / c->rope_factor);
}

void sp_rope_reserve(sp_rope *r, const sp_config *c, int64_t n)
{
    if (n <= r->n) return;
    n = SP_MAX(n, 2 * r->n); /* generation asks for one more each step */
    int64_t half = c->head_dim / 2;
    sp_rope_free(r); /* computed anew: all values depend on t and i alone */
    *r = (sp_rope){sp_xfloats((size_t)(n * half)), sp_xfloats((size_t)(n * half)), n};
#pragma omp parallel for
    for (int64_t i = 0; i < half; i++) {
        double step = angle_step(c, i);
        for (int64_t t = 0; t < n; t++) {
            r->cos[t * half + i] = (float)cos((double)t * step);
            r->sin[t * half + i] = (float)sin((double)t * step);
        }
    }
}

void sp_rope_free(sp_rope *r)
{
    free(r->cos);
    free(r->sin);
    *r = (sp_rope){0};
}

/* ---- turning -------------------------------------------------------------------------- */

/* Turn one head x (2 * half), given cosines c and sines s of its position: pair (a, b) becomes (a c
 * - b s, b c + a s), where s counts times sign. */
static void turn_head(float *x, const float *c, const float *s, int64_t half, float sign)
{
    for (int64_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * c[i] - sign * b * s[i];
        x[i + half] = b * c[i] + sign * a * s[i];
    }
}

void sp_rope_turn(const sp_rope *r, const sp_pack *p, float *x, int64_t n_heads, int64_t head_dim,
                  int sign)
{
    int64_t half = head_dim / 2;
    for (int64_t s = 0; s < p->n_seq; s++) {
        int64_t len = sp_pack_len(p, s), first = p->start[s], pos0 = sp_pack_pos0(p, s);
#pragma omp parallel for if (len * n_heads * head_dim > 16384)
        for (int64_t t = 0; t < len; t++) {
            const float *c = r->cos + (pos0 + t) * half, *sn = r->sin + (pos0 + t) * half;
            for (int64_t h = 0; h < n_heads; h++)
                turn_head(x + ((first + t) * n_heads + h) * head_dim, c, sn, half, (float)sign);
        }
    }
}
