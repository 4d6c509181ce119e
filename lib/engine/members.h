/* members.h - typed members of a JSON object that describes a model: each within its
 * limits, or refused by name.
 *
 * Functions return 0, or -1 with a message in r->e that names file and member.
 */
#ifndef SP_MEMBERS_H
#define SP_MEMBERS_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is read: everything is borrowed. */
typedef struct {
    const char *path;  /* of the file, for messages */
    const json_t *obj; /* NULL counts as an object without members */
    sp_err *e;
} sp_members;

/* *out = a whole number in lo .. hi. Where it is absent or null it is `fallback`; a
 * fallback below lo says that the member must be there. */
SP_MUST_CHECK int sp_member_int(const sp_members *r, const char *key, int64_t fallback,
                                int64_t lo, int64_t hi, int64_t *out);
/* *out = true or false; `fallback` where it is absent or null. */
SP_MUST_CHECK int sp_member_bool(const sp_members *r, const char *key, bool fallback,
                                 bool *out);
/* *out = a positive, finite number; `fallback` where it is absent or null. A fallback of
 * 0 says that the member must be there. */
SP_MUST_CHECK int sp_member_positive(const sp_members *r, const char *key,
                                     double fallback, double *out);

/* Is a member there and neither null nor false, nor an empty object or list? */
bool sp_member_on(const json_t *v);

/* Refuse every member that is on, is not among the n known keys and does not begin with
 * "_": what is not known might change the arithmetic. */
SP_MUST_CHECK int sp_members_known(const sp_members *r, const char *const *keys,
                                   size_t n);

#endif
