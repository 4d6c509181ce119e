/* merges.h - the merges of a BPE model: which two neighbouring pieces become one, and how
 * early. */
#ifndef TOK_MERGES_H
#define TOK_MERGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t pair; /* left id << 32 | right id; UINT64_MAX = free slot */
    uint32_t rank; /* the lower one merges first */
    int32_t id;    /* of the result */
} tok_merge;

/* Zero-initialise; tok_merges_free releases it. Merges are added first, then indexed
 * once, then found. */
typedef struct {
    tok_merge *list; /* (n) as added, until tok_merges_index */
    size_t n, cap;
    tok_merge *slot; /* (slots) hash table from pair to merge */
    size_t slots;
    uint8_t *joints; /* bits of a filter over (last, first character): tok_joins */
} tok_merges;

/* Make room for n merges, to save growing. */
void tok_merges_reserve(tok_merges *m, size_t n);
void tok_merges_add(tok_merges *m, int32_t left, int32_t right, uint32_t rank,
                    int32_t id);
/* Make findable what was added. Of a pair that was added twice the last counts. */
void tok_merges_index(tok_merges *m);
/* The merge of two pieces; borrowed, NULL = they do not merge. */
const tok_merge *tok_merges_find(const tok_merges *m, int32_t left, int32_t right);

/* Note that some merge joins text that ends in character a to text that begins with b. */
void tok_joins_add(tok_merges *m, uint32_t a, uint32_t b);
/* Can a merge join a character a to a following b? False is certain: text may be cut
 * between them without changing its tokens. True may be wrong, which only costs time. */
bool tok_joins(const tok_merges *m, uint32_t a, uint32_t b);

void tok_merges_free(tok_merges *m);

#endif
