/* pg.c - see pg.h.
 *
 * Entries are numbered from 1 without gaps, so that the end of a chain is the first number that has
 * no key. Chains of two inputs that come from one source share their first entries. Merged, those
 * stand there once:
 *
 *     input 1    A B          inputs 1 and 2    A B C, then the entry of this program
 *     input 2    A C
 *
 * Equal means equal as text.
 */
#include "tensor/pg.h"

#include "base/command.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "sp.pg."

/* Entry i >= 1 of a chain, or NULL behind its end. */
static const char *entry(const sp_meta *m, size_t i)
{
    char key[32];
    snprintf(key, sizeof key, PREFIX "%zu", i);
    return sp_meta_get(m, key);
}

/* Append an entry to the chain in m, unless the chain has it. Copies value. */
static void add_entry(sp_meta *m, const char *value)
{
    char key[32];
    size_t i = 1;
    for (const char *old; (old = entry(m, i)); i++)
        if (!strcmp(old, value)) return;
    snprintf(key, sizeof key, PREFIX "%zu", i);
    sp_meta_set(m, key, value);
}

/* A new JSON string of s, owned by the caller. Where s is not UTF-8 (a file name may hold any
 * bytes), every byte above 127 becomes '?'. */
static json_t *text(const char *s)
{
    json_t *j = json_string(s);
    if (j) return j;
    char *copy = sp_xstrdup(s);
    for (char *c = copy; *c; c++)
        if (*c & 0x80) *c = '?';
    j = json_string(copy);
    free(copy);
    return j;
}

/* The entry of the running program as a new string, or NULL where memory ran out. Digests are 16
 * hexadecimal digits. */
static char *describe(sp_src *const *inputs, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        char digest[24];
        if (!inputs[i]) continue;
        snprintf(digest, sizeof digest, "%016llx", (unsigned long long)sp_src_digest(inputs[i]));
        json_array_append_new(
            list, json_pack("{s:o, s:s}", "name", text(sp_src_name(inputs[i])), "digest", digest));
    }
    json_t *o = json_pack("{s:o, s:s, s:o, s:o}", "tool", text(sp_tool), "version", SP_VERSION,
                          "command", text(sp_command_line()), "inputs", list);
    char *out = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return out;
}

void sp_pg_inherit(sp_meta *m, const sp_meta *from)
{
    for (size_t i = 0; i < from->n; i++)
        if (strncmp(from->pair[i].key, PREFIX, strlen(PREFIX)))
            sp_meta_set(m, from->pair[i].key, from->pair[i].value);
}

void sp_pg_append(sp_meta *m, sp_src *const *inputs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *v;
        for (size_t k = 1; inputs[i] && (v = entry(sp_src_meta(inputs[i]), k)); k++)
            add_entry(m, v);
    }
    char *own = describe(inputs, n);
    /* no memory for an entry is no reason to fail: the tensors are right without it */
    if (own) add_entry(m, own);
    free(own);
}
