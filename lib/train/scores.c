/* scores.c - see scores.h.
 *
 * A gradient is scaled in place in parts of PART numbers, for each of which the same part of the
 * factor is read or widened. Scaling and the check for finite numbers are done before the write, so
 * that a stream never holds NaN or Inf.
 */
#include "train/scores.h"

#include "tensor/vec.h"
#include "train/weights.h"

#include <math.h>
#include <stdlib.h>

#define PART ((size_t)1 << 20) /* numbers worked on at a time */

void sp_scores_open(sp_scores *s) { s->values = sp_xfloats(PART); }
void sp_scores_close(sp_scores *s) { free(s->values); }

/* Return the number of p's tensor in the factor, or -1 with a message when it is missing or has
 * another shape. */
static int64_t find_factor(const sp_src *factor, const sp_param *p, sp_err *e)
{
    const char *name = sp_src_name(factor);
    int64_t at = sp_src_find(factor, p->name);
    if (at < 0) return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\" is missing", name, p->name);
    sp_tinfo want = sp_param_tensor(p, SP_F32);
    const sp_tinfo *found = sp_src_info(factor, (size_t)at);
    if (sp_same_shape(found, &want)) return at;
    char a[100], b[100];
    sp_shape_str(found, a, sizeof a), sp_shape_str(&want, b, sizeof b);
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": shape %s, expected %s", name, p->name, a, b);
}

/* Return numbers first .. first+n-1 of V for p, n <= PART, or NULL on error. They are borrowed:
 * they lie in s->values, or in the weights themselves where these are F32. */
static const float *factor_part(const sp_scores *s, const sp_param *p, size_t first, size_t n,
                                sp_err *e)
{
    if (!s->factor) return sp_param_part(p, first, n, s->values);
    int64_t at = find_factor(s->factor, p, e);
    if (at < 0 || sp_src_read_f32_part(s->factor, (size_t)at, first, n, s->values, e) < 0)
        return NULL;
    return s->values;
}

/* Divide g (n), which begins at number `first` of p, by the number of examples, and multiply it by
 * |V| where that is asked for. 0 or -1. */
static int scale(const sp_scores *s, const sp_param *p, size_t first, float *g, size_t n, sp_err *e)
{
    float c = (float)(1 / s->examples);
    for (size_t at = 0; at < n; at += PART) {
        size_t here = SP_MIN(n - at, PART);
        const float *v = s->times ? factor_part(s, p, first + at, here, e) : NULL;
        if (s->times && !v) return -1;
#pragma omp parallel for simd if (here > 16384)
        for (size_t i = 0; i < here; i++) g[at + i] = (v ? fabsf(v[i]) : 1) * (g[at + i] * c);
    }
    return 0;
}

int sp_scores_emit(void *self, sp_param *p, int64_t row, int64_t rows, float *g, sp_err *e)
{
    const sp_scores *s = self;
    size_t first = (size_t)(row * p->cols), n = (size_t)(rows * p->cols);
    if (s->each && scale(s, p, first, g, n, e) < 0) return -1;
    if (sp_first_nonfinite(g, n) >= 0)
        return sp_fail(e, SP_EINPUT, "tensor \"%s\": the gradient is not finite", p->name);
    return sp_dst_write(s->dst, g, n * sizeof *g, e);
}
