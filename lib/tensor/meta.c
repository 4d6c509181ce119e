/* meta.c - see meta.h.
 *
 * Pairs stand in an array that grows. Real files have a handful of them, so that a search from the
 * front is enough. sp_meta_push does without the search: a caller that knows its keys to be unique
 * (a parsed header) appends any number of pairs in linear time.
 */
#include "tensor/meta.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* The pair with this key, valid until the next push; NULL where there is none. */
static sp_meta_pair *find(const sp_meta *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->pair[i].key, key)) return &m->pair[i];
    return NULL;
}

void sp_meta_push(sp_meta *m, const char *key, const char *value)
{
    SP_PUSH(m->pair, m->n, m->cap) = (sp_meta_pair){sp_xstrdup(key), sp_xstrdup(value)};
}

void sp_meta_set(sp_meta *m, const char *key, const char *value)
{
    sp_meta_pair *old = find(m, key);
    if (!old) {
        sp_meta_push(m, key, value);
        return;
    }
    char *copy = sp_xstrdup(value); /* before the old one goes: it may be the same */
    free(old->value);
    old->value = copy;
}

const char *sp_meta_get(const sp_meta *m, const char *key)
{
    const sp_meta_pair *p = find(m, key);
    return p ? p->value : NULL;
}

void sp_meta_free(sp_meta *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->pair[i].key);
        free(m->pair[i].value);
    }
    free(m->pair);
    *m = (sp_meta){0};
}
