/* ids.h - a growing list of token ids, and its form in JSON. */
#ifndef SP_IDS_H
#define SP_IDS_H

#include "base/base.h"

#include <jansson.h>

typedef struct {
    int32_t *ids;
    size_t n, cap;
} sp_ids; /* grows; zero-initialise; sp_ids_free */

void sp_ids_push(sp_ids *v, int32_t id);
void sp_ids_free(sp_ids *v);

/* An array of numbers. New reference. */
json_t *sp_ids_to_json(const int32_t *ids, size_t n);
/* Append an array of ids, each in 0..vocab-1, to *out. 0 or -1. */
int sp_ids_from_json(const json_t *array, int64_t vocab, sp_ids *out, sp_err *e);

#endif
