/* test_config.c - config.json: what the published files of the four families say and what their
 * makers' code takes for granted where they are silent; and everything that would change the
 * arithmetic refused by name.
 */
#include "base/memory.h"
#include "engine/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Shapes and settings of published models, and the litter their files carry. */
#define COMMON                                                                                   \
    "\"use_cache\":true,\"initializer_range\":0.02,\"torch_dtype\":\"bfloat16\",\"transformers_" \
    "version\":\"4.42.0\","
#define LLAMA                                                                                     \
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_act\":\"silu\"," \
    "\"pretraining_tp\":1," COMMON
#define LLAMA2                                                                                 \
    LLAMA "\"hidden_size\":4096,\"intermediate_size\":11008,\"num_attention_heads\":32,\"num_" \
          "hidden_layers\":32,\"vocab_size\":32000,"                                           \
          "\"max_position_embeddings\":4096,\"rms_norm_eps\":1e-05,\"bos_token_id\":1,\"eos_"  \
          "token_id\":2,\"rope_scaling\":null,"                                                \
          "\"tie_word_embeddings\":false"
#define LLAMA3                                                                                     \
    LLAMA "\"attention_bias\":false,\"attention_dropout\":0.0,\"mlp_bias\":false,\"vocab_size\":"  \
          "128256,\"num_key_value_heads\":8,"                                                      \
          "\"num_attention_heads\":32,\"rms_norm_eps\":1e-05,\"rope_theta\":500000.0,\"bos_token_" \
          "id\":128000"
#define BANDS                                                                                     \
    "\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":8192," \
    "\"rope_type\":\"llama3\""
#define MISTRAL                                                                                 \
    "{\"architectures\":[\"MistralForCausalLM\"],\"model_type\":\"mistral\",\"hidden_act\":"    \
    "\"silu\"," COMMON "\"attention_dropout\":0.0,"                                             \
    "\"hidden_size\":4096,\"intermediate_size\":14336,\"num_attention_heads\":32,\"num_hidden_" \
    "layers\":32,\"rms_norm_eps\":1e-05,"                                                       \
    "\"bos_token_id\":1,\"eos_token_id\":2,\"tie_word_embeddings\":false"
#define GEMMA                                                                               \
    "{\"architectures\":[\"GemmaForCausalLM\"],\"model_type\":\"gemma\"," COMMON            \
    "\"attention_bias\":false,\"attention_dropout\":0.0,"                                   \
    "\"vocab_size\":256000,\"max_position_embeddings\":8192,\"rms_norm_eps\":1e-06,\"rope_" \
    "theta\":10000.0,\"pad_token_id\":0,"                                                   \
    "\"bos_token_id\":2,\"eos_token_id\":1,\"head_dim\":256"

/* Read `config`, or fail; `generation` may be NULL. */
static int load(sp_config *c, const char *config, const char *generation, sp_err *e)
{
    static const char *const names[] = {"config.json", "generation_config.json"};
    const char *text[] = {config, generation};
    char dir[] = "/tmp/sp-config-XXXXXX", path[2][64];
    assert_non_null(mkdtemp(dir));
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof path[i], "%s/%s", dir, names[i]);
        FILE *f = text[i] ? fopen(path[i], "w") : NULL;
        if (f) fputs(text[i], f), fclose(f);
    }
    int rc = sp_config_load(c, dir, e);
    for (int i = 0; i < 2; i++) unlink(path[i]);
    rmdir(dir);
    return rc;
}

static sp_config loaded(const char *config, const char *generation)
{
    sp_config c;
    sp_err e = {0};
    if (load(&c, config, generation, &e)) fail_msg("%s\n%s", e.msg, config);
    return c;
}

/* ---- files as published --------------------------------------------------------------- */

/* Everything a configuration says, in one line; caller frees. */
static char *describe(const sp_config *c)
{
    char *rope = c->rope == SP_ROPE_LLAMA3   ? sp_xasprintf(" llama3 %g %g %g %g", c->rope_factor,
                                                            c->rope_low, c->rope_high, c->rope_orig)
                 : c->rope == SP_ROPE_LINEAR ? sp_xasprintf(" linear %g", c->rope_factor)
                                             : sp_xstrdup("");
    char *line =
        sp_xasprintf("%s %dx%d heads %d/%dx%d mlp %d vocab %d eps %g theta %g%s window %d max "
                     "%d%s%s%s scale %g eos",
                     c->family, (int)c->layers, (int)c->hidden, (int)c->heads, (int)c->kv_heads,
                     (int)c->head_dim, (int)c->mlp, (int)c->vocab, c->norm_eps, c->rope_theta, rope,
                     (int)c->window, (int)c->max_position, c->tied ? " tied" : "",
                     c->norm_plus_one ? " 1+w" : "", c->act == SP_ACT_GELU_TANH ? " gelu" : " silu",
                     c->embed_scale);
    free(rope);
    for (int i = 0; i < c->n_eos; i++) {
        char *longer = sp_xasprintf("%s %d", line, c->eos[i]);
        free(line);
        line = longer;
    }
    return line;
}

