/* contrast.h - decoding-time defences: two rows of logits for the same next token,
 * combined into one.
 *
 * z is the logits of the first context, w those of the second; p_z, p_w their softmax.
 *
 *   SafeDecoding  w of an expert that refuses more; only the first tokens of an answer.
 *                 Over the sample space V, which is what the top r of both lists share,
 *                 with the smallest r >= common for which they share at least `common`:
 *                     p(v) = p_z(v) + strength * (p_w(v) - p_z(v)), but 1e-8 where that
 *                     is not positive, renormalised over V
 *   Self-CD       z with a careful system prompt, w without, away from what the prompt
 *                 adds:
 *                     z - strength * (z - w)
 *   ROSE          z under a careful system prompt, w under a reversed one:
 *                     z - strength * w
 */
#ifndef SP_CONTRAST_H
#define SP_CONTRAST_H

#include "base/base.h"

typedef enum { SP_PLAIN, SP_SAFEDECODING, SP_SELF_CD, SP_ROSE } sp_contrast_kind;
#define SP_CONTRAST_CHOICES "plain|safedecoding|self-cd|rose"

typedef struct {
    sp_contrast_kind kind; /* SP_PLAIN: no defence, one context */
    double strength;
    int64_t first;  /* SafeDecoding: tokens of an answer that both choose; then z alone */
    int64_t common; /* SafeDecoding: tokens that the sample space has at least */
} sp_contrast;

/* z (n) becomes the combination of z and w (n). SafeDecoding leaves log p on the sample
 * space and -infinity elsewhere; all NaN when one of the rows is no distribution. Not for
 * SP_PLAIN. */
void sp_contrast_logits(const sp_contrast *c, float *z, const float *w, int64_t n);

/* Do both contexts choose the token after `done` tokens of an answer? */
static inline bool sp_contrast_joint(const sp_contrast *c, int64_t done)
{
    return c->kind == SP_SAFEDECODING ? done < c->first : c->kind != SP_PLAIN;
}

#endif
