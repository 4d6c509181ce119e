/* hash.h - 64-bit FNV-1a, for names and fingerprints: quick and short, no protection
 * against somebody who looks for collisions.
 *
 * Source: Fowler, Noll, Vo, http://www.isthe.com/chongo/tech/comp/fnv/.
 */
#ifndef SP_HASH_H
#define SP_HASH_H

#include <stddef.h>
#include <stdint.h>

#define SP_HASH0 0xcbf29ce484222325ull /* the hash of nothing: where a chain begins */

/* The hash h of some bytes, continued with n more: sp_hash(sp_hash(SP_HASH0, "foo", 3),
 * "bar", 3) is the hash of "foobar". */
static inline uint64_t sp_hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = (const unsigned char *)p;
    for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3ull;
    return h;
}

#endif