static void expect(const char *config, const char *generation, const char *want)
{
    sp_config c = loaded(config, generation);
    char *got = describe(&c);
    assert_string_equal(got, want);
    free(got);
}

static void published(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {LLAMA2
         ",\"_name_or_path\":\"meta-llama/"
         "Llama-2-7b-chat-hf\",\"num_key_value_heads\":32,\"max_length\":4096,\"pad_token_id\":0}",
         "llama 32x4096 heads 32/32x128 mlp 11008 vocab 32000 eps 1e-05 theta 10000 window 0 max "
         "4096 silu scale 1 eos 2"},
        {LLAMA3 ",\"hidden_size\":4096,\"intermediate_size\":14336,\"num_hidden_layers\":32,\"max_"
                "position_embeddings\":8192,"
                "\"eos_token_id\":128009,\"rope_scaling\":null,\"tie_word_embeddings\":false}",
         "llama 32x4096 heads 32/8x128 mlp 14336 vocab 128256 eps 1e-05 theta 500000 window 0 max "
         "8192 silu scale 1 eos 128009"},
        {LLAMA3 ",\"hidden_size\":4096,\"intermediate_size\":14336,\"num_hidden_layers\":32,\"max_"
                "position_embeddings\":131072,"
                "\"eos_token_id\":[128001,128008,128009],\"rope_scaling\":{\"factor\":8.0," BANDS
                "},\"tie_word_embeddings\":false}",
         "llama 32x4096 heads 32/8x128 mlp 14336 vocab 128256 eps 1e-05 theta 500000 llama3 8 1 4 "
         "8192 window 0 max 131072 silu scale 1 "
         "eos 128001 128008 128009"},
        {LLAMA3 ",\"hidden_size\":2048,\"intermediate_size\":8192,\"num_hidden_layers\":16,\"max_"
                "position_embeddings\":131072,\"head_dim\":64,"
                "\"eos_token_id\":[128001,128008,128009],\"rope_scaling\":{\"factor\":32.0," BANDS
                "},\"tie_word_embeddings\":true}",
         "llama 16x2048 heads 32/8x64 mlp 8192 vocab 128256 eps 1e-05 theta 500000 llama3 32 1 4 "
         "8192 window 0 max 131072 tied silu scale 1 "
         "eos 128001 128008 128009"},
        {MISTRAL ",\"vocab_size\":32000,\"num_key_value_heads\":8,\"max_position_embeddings\":"
                 "32768,\"rope_theta\":10000.0,\"sliding_window\":4096}",
         "mistral 32x4096 heads 32/8x128 mlp 14336 vocab 32000 eps 1e-05 theta 10000 window 4096 "
         "max 32768 silu scale 1 eos 2"},
        {MISTRAL ",\"vocab_size\":32768,\"num_key_value_heads\":8,\"max_position_embeddings\":"
                 "32768,\"rope_theta\":1000000.0,\"sliding_window\":null}",
         "mistral 32x4096 heads 32/8x128 mlp 14336 vocab 32768 eps 1e-05 theta 1e+06 window 0 max "
         "32768 silu scale 1 eos 2"},
        {GEMMA ",\"hidden_act\":\"gelu\",\"hidden_activation\":null,\"rope_scaling\":null,\"hidden_"
               "size\":3072,\"intermediate_size\":24576,"
               "\"num_attention_heads\":16,\"num_key_value_heads\":16,\"num_hidden_layers\":28}",
         "gemma 28x3072 heads 16/16x256 mlp 24576 vocab 256000 eps 1e-06 theta 10000 window 0 max "
         "8192 tied 1+w gelu scale 55.4256 eos 1"},
        {GEMMA ",\"hidden_act\":\"gelu_pytorch_tanh\",\"hidden_activation\":\"gelu_pytorch_tanh\","
               "\"hidden_size\":2048,\"intermediate_size\":16384,"
               "\"num_attention_heads\":8,\"num_key_value_heads\":1,\"num_hidden_layers\":18}",
         "gemma 18x2048 heads 8/1x256 mlp 16384 vocab 256000 eps 1e-06 theta 10000 window 0 max "
         "8192 tied 1+w gelu scale 45.2548 eos 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) expect(rows[i][0], NULL, rows[i][1]);
}

/* generation_config.json adds end tokens; what is no id of the vocabulary, or is there already,
 * does not count. */
static void end_tokens(void **state)
{
    (void)state;
    sp_config c =
        loaded(LLAMA2 "}", "{\"eos_token_id\":[2,7,32000,-1,7,\"x\"],\"temperature\":0.6}");
    assert_int_equal(c.n_eos, 2);
    assert_int_equal(c.eos[0], 2);
    assert_int_equal(c.eos[1], 7);
    c = loaded(LLAMA2 "}", "{}");
    assert_int_equal(c.n_eos, 1);
    sp_err e = {0};
    assert_int_equal(load(&c, LLAMA2 "}", "[2]", &e), -1);
    assert_non_null(strstr(e.msg, "generation_config.json: not a JSON object"));
}

/* ---- defaults and spellings ----------------------------------------------------------- */

#define SMALL(arch)                                                                       \
    "{\"architectures\":[\"" arch "\"],\"hidden_size\":64,\"num_hidden_layers\":2,\"num_" \
    "attention_heads\":16,\"intermediate_size\":96,"                                      \
    "\"vocab_size\":50"

static void defaults(void **state)
{
    (void)state;
    expect(SMALL("LlamaForCausalLM") "}", NULL,
           "llama 2x64 heads 16/16x4 mlp 96 vocab 50 eps 1e-06 theta 10000 window 0 max 2048 silu "
           "scale 1 eos");
    expect(SMALL("MistralForCausalLM") "}", NULL,
           "mistral 2x64 heads 16/8x4 mlp 96 vocab 50 eps 1e-06 theta 10000 window 4096 max 131072 "
           "silu scale 1 eos");
    expect(SMALL("GemmaForCausalLM") "}", NULL,
           "gemma 2x64 heads 16/16x256 mlp 96 vocab 50 eps 1e-06 theta 10000 window 0 max 8192 "
           "tied 1+w gelu scale 8 eos");
    expect(SMALL("MistralForCausalLM") ",\"num_key_value_heads\":null,\"head_dim\":null,\"tie_word_"
                                       "embeddings\":null,\"sliding_window\":3}",
           NULL,
           "mistral 2x64 heads 16/16x4 mlp 96 vocab 50 eps 1e-06 theta 10000 window 3 max 131072 "
           "silu scale 1 eos");
    expect(
        SMALL(
            "GemmaForCausalLM") ",\"tie_word_embeddings\":false,\"head_dim\":6,\"bos_token_id\":2}",
        NULL,
        "gemma 2x64 heads 16/16x6 mlp 96 vocab 50 eps 1e-06 theta 10000 window 0 max 8192 1+w gelu "
        "scale 8 eos");
}

static void rope_spellings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        sp_rope_kind kind;
        double theta, factor;
    } rows[] = {
        {"\"rope_theta\":500000", SP_ROPE_PLAIN, 5e5, 0},
        {"\"rope_theta\":null", SP_ROPE_PLAIN, 1e4, 0},
        {"\"rope_parameters\":{\"rope_theta\":500000.0}", SP_ROPE_PLAIN, 5e5, 0},
        {"\"rope_parameters\":{\"rope_theta\":500000.0,\"rope_type\":\"default\"},\"rope_scaling\":"
         "null",
         SP_ROPE_PLAIN, 5e5, 0},
        {"\"rope_scaling\":{\"type\":\"linear\",\"factor\":4},\"rope_theta\":5e5", SP_ROPE_LINEAR,
         5e5, 4},
        {"\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":2.5}", SP_ROPE_LINEAR, 1e4, 2.5},
        {"\"rope_parameters\":{\"rope_theta\":500000,\"factor\":8," BANDS "}", SP_ROPE_LLAMA3, 5e5,
         8},
        {"\"rope_parameters\":{\"factor\":8," BANDS "},\"rope_scaling\":{" BANDS ",\"factor\":8}",
         SP_ROPE_LLAMA3, 1e4, 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = sp_xasprintf(SMALL("LlamaForCausalLM") ",%s}", rows[i].text);
        sp_config c = loaded(text, NULL);
        assert_int_equal(c.rope, rows[i].kind);
        assert_true(c.rope_theta == rows[i].theta && c.rope_factor == rows[i].factor);
        free(text);
    }
}

