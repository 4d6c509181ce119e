/* contrast.h - two rows of logits for the same next token, combined into one: the
 * decoding-time defences.
 *
 *   SafeDecoding   z of the model, w of an expert that refuses more; only the first
 * tokens of an answer. Over the sample space V, the smallest top-r of both, r >= common,
 * that share at least `common` tokens: p(v) = max(p_z(v) + strength * (p_w(v) - p_z(v)),
 * 1e-8 if not positive), renormalised over V Self-CD        z with a careful system
 * prompt, w without: z - strength * (z - w), away from what the prompt adds ROSE z under
 * a careful system prompt, w under a reversed one: z - strength * w
 */
#ifndef SP_CONTRAST_H
#define SP_CONTRAST_H

#include "base/base.h"

typedef enum { SP_PLAIN, SP_SAFEDECODING, SP_SELF_CD, SP_ROSE } sp_contrast_kind;
#define SP_CONTRAST_CHOICES "plain|safedecoding|self-cd|rose"

typedef struct {
    sp_contrast_kind kind;
    double strength;
    /* SafeDecoding: tokens of an answer that are decoded jointly; then z alone */
    int64_t first;
    int64_t common; /* SafeDecoding: tokens that the sample space has at least */
} sp_contrast;

/* z (n) becomes the combination of z and w (n). SafeDecoding leaves log p on the sample
 * space and -infinity elsewhere; all NaN when one of the rows is no distribution. Not for
 * SP_PLAIN. */
void sp_contrast_logits(const sp_contrast *c, float *z, const float *w, int64_t n);

/* Does the token after `done` tokens of an answer take two rows? */
static inline bool sp_contrast_joint(const sp_contrast *c, int64_t done)
{
    return c->kind == SP_SAFEDECODING ? done < c->first : c->kind != SP_PLAIN;
}

#endif
