/* tok_int.h - what the tok_*.c files share; not for users of tok.h.
 *
 * A tokenizer is five tables: added tokens, normaliser steps, pre-tokenizer steps, the
 * BPE model (pieces and merges), decoder steps. The loaders (tok_load.c for
 * tokenizer.json, tok_spm.c for tokenizer.model) fill them; the rest runs them. After
 * loading all is constant, so threads may share an sp_tok; what a call needs besides
 * lives in its own tok_work.
 */
#ifndef SP_TOK_INT_H
#define SP_TOK_INT_H

#include "text/tok/tok.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>

#define TOK_MAX_ID                                                                 \
    (1 << 22) /* ids from here on are refused: four million is ten times any known \
                 vocabulary */
#define TOK_MAX_MERGES (1u << 25)
#define TOK_MAX_ADDED  (1u << 16)
#define TOK_META       "\xE2\x96\x81" /* U+2581, sentencepiece's sign for a space */

/* ---- bytes (tok_vocab.c) ---------------------------------------------------- */
typedef struct {
    char *p;
    size_t n, cap;
} tok_buf;
void tok_buf_add(tok_buf *b, const char *s, size_t n);
void tok_buf_free(tok_buf *b);
typedef struct {
    char *p; /* owned; NUL-terminated for convenience, but may hold NULs */
    size_t n;
} tok_str;
tok_str tok_str_make(const char *s, size_t n);
bool tok_str_is(const tok_str *a, const char *s, size_t n);
/* Append s[0..n) with every `from` (not empty) replaced by `to`. */
void tok_buf_replace(tok_buf *b, const char *s, size_t n, const tok_str *from,
                     const tok_str *to);

/* ---- vocabulary and merges (tok_vocab.c) ------------------------------------ */
typedef struct {
    uint64_t key;      /* the piece itself when it has at most 8 bytes, else a hash */
    uint32_t len, id1; /* id + 1; 0 = free */
} tok_slot;
typedef struct {
    tok_buf text;        /* all pieces, one after the other */
    uint32_t *off, *len; /* (n) by id; len TOK_NONE = no piece has this id */
    size_t n, cap;
    tok_slot *slot; /* open addressing, (slots) a power of two */
    size_t slots, used;
} tok_vocab;
#define TOK_NONE UINT32_MAX
/* Room for about `pieces` pieces, to save growing. */
void tok_vocab_reserve(tok_vocab *v, size_t pieces);
/* Add a piece; the same piece with the same id again is fine, any other clash is an
 * error. */
int tok_vocab_add(tok_vocab *v, const char *s, size_t n, uint32_t id, sp_err *e);
int32_t tok_vocab_find(const tok_vocab *v, const char *s, size_t n); /* -1 = none */
/* a look-up of s will come soon */
void tok_vocab_prefetch(const tok_vocab *v, const char *s, size_t n);
bool tok_vocab_has(const tok_vocab *v, int64_t id);
void tok_vocab_free(tok_vocab *v);

typedef struct {
    uint64_t pair; /* left id << 32 | right id; UINT64_MAX = free */
    uint32_t rank; /* lower merges first */
    int32_t id;    /* of the result */
} tok_merge;
#define TOK_JOINT_BITS 20
typedef struct {
    tok_merge *list; /* as added, until tok_merges_index */
    size_t n, cap;
    tok_merge *slot; /* open addressing, (slots) a power of two */
    size_t slots;
    /* filter over (last character, first character) of all merges: see tok_joins */
    uint8_t *joint;
} tok_merges;
void tok_merges_reserve(tok_merges *m, size_t n);
void tok_merges_add(tok_merges *m, int32_t left, int32_t right, uint32_t rank,
                    int32_t id);
/* Make what was added findable, once; of a pair that was given twice the last counts. */
void tok_merges_index(tok_merges *m);
/* NULL = none */
const tok_merge *tok_merges_find(const tok_merges *m, int32_t left, int32_t right);
void tok_merges_free(tok_merges *m);
/* Note that a merge joins character a to a following b. False from tok_joins means that
 * no merge ever does, so that text can be cut between them without changing its tokens.
 */
void tok_joint_add(tok_merges *m, uint32_t a, uint32_t b);
bool tok_joins(const tok_merges *m, uint32_t a, uint32_t b);

/* ---- steps ------------------------------------------------------------------ */
typedef enum {
    TOK_PREPEND,
    TOK_REPLACE,
    TOK_METASPACE,
    TOK_SPLIT,
    TOK_PREFIX_SPACE,
    TOK_BYTES,
    TOK_BYTE_FALLBACK,
    TOK_FUSE,
    TOK_STRIP
} tok_kind;
typedef enum {
    TOK_ISOLATED,
    TOK_REMOVED,
    TOK_WITH_PREVIOUS,
    TOK_WITH_NEXT,
    TOK_CONTIGUOUS
} tok_behaviour;
typedef enum { TOK_ALWAYS, TOK_FIRST, TOK_NEVER } tok_scheme;
typedef struct {
    tok_kind kind;
    tok_str a, b;   /* text to prepend, find, strip; replacement */
    pcre2_code *re; /* TOK_SPLIT by pattern; NULL = by the text a */
    tok_behaviour behaviour;
    tok_scheme scheme; /* TOK_METASPACE */
    bool invert;
    int64_t start, stop; /* TOK_STRIP: at most so many characters at each end */
} tok_step;
typedef struct {
    tok_step *v;
    size_t n;
} tok_steps;
tok_step *tok_steps_add(tok_steps *s, tok_kind kind); /* zeroed */
void tok_steps_free(tok_steps *s);