/* ---- keys that are passed over -------------------------------------------------------- */

static void passed_over(void **state)
{
    (void)state;
    static const char *const harmless[] = {
        "\"transformers.js_config\":{\"kv_cache_dtype\":{\"fp16\":\"float16\"}}",
        "\"custom_pipelines\":{\"text-generation\":{\"impl\":\"a.B\"}}",
        "\"tokenizer_class\":\"LlamaTokenizer\"",
        "\"num_beams\":1",
        "\"length_penalty\":1.0",
        "\"chunk_size_feed_forward\":0",
        "\"min_length\":0",
    };
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        char *text = sp_xasprintf(SMALL("LlamaForCausalLM") ",%s}", harmless[i]);
        sp_config c = loaded(text, NULL);
        size_t n = strlen(c.passed);
        assert_true(n > 0 && !strncmp(c.passed, harmless[i] + 1, n) && harmless[i][n + 1] == '"');
        free(text);
    }
    sp_config c = loaded(SMALL("LlamaForCausalLM") ",\"num_beams\":1,\"torch_dtype\":\"float16\","
                                                   "\"early_stopping\":false,\"_x\":1}",
                         NULL);
    assert_string_equal(c.passed, "num_beams, torch_dtype");
    /* what says nothing is no matter, by whatever name */
    c = loaded(SMALL("LlamaForCausalLM") ",\"pruned_heads\":{},\"layer_types\":[],\"x\":null}",
               NULL);
    assert_string_equal(c.passed, "");
    expect(SMALL("LlamaForCausalLM") ",\"rope_scaling\":{}}", NULL,
           "llama 2x64 heads 16/16x4 mlp 96 vocab 50 eps 1e-06 theta 10000 window 0 max 2048 silu "
           "scale 1 eos");
}

