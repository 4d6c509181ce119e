/* decoder.h - one model and the contexts that it reads side by side: a step takes what
 * they have not read yet once through the layers, so that each weight is read once for
 * all of them.
 *
 * A context is a list of tokens that grows; the keys and values of what the model has
 * seen of it are in the cache. A step of three contexts, `prefill` 4:
 *
 *     context  tokens     seen          in the pack
 *     0        a b c d e  4             e               a running answer: one token
 *     1        p q r      0             p q r           a prompt, as many tokens as
 *     2        s t u v    0             s               `prefill` leaves: the rest waits
 */
#ifndef SP_DECODER_H
#define SP_DECODER_H

#include "engine/model.h"

typedef struct {
    int32_t *ids; /* the tokens, with room for sp_decoder_opt.longest */
    int64_t n;    /* of them */
    int64_t seen; /* of them, been through the layers */
} sp_context;

typedef struct {
    sp_model *m;            /* borrowed */
    int64_t n;              /* contexts */
    int64_t longest_prompt; /* tokens of the longest prompt */
    int64_t longest;        /* tokens of the longest prompt with its answer */
    int64_t prefill;        /* tokens of prompts that a step takes at most */
    bool no_cache;          /* compute everything anew at every step (a check) */
} sp_decoder_opt;

typedef struct {
    sp_decoder_opt o;
    sp_context *ctx; /* [n] */
    bool *wanted; /* [n] whose logits sp_decoder_logits is to compute: the caller's to set
                   */
    float **row;  /* [n] logits (vocab) of its last token, or NULL: valid until the next
                     step */
    struct sp_decoder_memory *mem;
} sp_decoder;

/* Bytes of the keys and values of n contexts; and all memory that a decoder takes beside
 * the weights. */
uint64_t sp_decoder_cache_bytes(const sp_decoder_opt *o);
uint64_t sp_decoder_bytes(const sp_decoder_opt *o);

/* Contexts start empty. */
void sp_decoder_open(sp_decoder *d, const sp_decoder_opt *o);
void sp_decoder_close(sp_decoder *d);

/* The context becomes this prompt (copied), of which nothing has been seen; or empty. */
void sp_context_start(sp_context *c, const int32_t *prompt, int64_t n);
void sp_context_clear(sp_context *c);
/* Add a token. */
void sp_context_push(sp_context *c, int32_t id);
/* Has the model seen all of it, so that its next token can be chosen? */
static inline bool sp_context_seen(const sp_context *c) { return c->seen == c->n; }

/* Take pending tokens through the layers: one of each running answer, and of prompts as
 * many as prefill allows. */
void sp_decoder_step(sp_decoder *d);

/* Logits of the wanted contexts, all of which must be seen, into their rows; the rows of
 * the others become NULL. */
void sp_decoder_logits(sp_decoder *d);

#endif
