/* meta.h - the __metadata__ of a safetensors file: keys and values, both strings.
 *
 * A small list in the order of insertion; looking a key up walks it. Starts as {0}.
 */
#ifndef SP_META_H
#define SP_META_H

#include <stddef.h>

typedef struct {
    char *key, *value; /* owned by the list */
} sp_meta_pair;

typedef struct {
    size_t n, cap; /* pairs, and what the array has space for */
    sp_meta_pair *pair;
} sp_meta;

/* Set `key` to `value`; a key that is there gets the new value. Copies both. */
void sp_meta_set(sp_meta *m, const char *key, const char *value);
/* Append a pair whose key is known to be new. Copies both. */
void sp_meta_push(sp_meta *m, const char *key, const char *value);
/* The value of `key`, valid until it is set again; NULL where there is none. */
const char *sp_meta_get(const sp_meta *m, const char *key);
/* Free what is in the list and empty it. */
void sp_meta_free(sp_meta *m);

#endif