/* 1 or 0 as it is tied, or what sp_config_tied returns below 1, minus 2. */
static int tied(const char *config)
{
    char dir[] = "/tmp/sp-config-XXXXXX", path[64];
    sp_err e = {0};
    bool its = false;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/config.json", dir);
    FILE *f = config ? fopen(path, "w") : NULL;
    if (f) fputs(config, f), fclose(f);
    int rc = sp_config_tied(dir, &its, &e);
    assert_int_equal(rc < 0, e.code != 0);
    unlink(path);
    rmdir(dir);
    return rc > 0 ? its : rc - 2;
}

static void tied_heads(void **state)
{
    (void)state;
    assert_int_equal(tied("{\"tie_word_embeddings\":true,\"architectures\":[\"Other\"]}"), 1);
    assert_int_equal(
        tied("{\"tie_word_embeddings\":false,\"architectures\":[\"GemmaForCausalLM\"]}"), 0);
    assert_int_equal(tied("{\"architectures\":[\"GemmaForCausalLM\"]}"), 1);
    assert_int_equal(tied("{\"architectures\":[\"LlamaForCausalLM\"],\"unknown\":1}"), 0);
    assert_int_equal(tied("{}"), 0);
    assert_int_equal(tied(NULL), -2);
    assert_int_equal(tied("{"), -3);
    assert_int_equal(tied("{\"tie_word_embeddings\":\"yes\"}"), -3);
    sp_err e = {0};
    bool its;
    assert_int_equal(sp_config_tied("/nowhere", &its, &e), 0);
    assert_int_equal(sp_config_tied("/dev/null", &its, &e), 0);
}

