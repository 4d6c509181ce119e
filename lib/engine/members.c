/* members.c - see members.h.
 *
 * null counts as absent everywhere, as in the code that writes these files (Transformers saves None
 * as null).
 *
 * Each reader looks its member up and takes one of three ways: absent or null gives the fallback,
 * the right type within the limits gives the value, all else fails by name. Types are not guessed:
 * 4.0 is no whole number, and "true" no truth value.
 */
#include "engine/members.h"

#include <math.h>
#include <string.h>

int sp_member_int(const sp_members *r, const char *key, int64_t fallback, int64_t lo, int64_t hi,
                  int64_t *out)
{
    const json_t *v = json_object_get(r->obj, key);
    if (!v || json_is_null(v)) {
        if (fallback < lo) return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" is missing", r->path, key);
        *out = fallback;
        return 0;
    }
    if (!json_is_integer(v) || json_integer_value(v) < lo || json_integer_value(v) > hi)
        return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" must be a whole number in %lld..%lld", r->path,
                       key, (long long)lo, (long long)hi);
    *out = json_integer_value(v);
    return 0;
}

int sp_member_bool(const sp_members *r, const char *key, bool fallback, bool *out)
{
    const json_t *v = json_object_get(r->obj, key);
    /* a member of another type gives false here and fails below */
    *out = v && !json_is_null(v) ? json_is_true(v) : fallback;
    if (!v || json_is_null(v) || json_is_boolean(v)) return 0;
    return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" must be true or false", r->path, key);
}

int sp_member_positive(const sp_members *r, const char *key, double fallback, double *out)
{
    const json_t *v = json_object_get(r->obj, key);
    *out = v && !json_is_null(v) ? json_number_value(v) : fallback; /* 0 for what is no number */
    if (*out > 0 && isfinite(*out)) return 0;
    return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" must be a positive number", r->path, key);
}

bool sp_member_on(const json_t *v)
{
    bool empty =
        (json_is_object(v) && !json_object_size(v)) || (json_is_array(v) && !json_array_size(v));
    return v && !json_is_null(v) && !json_is_false(v) && !empty;
}

/* Is key one of the n keys? */
static bool is_known(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(key, keys[i])) return true;
    return false;
}

int sp_members_known(const sp_members *r, const char *const *keys, size_t n)
{
    json_t *obj = (json_t *)r->obj; /* jansson walks objects that are not const; nothing changes */
    for (void *at = json_object_iter(obj); at; at = json_object_iter_next(obj, at)) {
        const char *key = json_object_iter_key(at);
        bool harmless = key[0] == '_' || !sp_member_on(json_object_iter_value(at));
        if (harmless || is_known(key, keys, n)) continue;
        return sp_fail(r->e, SP_EINPUT,
                       "%s: \"%s\" is not supported: it might change the arithmetic "
                       "(--ignore-config %s lets it pass)",
                       r->path, key, key);
    }
    return 0;
}
