/* match.c - see match.h.
 *
 * Tensors are matched by name, whatever their order. Each function stops at the first tensor that
 * does not fit, and its message names the input, the tensor, what was found and what was expected.
 */
#include "patch/match.h"

int sp_match_tensor(const sp_src *s, const sp_tinfo *want, size_t *index, sp_err *e)
{
    int64_t i = sp_src_find(s, want->name);
    if (i < 0)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": missing", sp_src_name(s), want->name);
    if (index) *index = (size_t)i;
    const sp_tinfo *t = sp_src_info(s, (size_t)i);
    if (sp_same_shape(t, want)) return 0;
    char have[200], need[200];
    sp_shape_str(t, have, sizeof have);
    sp_shape_str(want, need, sizeof need);
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": shape %s, expected %s", sp_src_name(s),
                   t->name, have, need);
}

int sp_match_all(const sp_src *whole, const sp_src *part, sp_err *e)
{
    for (size_t i = 0; i < sp_src_count(part); i++)
        if (sp_match_tensor(whole, sp_src_info(part, i), NULL, e) < 0) return -1;
    return 0;
}

int sp_match_kind(const sp_src *s, size_t i, sp_kind kind, sp_err *e)
{
    const sp_tinfo *t = sp_src_info(s, i);
    bool floating = sp_dtype_is_float(t->dtype), mask = t->dtype == SP_BOOL;
    /* SP_SCORES takes both */
    if (kind == SP_FLOATS ? floating : kind == SP_BITS ? mask : floating || mask) return 0;
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected %s", sp_src_name(s),
                   t->name, sp_dtype_name(t->dtype),
                   kind == SP_BITS ? sp_dtype_name(SP_BOOL) : "floating point");
}

int sp_match_kinds(const sp_src *s, sp_kind kind, sp_err *e)
{
    for (size_t i = 0; i < sp_src_count(s); i++)
        if (sp_match_kind(s, i, kind, e) < 0) return -1;
    return 0;
}

int sp_match_nonfinite(const sp_src *s, const sp_tinfo *t, sp_err *e)
{
    return sp_fail(e, SP_EINPUT,
                   "%s: tensor \"%s\": holds NaN or Inf (--allow-nonfinite lets it pass)",
                   sp_src_name(s), t->name);
}
