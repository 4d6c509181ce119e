/* vocab.h - the vocabulary: pieces (byte strings) and their ids, both ways. */
#ifndef TOK_VOCAB_H
#define TOK_VOCAB_H

#include "text/tok/bytes.h"

#include "base/error.h"

#include <stdint.h>

/* Ids from here on are refused: four million is ten times any known vocabulary. */
#define TOK_MAX_ID (1 << 22)

typedef struct {
    uint64_t key;      /* the piece itself when it has at most 8 bytes, else a hash */
    uint32_t len, id1; /* bytes of the piece; id + 1, 0 = free slot */
} tok_slot;

typedef struct {
    uint32_t off, len; /* len UINT32_MAX = no piece has this id */
} tok_span;

/* Zero-initialise; tok_vocab_free releases it. */
typedef struct {
    tok_buf text;       /* all pieces, one after the other */
    tok_span *span;     /* (n) by id: where in text */
    size_t n, cap;      /* n = largest id + 1 */
    tok_slot *slot;     /* (slots) hash table from piece to id */
    size_t slots, used; /* used = number of pieces */
} tok_vocab;

/* Make room for about `pieces` pieces, to save growing. */
void tok_vocab_reserve(tok_vocab *v, size_t pieces);
/* Add a piece s[0..n). Adding it again with the same id is fine.
 *    0: it is there
 *   -1: its id is too large, or the piece has another id, or the id another piece (*e) */
int tok_vocab_add(tok_vocab *v, const char *s, size_t n, uint32_t id,
                  sp_err *e) SP_MUST_CHECK;
/* The id of exactly s[0..n).
 *   -1: it is no piece */
int32_t tok_vocab_find(const tok_vocab *v, const char *s, size_t n);
/* Ask the processor for the slot of s[0..n), because a look-up of it will follow soon. */
void tok_vocab_prefetch(const tok_vocab *v, const char *s, size_t n);
/* Is there a piece with this id? */
bool tok_vocab_has(const tok_vocab *v, int64_t id);
/* The piece with this id, which must be there; borrowed until the next add. */
tok_str tok_vocab_piece(const tok_vocab *v, int32_t id);
void tok_vocab_free(tok_vocab *v);

#endif
