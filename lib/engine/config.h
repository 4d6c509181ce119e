/* config.h - config.json of a checkpoint: which family of models, and its numbers.
 *
 * A family (LLaMA, Mistral, Gemma) is one entry of a table in config.c: kind of norm,
 * activation, embedding scale, window, defaults. A key that might change the arithmetic
 * and is not known there is refused by name; one that says nothing about the forward pass
 * is passed over.
 */
#ifndef SP_CONFIG_H
#define SP_CONFIG_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Activation of the gated MLP. */
typedef enum {
    SP_ACT_SILU,     /* g * sigmoid(g) */
    SP_ACT_GELU_TANH /* GELU in its tanh form */
} sp_act;

/* How rotary angles are scaled for contexts longer than those of pretraining (rope.h has
 * the formulas). */
typedef enum {
    SP_ROPE_PLAIN,  /* not at all */
    SP_ROPE_LINEAR, /* all divided by `rope_factor` */
    SP_ROPE_LLAMA3  /* low frequencies divided, high ones kept, a blend in between */
} sp_rope_kind;

#define SP_MAX_EOS 8

typedef struct {
    const char *family; /* "llama", "mistral", "gemma" */
    int64_t layers;
    int64_t hidden;          /* width of the residual stream */
    int64_t heads, kv_heads; /* query heads; key/value heads, a divisor of them */
    int64_t head_dim;        /* width of a head, even */
    int64_t mlp;             /* width inside the MLP */
    int64_t vocab;
    double norm_eps;
    bool norm_plus_one; /* RMSNorm multiplies by 1 + w (Gemma) instead of w */
    float embed_scale;  /* embeddings are multiplied by it: 1, or sqrt(hidden) (Gemma) */
    sp_act act;
    double rope_theta; /* base of the rotary angles */
    sp_rope_kind rope;
    double rope_factor;         /* LINEAR and LLAMA3 */
    double rope_low, rope_high; /* LLAMA3: low_freq_factor, high_freq_factor */
    double rope_orig;           /* LLAMA3: original_max_position_embeddings */
    int64_t window;       /* tokens a position sees, itself included; 0 = all before it */
    bool tied;            /* the head's weights are the embedding's */
    int64_t max_position; /* longest context */
    int32_t eos[SP_MAX_EOS]; /* end tokens, those of generation_config.json included */
    int n_eos;
    char passed[400]; /* the keys that were passed over, "a, b", as many as fit; or "" */
} sp_config;

/* Read DIR/config.json, and end tokens from DIR/generation_config.json where it exists.
 * 0, or -1 with a message. */
SP_MUST_CHECK int sp_config_load(sp_config *c, const char *dir, sp_err *e);

/* Does DIR/config.json tie the head to the embedding? Nothing else in it is looked at.
 *    1: *tied is true or false
 *    0: there is no such file
 *   -1: it cannot be read (*e) */
SP_MUST_CHECK int sp_config_tied(const char *dir, bool *tied, sp_err *e);

#define SP_MAX_IGNORED 32
/* Pass over `key` in every config.json that the process loads from here on, whatever it
 * says. key stays borrowed. 0, or -1 (SP_EUSAGE): it is one of those that are read, or
 * there are more than SP_MAX_IGNORED. */
SP_MUST_CHECK int sp_config_ignore(const char *key, sp_err *e);

#endif
