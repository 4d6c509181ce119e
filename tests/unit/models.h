/* models.h - models without files, for the tests of the engine: small ones with random
 * weights, one of each family. */
#ifndef SP_TEST_MODELS_H
#define SP_TEST_MODELS_H

#include "engine/checkpoint.h"
#include "engine/head.h"
#include "operands.h"
#include "train/forward.h"
#include "train/grad.h"

#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void die_on(const sp_err *e)
{
    if (e->code) fail_msg("%s", e->msg);
}

/* clang-format off */
static const char *const small_configs[] = {
    /* grouped heads, llama3 rope scaling, tied head */
    "{\"architectures\":[\"LlamaForCausalLM\"],\"hidden_size\":24,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
    "\"num_key_value_heads\":2,\"intermediate_size\":40,\"vocab_size\":37,\"rms_norm_eps\":1e-5,\"rope_theta\":10000,"
    "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":4,\"low_freq_factor\":1,\"high_freq_factor\":4,"
    "\"original_max_position_embeddings\":16},\"tie_word_embeddings\":true,\"hidden_act\":\"silu\"}",
    /* sliding window */
    "{\"architectures\":[\"MistralForCausalLM\"],\"hidden_size\":24,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
    "\"num_key_value_heads\":2,\"intermediate_size\":40,\"vocab_size\":37,\"sliding_window\":5,\"hidden_act\":\"silu\"}",
    /* 1 + w norm, GELU-tanh, tied head, embedding scale, head_dim apart from hidden / heads */
    "{\"architectures\":[\"GemmaForCausalLM\"],\"hidden_size\":20,\"num_hidden_layers\":2,\"num_attention_heads\":3,"
    "\"num_key_value_heads\":1,\"head_dim\":8,\"intermediate_size\":40,\"vocab_size\":37,\"hidden_act\":\"gelu\"}",
};
/* clang-format on */

/* A model of this config.json, its weights drawn with this deviation. */
static inline sp_model *model_of(const char *config, double init)
{
    sp_err e = {0};
    char dir[] = "/tmp/sp-model-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/config.json", dir);
    FILE *f = fopen(path, "w");
    fputs(config, f);
    fclose(f);
    sp_model *m = sp_model_random(dir, init, 7, &e);
    die_on(&e);
    unlink(path);
    rmdir(dir);
    return m;
}

static inline sp_model *small_model(int which)
{
    sp_model *m = model_of(small_configs[which], 0.2);
    for (size_t i = 0; i < m->n; i++) /* norm weights away from their identity */
        if (m->params[i].cols == 1)
            for (size_t j = 0; j < sp_numel(&m->params[i]); j++)
                m->params[i].own[j] += (float)(0.3 * sp_rand_normal(9, i, j));
    return m;
}

/* The same with other weights. */
static inline sp_model *shaken_model(int which)
{
    sp_model *m = small_model(which);
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j < sp_numel(&m->params[i]); j++)
            m->params[i].own[j] *= 1 + 0.1f * (float)sp_rand_normal(5, i, j);
    return m;
}

/* A run to its end; returns the loss. */
static inline double run_grad(sp_model *m, const sp_batch *b, const sp_grad_job *job)
{
    sp_err e = {0};
    double loss = NAN;
    sp_grad_end end = sp_grad_run(m, b, job, &loss, &e);
    die_on(&e);
    assert_int_equal(end, SP_GRAD_DONE);
    return loss;
}

/* Three sequences of different lengths (one longer than a query block of attention),
 * random ids, most tokens scored. */
static inline void small_batch(sp_batch *b, sp_mean mean)
{
    static const int64_t lengths[3] = {9, 70, 17};
    sp_example ex[3];
    for (int s = 0; s < 3; s++) {
        ex[s] = (sp_example){lengths[s], sp_xarray((size_t)lengths[s], 4),
                             sp_xarray((size_t)lengths[s], 4), false};
        for (int64_t t = 0; t < lengths[s]; t++) {
            ex[s].ids[t] = (int32_t)(sp_rand_u64(3, (uint64_t)s, (uint64_t)t) % 37);
            ex[s].labels[t] = t % 3 ? ex[s].ids[t] : -100;
        }
    }
    sp_batch_make(b, &(sp_examples){.n = 3, .ex = ex}, NULL, 3, mean);
    for (int s = 0; s < 3; s++) {
        free(ex[s].ids);
        free(ex[s].labels);
    }
}

/* log softmax of every token's logits, (N, V) in double */
static inline double *log_probs(sp_model *m, const sp_batch *b)
{
    int64_t v = m->cfg.vocab;
    float *x = sp_forward_all(m, b), *z = sp_xfloats((size_t)(b->n * v));
    double *lp = sp_xarray((size_t)(b->n * v), sizeof *lp);
    sp_head_logits(m, x, b->n, z);
    for (int64_t t = 0; t < b->n; t++) {
        double sum = 0;
        for (int64_t i = 0; i < v; i++) sum += exp((double)z[t * v + i]);
        for (int64_t i = 0; i < v; i++) lp[t * v + i] = (double)z[t * v + i] - log(sum);
    }
    free(x);
    free(z);
    return lp;
}

#endif
