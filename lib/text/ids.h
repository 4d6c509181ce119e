/* ids.h - a growing list of token ids, and its form in JSON. */
#ifndef SP_IDS_H
#define SP_IDS_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise; sp_ids_free releases it. */
typedef struct {
    int32_t *ids; /* (n) */
    size_t n, cap;
} sp_ids;

void sp_ids_push(sp_ids *v, int32_t id);
void sp_ids_free(sp_ids *v);

/* A list of numbers. New reference. */
json_t *sp_ids_to_json(const int32_t *ids, size_t n);
/* Append elements [from, to) of a list of ids, as far as it goes, to *out.
 *    0: done
 *   -1: no list, or one of them is not a whole number in 0..vocab-1 (*e) */
int sp_ids_from_json(const json_t *list, size_t from, size_t to, int64_t vocab,
                     sp_ids *out, sp_err *e) SP_MUST_CHECK;

#endif
