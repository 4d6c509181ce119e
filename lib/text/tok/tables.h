/* tables.h - the tables that a tokenizer consists of.
 *
 * Loaders (load_json.c for tokenizer.json, load_spm.c for tokenizer.model, then config.c
 * for the files beside them) fill them and call tok_finish (finish.h). After that
 * nothing changes, so threads may share them; what a single call needs besides lives in
 * work space of its own.
 */
#ifndef TOK_TABLES_H
#define TOK_TABLES_H

#include "text/ids.h"
#include "text/tok/added.h"
#include "text/tok/merges.h"
#include "text/tok/steps.h"
#include "text/tok/vocab.h"

#define TOK_MAX_MERGES (1u << 25)
#define TOK_MAX_ADDED  (1u << 16)

typedef struct {
    tok_vocab vocab;
    tok_merges merges;
    tok_added_set added;
    tok_steps normalizer, pre, decoder;
    sp_ids prefix, suffix; /* ids that the post-processor puts around a text */
    int32_t bos, eos;      /* -1 = none */
    int32_t unk;           /* for characters that are no piece; -1 = they vanish */
    bool byte_fallback;    /* ... unless their bytes are pieces <0xNN> */
    bool fuse_unk;         /* several unknown characters become one unk */
    bool ignore_merges;    /* a whole word that is a piece is not merged at all */
    bool join_spaces;      /* no decoder: pieces are joined with a space */
    bool from_spm;         /* loaded from a tokenizer.model */
    bool cut;              /* words may be cut where no merge joins (merges.h) */

    /* derived by tok_finish */
    int32_t byte_id[256];   /* of <0xNN>, -1 = no such piece */
    int32_t char_id[0x800]; /* of characters of one or two bytes, -1 = no piece */
    uint8_t *special;       /* (vocab.n) is the id a special token? */
} tok_tables;

/* Empty tables; tok_tables_free releases them, filled or not. */
void tok_tables_init(tok_tables *t);
/* Add the merge of s[0..cut) and s[cut..n), which must be pieces as s[0..n) must.
 *    0: added
 *   -1: one of the three is no piece (*e) */
int tok_tables_add_merge(tok_tables *t, const char *s, size_t cut, size_t n,
                         uint32_t rank, sp_err *e) SP_MUST_CHECK;
/* Add a token that is a piece as well; a->text becomes the tables'.
 *    0: added
 *   -1: too many, or vocabulary and token do not agree (*e); a->text is released */
int tok_tables_add_token(tok_tables *t, tok_added *a, sp_err *e) SP_MUST_CHECK;
void tok_tables_free(tok_tables *t);

#endif
