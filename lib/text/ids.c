/* ids.c - see ids.h.
 *
 * Lists grow by doubling, so that a text of a million tokens costs a handful of moves. In memory an
 * id is an int32_t; in JSON it is any whole number, so its range is checked when it is read.
 */
#include "text/ids.h"

#include "base/memory.h"

#include <stdlib.h>

void sp_ids_push(sp_ids *v, int32_t id) { SP_PUSH(v->ids, v->n, v->cap) = id; }

void sp_ids_free(sp_ids *v)
{
    free(v->ids);
    *v = (sp_ids){0};
}

json_t *sp_ids_to_json(const int32_t *ids, size_t n)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(a, json_integer(ids[i]));
    return a;
}

/* An error names the position of an entry that is no number, but the id itself when it is out of
 * range: a user can search the line for it. The ids before the bad one stay in *out; the caller
 * frees it. */
int sp_ids_from_json(const json_t *list, size_t from, size_t to, int64_t vocab, sp_ids *out,
                     sp_err *e)
{
    if (!json_is_array(list)) return sp_fail(e, SP_EINPUT, "token ids are not an array");
    for (size_t i = from; i < to && i < json_array_size(list); i++) {
        const json_t *x = json_array_get(list, i);
        json_int_t id = json_integer_value(x);
        if (!json_is_integer(x))
            return sp_fail(e, SP_EINPUT, "token id %zu is not a whole number", i);
        if (id < 0 || id >= vocab)
            return sp_fail(e, SP_EINPUT, "token id %lld is outside 0..%lld", (long long)id,
                           (long long)vocab - 1);
        sp_ids_push(out, (int32_t)id);
    }
    return 0;
}