/* ---- added tokens (tok_added.c) --------------------------------------------- */
typedef struct {
    tok_str text;
    int32_t id;
    bool special, lstrip, rstrip, single_word;
    bool normalized; /* looked for in normalised text */
    bool verbatim;   /* its own text is not to be normalised for that */
} tok_added;
typedef struct {
    tok_added *v;
    size_t n;
    size_t *sorted[2],
        /* indices into v in byte order of text: [0] matched in the raw text, [1] after
           normalisation */
        n_sorted[2];
    bool starts[2][256]; /* first bytes */
    pcre2_code *word;    /* a word character, when some token is single_word */
} tok_added_set;
/* Add or, when one with this text is there, replace. */
void tok_added_put(tok_added_set *s, const tok_added *a); /* takes over a->text */
void tok_added_index(tok_added_set *s);
void tok_added_free(tok_added_set *s);
/* The leftmost, then longest added token in s[from..n) of set k; special ones only if
 * `specials`. Its range with stripped spaces, never before `from`, goes to *start, *stop.
 * NULL = none. */
const tok_added *tok_added_find(const tok_added_set *set, int k, const char *s, size_t n,
                                size_t from, bool specials, size_t *start, size_t *stop);

/* ---- the tokenizer ---------------------------------------------------------- */
struct sp_tok {
    tok_vocab vocab;
    tok_merges merges;
    tok_added_set added;
    tok_steps normalizer, pre, decoder;
    bool join_spaces;       /* no decoder at all: pieces are joined with a space */
    int32_t byte_id[256];   /* of <0xNN>; meaningful when byte_fallback */
    int32_t char_id[0x800]; /* of one- and two-byte characters, -1 = no piece */
    int32_t unk;            /* -1 = unknown characters vanish */
    bool byte_fallback, fuse_unk, ignore_merges;
    bool from_spm;         /* of a tokenizer.model */
    bool cut;              /* words may be cut where no merge joins */
    sp_ids prefix, suffix; /* what the post-processor adds */
    uint8_t *special;      /* (vocab.n) */
    int32_t bos, eos;
};

/* What one call of sp_tok_encode needs. */
typedef struct {
    int32_t id, prev, next;
    uint32_t rank; /* of the merge with next, TOK_NONE = none */
    int32_t into;  /* its result */
} tok_sym;
/* Ranks of symbols and the least of every few of them, level upon level (tok_bpe.c). */
#define TOK_LEVELS 8
typedef struct {
    uint32_t *level[TOK_LEVELS + 1]; /* all in one array, owned by the first */
    int n;
    size_t cap;
} tok_tree;
/* Where a stretch of text stands; decides whether a space is put in front of it. */
typedef enum { TOK_BEGINS, TOK_INSIDE, TOK_JOINED } tok_place;
typedef struct {
    int flags;
    sp_ids *out;
    sp_err *e;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    tok_buf norm, *step; /* step: one buffer a pre-tokenizer step */
    tok_sym *sym;
    size_t sym_cap;
    tok_tree tree;
} tok_work;

/* tok_load.c: the merge of s[0..cut) and s[cut..n), both in the vocabulary as is s[0..n).
 */
int tok_add_merge(sp_tok *t, const char *s, size_t cut, size_t n, uint32_t rank,
                  sp_err *e);
/* tok.c: an empty tokenizer; and the normaliser applied to s, into out (cleared first);
 * `joined` text gets no prefix.
 */
sp_tok *tok_new(void);
void tok_normalize(const sp_tok *t, const char *s, size_t n, bool joined, tok_buf *out);
/* tok.c: what tokenizer_config.json or special_tokens_map.json say about special tokens.
 */
int tok_read_config(sp_tok *t, const json_t *j, sp_err *e);
/* Index the merges and derive byte_id, char_id, cut and the special flags: last step of
 * every loader. */
int tok_finish(sp_tok *t, sp_err *e);
/* tok_bpe.c: append the ids of one pre-token. */
void tok_bpe_word(const sp_tok *t, tok_work *w, const char *s, size_t n);
/* tok_pre.c: run the pre-tokenizer from step `at` on, then the model. */
int tok_pretokenize(const sp_tok *t, tok_work *w, size_t at, const char *s, size_t n,
                    tok_place place);
/* tok_pre.c: compile a pattern with the options this project uses; NULL with *e set. */
pcre2_code *tok_regex(const char *pattern, size_t n, sp_err *e);
/* Code point that stands for byte b in byte-level pieces, and back (-1 = none). */
uint32_t tok_byte_char(unsigned char b);
int tok_char_byte(uint32_t c);
/* tok_steps.c: the JSON of each part into steps. */
int tok_parse_normalizer(sp_tok *t, const json_t *j, sp_err *e);
int tok_parse_pre(sp_tok *t, const json_t *j, sp_err *e);
int tok_parse_decoder(sp_tok *t, const json_t *j, sp_err *e);
/* tok_load.c: an added-token object with its id; also from tokenizer_config.json. */
int tok_add_token(sp_tok *t, const json_t *j, const json_t *id, sp_err *e);
/* tok_load.c, tok_spm.c: fill t from a file's bytes; messages carry no file name. */
/* unescapes strings in place */
int tok_load_json(sp_tok *t, char *text, size_t n, sp_err *e);
int tok_load_spm(sp_tok *t, const char *data, size_t n, sp_err *e);

#endif
