/* contrast.c - see contrast.h.
 *
 * Self-CD and ROSE are sums of the two rows. SafeDecoding is not: it ranks both rows to find its
 * sample space, mixes probabilities there, and gives back their logarithms. A sampler takes any of
 * them as logits. Sums of exponentials are in double, since a row has as many terms as the
 * vocabulary has tokens.
 */
#include "eval/contrast.h"

#include "engine/softmax.h"
#include "eval/sample.h"

#include <math.h>
#include <stdlib.h>

#define FLOOR 1e-8 /* probability of a token in the sample space that the sum leaves none */

/* SafeDecoding's sample space as marks (n), owned by the caller: bit 0 where a token is in the top
 * r of z, bit 1 in that of w; 3 is in. r grows one token at a time, from the likeliest down:
 *
 *     r    top r of z    top r of w    shared, with common = 2
 *     2    a b           d b           b
 *     3    a b c         d b c         b c       enough */
static unsigned char *sample_space(const float *z, const float *w, int64_t n, int64_t common)
{
    unsigned char *mark = sp_xcalloc((size_t)n, 1);
    sp_ranking lists[2];
    int64_t both = 0;
    sp_ranking_open(&lists[0], z, n);
    sp_ranking_open(&lists[1], w, n);
    /* an id comes up once in each list, so its mark becomes 3 at most once */
    for (int64_t r = 0; r < n && both < common; r++)
        for (int l = 0; l < 2; l++) {
            int32_t id = sp_ranking_next(&lists[l]);
            if (id >= 0) both += (mark[id] |= (unsigned char)(1 << l)) == 3;
        }
    sp_ranking_close(&lists[0]);
    sp_ranking_close(&lists[1]);
    return mark;
}

/* Replace z (n) by log p on the sample space, -infinity elsewhere (contrast.h). The probability p
 * is computed over the whole vocabulary and renormalised over the sample space. Rows that are no
 * distribution give NaN throughout: the floor must not hide damaged weights. */
static void safe_decoding(const sp_contrast *c, float *z, const float *w, int64_t n)
{
    double lz = sp_log_total(z, n), lw = sp_log_total(w, n), total = 0;
    bool sound = isfinite(lz) && isfinite(lw);
    unsigned char *in = sample_space(z, w, n, c->common);
    for (int64_t i = 0; i < n; i++) {
        double pz = exp((double)z[i] - lz), p = pz + c->strength * (exp((double)w[i] - lw) - pz);
        if (p <= 0) p = FLOOR;
        if (in[i] == 3) total += p;
        z[i] = !sound ? NAN : in[i] == 3 ? (float)log(p) : -INFINITY;
    }
    for (int64_t i = 0; i < n; i++) z[i] -= (float)log(total);
    free(in);
}

/* Self-CD and ROSE are both keep * z + add * w:
 *
 *     Self-CD   z - s (z - w) = (1 - s) z + s w
 *     ROSE      z - s w */
void sp_contrast_logits(const sp_contrast *c, float *z, const float *w, int64_t n)
{
    if (c->kind == SP_SAFEDECODING) {
        safe_decoding(c, z, w, n);
        return;
    }
    bool self_cd = c->kind == SP_SELF_CD;
    float keep = self_cd ? (float)(1 - c->strength) : 1,
          add = (float)(self_cd ? c->strength : -c->strength);
    for (int64_t i = 0; i < n; i++) z[i] = keep * z[i] + add * w[i];
}