/* Stays on for the rest of the process: the last test. */
static void ignored_by_request(void **state)
{
    (void)state;
    sp_config c;
    sp_err e = {0};
    assert_int_equal(load(&c, SMALL("LlamaForCausalLM") ",\"house_key\":7}", NULL, &e), -1);
    assert_non_null(strstr(e.msg,
                           "config.json: \"house_key\" is not supported: it might change the "
                           "arithmetic (--ignore-config house_key lets it pass)"));
    e = (sp_err){0};
    assert_int_equal(sp_config_ignore("house_key", &e), 0);
    c = loaded(SMALL("LlamaForCausalLM") ",\"house_key\":7,\"rope_scaling\":{\"rope_type\":"
                                         "\"linear\",\"factor\":2,\"house_key\":1}}",
               NULL);
    assert_string_equal(c.passed, "house_key, house_key");
    assert_true(c.rope_factor == 2);
    assert_int_equal(load(&c, SMALL("LlamaForCausalLM") ",\"house_key2\":7}", NULL, &e), -1);
    static const char *const read[] = {"rope_scaling", "factor", "hidden_size"};
    for (int i = 0; i < 3; i++) {
        e = (sp_err){0};
        assert_int_equal(sp_config_ignore(read[i], &e), -1);
        assert_int_equal(e.code, SP_EUSAGE);
        assert_non_null(strstr(e.msg, "is read and cannot be passed over"));
    }
    int more = 0;
    for (e = (sp_err){0}; sp_config_ignore("other_key", &e) == 0;) more++;
    assert_int_equal(more, SP_MAX_IGNORED - 1);
    assert_int_equal(e.code, SP_EUSAGE);
}

/* ---- refusals ------------------------------------------------------------------------- */

