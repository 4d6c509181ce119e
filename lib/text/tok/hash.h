/* hash.h - what the two hash tables of a tokenizer share (vocab.h, merges.h).
 *
 * Both use open addressing with linear probing, a power of two of slots, and a load of at
 * most one half (vocabulary) or two thirds (merges). The slot where a search begins is
 * taken from the middle bits of tok_mix(tok_mix(key)).
 */
#ifndef TOK_HASH_H
#define TOK_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Spread the bits of x over all 64 (multiply by the golden ratio, fold). */
static inline uint64_t tok_mix(uint64_t x)
{
    x *= 0x9E3779B97F4A7C15ull;
    return x ^ x >> 29;
}

/* Index of the slot where the search for `key` begins; slots is a power of two. */
static inline size_t tok_home(uint64_t key, size_t slots)
{
    return tok_mix(tok_mix(key)) >> 20 & (slots - 1);
}

/* n entries of `size` bytes, each byte set to `byte`; released with free(). Large tables
 * ask for huge pages. */
void *tok_table_new(size_t n, size_t size, int byte);

#endif