static void refused(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        /* architecture, what is added, what the message holds */
        {"MixtralForCausalLM", "", "architecture \"MixtralForCausalLM\" is not supported"},
        {"Gemma2ForCausalLM", "", "architecture \"Gemma2ForCausalLM\""},
        {"LlamaForSequenceClassification", "", "architecture \"LlamaForSequenceClassification\""},
        {"LlamaForCausalLM", ",\"model_type\":\"qwen2\"",
         "model_type \"qwen2\" does not go with architecture \"LlamaForCausalLM\""},
        {"LlamaForCausalLM", ",\"attention_bias\":true", "\"attention_bias\" is not supported"},
        {"LlamaForCausalLM", ",\"mlp_bias\":true", "\"mlp_bias\""},
        {"LlamaForCausalLM", ",\"attention_dropout\":0.1", "\"attention_dropout\""},
        {"LlamaForCausalLM", ",\"qk_norm\":true", "\"qk_norm\""},
        {"LlamaForCausalLM", ",\"partial_rotary_factor\":0.5", "\"partial_rotary_factor\""},
        {"LlamaForCausalLM", ",\"rope_interleaved\":true", "\"rope_interleaved\""},
        {"LlamaForCausalLM", ",\"layer_types\":[\"full_attention\",\"sliding_attention\"]",
         "\"layer_types\""},
        {"LlamaForCausalLM", ",\"num_local_experts\":8", "\"num_local_experts\""},
        {"LlamaForCausalLM", ",\"quantization_config\":{\"quant_method\":\"gptq\"}",
         "\"quantization_config\""},
        {"LlamaForCausalLM", ",\"auto_map\":{\"AutoModelForCausalLM\":\"modeling_x.X\"}",
         "\"auto_map\""},
        {"LlamaForCausalLM", ",\"sliding_window\":4096",
         "\"sliding_window\" is not supported for llama"},
        {"LlamaForCausalLM", ",\"embedding_multiplier\":12.0", "\"embedding_multiplier\""},
        {"MistralForCausalLM", ",\"use_sliding_window\":true", "\"use_sliding_window\""},
        {"MistralForCausalLM", ",\"sliding_window\":0",
         "\"sliding_window\" must be a whole number"},
        {"MistralForCausalLM", ",\"sliding_window\":[32768,null]",
         "\"sliding_window\" must be a whole number"},
        {"GemmaForCausalLM", ",\"final_logit_softcapping\":30.0", "\"final_logit_softcapping\""},
        {"GemmaForCausalLM", ",\"attn_logit_softcapping\":50.0", "\"attn_logit_softcapping\""},
        {"GemmaForCausalLM", ",\"query_pre_attn_scalar\":256", "\"query_pre_attn_scalar\""},
        {"GemmaForCausalLM", ",\"hidden_activation\":\"gelu\"",
         "activation \"gelu\" is not supported for gemma"},
        {"GemmaForCausalLM", ",\"hidden_act\":\"silu\"", "activation \"silu\""},
        {"LlamaForCausalLM", ",\"hidden_act\":\"gelu\"",
         "activation \"gelu\" is not supported for llama"},
        {"LlamaForCausalLM", ",\"hidden_act\":3", "activation \"(not a string)\""},
        {"LlamaForCausalLM", ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}",
         "rope type \"yarn\" is not supported"},
        {"LlamaForCausalLM", ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}",
         "rope type \"dynamic\""},
        {"LlamaForCausalLM", ",\"rope_parameters\":{\"rope_type\":\"longrope\"}",
         "rope type \"longrope\""},
        {"LlamaForCausalLM", ",\"rope_scaling\":{\"factor\":2}", "rope type \"(none)\""},
        {"LlamaForCausalLM", ",\"rope_scaling\":{\"rope_type\":7}", "rope type \"(none)\""},
        {"LlamaForCausalLM", ",\"rope_scaling\":\"linear\"", "\"rope_scaling\" is not an object"},
        {"LlamaForCausalLM", ",\"rope_parameters\":true", "\"rope_parameters\" is not an object"},
        {"LlamaForCausalLM",
         ",\"rope_parameters\":{\"rope_type\":\"default\",\"partial_rotary_factor\":0.5}",
         "\"partial_rotary_factor\""},
        {"LlamaForCausalLM",
         ",\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"default\"}}",
         "\"full_attention\""},
        {"LlamaForCausalLM",
         ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},\"rope_parameters\":{\"rope_type\":"
         "\"default\"}",
         "rope_scaling and rope_parameters differ"},
        {"LlamaForCausalLM", ",\"rope_scaling\":{\"type\":\"linear\"}",
         "\"factor\" must be a positive number"},
        {"LlamaForCausalLM",
         ",\"rope_scaling\":{\"factor\":8,\"rope_type\":\"llama3\",\"low_freq_factor\":4,\"high_"
         "freq_factor\":4,"
         "\"original_max_position_embeddings\":64}",
         "high_freq_factor must be above"},
        {"LlamaForCausalLM", ",\"rope_theta\":\"500000\"",
         "\"rope_theta\" must be a positive number"},
        {"LlamaForCausalLM", ",\"rms_norm_eps\":0", "\"rms_norm_eps\" must be a positive number"},
        {"LlamaForCausalLM", ",\"tie_word_embeddings\":\"true\"",
         "\"tie_word_embeddings\" must be true or false"},
        {"LlamaForCausalLM", ",\"num_key_value_heads\":3",
         "is not a multiple of num_key_value_heads 3"},
        {"LlamaForCausalLM", ",\"num_key_value_heads\":4.0",
         "\"num_key_value_heads\" must be a whole number"},
        {"LlamaForCausalLM", ",\"head_dim\":5", "head_dim 5 is odd"},
        {"LlamaForCausalLM", ",\"hidden_size\":128", "duplicate object key"},
        {"LlamaForCausalLM", ",\"pruned_heads\":{\"0\":[1]}", "\"pruned_heads\" is not supported"},
        {"LlamaForCausalLM", ",\"is_encoder_decoder\":true", "\"is_encoder_decoder\""},
        {"LlamaForCausalLM", ",\"eos_token_id\":[1,2,3,4,5,6,7,8,9]", "more than 8 end tokens"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sp_config c;
        sp_err e = {0};
        char *text = sp_xasprintf(SMALL("%s") "%s}", rows[i][0], rows[i][1]);
        if (!load(&c, text, NULL, &e)) fail_msg("%s was taken", text);
        assert_int_equal(e.code, SP_EINPUT);
        if (!strstr(e.msg, rows[i][2])) fail_msg("\"%s\", expected \"%s\"", e.msg, rows[i][2]);
        free(text);
    }
    sp_config c;
    sp_err e = {0};
    assert_int_equal(load(&c, "{\"hidden_size\":64}", NULL, &e), -1);
    assert_non_null(strstr(e.msg, "architecture \"(none)\""));
}

/* The same keys switched off say nothing. */
static void switched_off(void **state)
{
    (void)state;
    loaded(SMALL("LlamaForCausalLM") ",\"attention_bias\":false,\"mlp_bias\":null,\"qk_norm\":"
                                     "false,\"attention_dropout\":0,\"layer_types\":null,"
                                     "\"quantization_config\":null,\"sliding_window\":null,\"rope_"
                                     "scaling\":false,\"_anything\":[1]}",
           NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),
        cmocka_unit_test(end_tokens),
        cmocka_unit_test(defaults),
        cmocka_unit_test(rope_spellings),
        cmocka_unit_test(refused),
        cmocka_unit_test(switched_off),
        cmocka_unit_test(passed_over),
        cmocka_unit_test(tied_heads),
        cmocka_unit_test(ignored_by_request),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
