/* config.c - see config.h.
 *
 * What differs between families stands in one table, `families`; what differs between checkpoints
 * of a family comes from config.json. Where the file is silent, the defaults are those of the
 * makers' own code (Hugging Face Transformers).
 *
 * Reading follows one pattern. sp_members (members.h) carries the file's name, the object and the
 * error; a read_ function takes members from it into *c and returns 0, or -1 with a message that
 * names file and member. *c starts zeroed, so a setting that is not read is off.
 */
#include "engine/config.h"

#include "base/arith.h"
#include "base/memory.h"
#include "engine/members.h"
#include "io/read_file.h"
#include "tensor/hf_found.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A new family is one line of the table below, and its tests (tests/unit/test_config.c has the
 * published files, test_engine.c the reference values). */
typedef struct {
    const char *architecture; /* as in "architectures" */
    const char *name;         /* as in "model_type" */
    bool norm_plus_one;       /* norms multiply by 1 + w */
    bool scale_embed;         /* embeddings are multiplied by sqrt(hidden) */
    bool tied;                /* default of tie_word_embeddings */
    sp_act act;
    /* Defaults. head_dim 0 = hidden / heads, kv_heads 0 = heads, window 0 = the family has none. */
    int64_t head_dim, kv_heads, window, max_position;
} family;

/* clang-format off */
static const family families[] = {
    {"LlamaForCausalLM", "llama", false, false, false, SP_ACT_SILU, 0, 0, 0, 2048},
    {"MistralForCausalLM", "mistral", false, false, false, SP_ACT_SILU, 0, 8, 4096, 131072},
    {"GemmaForCausalLM", "gemma", true, true, true, SP_ACT_GELU_TANH, 256, 16, 0, 8192},
};

/* Keys that are read below. */
static const char *const known_keys[] = {
    "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "intermediate_size", "vocab_size", "rms_norm_eps", "rope_theta", "rope_scaling", "rope_parameters", "sliding_window", "hidden_act",
    "hidden_activation", "tie_word_embeddings", "max_position_embeddings", "eos_token_id", "attention_dropout",
};

/* Keys that say nothing about the forward pass, whatever their values: what the makers' scripts leave behind, training, other
 * runtimes, and defaults of generation, which the command line gives. */
static const char *const harmless_keys[] = {
    "bos_token_id", "pad_token_id", "torch_dtype", "dtype", "transformers_version", "use_cache", "initializer_range", "pretraining_tp",
    "unk_token_id", "is_llama_config", "max_sequence_length", "attn_implementation", "name_or_path", "sep_token_id",
    "return_dict", "output_attentions", "output_hidden_states", "task_specific_params", "problem_type", "id2label", "label2id",
    "max_length", "do_sample", "temperature", "top_p", "top_k", "repetition_penalty", "unsloth_version", "unsloth_fixed",
    "transformers.js_config", "custom_pipelines", "keys_to_ignore_at_inference", "num_labels", "finetuning_task", "prefix",
    "tokenizer_class", "model_max_length", "max_seq_len", "tokenizer_model_max_length", "padding_side", "tokenizer_padding_side",
    "torchscript", "use_bfloat16", "tf_legacy_loss", "is_decoder", "chunk_size_feed_forward", "gradient_checkpointing",
    "use_flash_attn", "use_flash_attention", "use_flash_attention_2", "output_scores", "output_logits",
    "return_dict_in_generate", "min_length", "max_new_tokens", "min_new_tokens", "early_stopping", "num_beams", "num_beam_groups",
    "num_return_sequences", "diversity_penalty", "length_penalty", "no_repeat_ngram_size", "encoder_no_repeat_ngram_size",
    "bad_words_ids", "typical_p", "min_p", "epsilon_cutoff", "eta_cutoff", "penalty_alpha", "renormalize_logits",
    "remove_invalid_values", "exponential_decay_length_penalty", "suppress_tokens", "begin_suppress_tokens",
    "decoder_start_token_id", "forced_bos_token_id", "forced_eos_token_id", "cross_attention_hidden_size",
};

/* Keys that are read in rope_scaling and rope_parameters. */
static const char *const rope_keys[] = {
    "rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
};
/* clang-format on */

/* ---- keys that are passed over -------------------------------------------------------- */

static const char *ignored[SP_MAX_IGNORED]; /* (n_ignored), by sp_config_ignore */
static size_t n_ignored;

static bool is_among(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(key, keys[i])) return true;
    return false;
}

int sp_config_ignore(const char *key, sp_err *e)
{
    if (is_among(key, known_keys, COUNT(known_keys)) || is_among(key, rope_keys, COUNT(rope_keys)))
        return sp_fail(e, SP_EUSAGE, "\"%s\" is read and cannot be passed over", key);
    if (n_ignored == SP_MAX_IGNORED)
        return sp_fail(e, SP_EUSAGE, "more than %d keys", SP_MAX_IGNORED);
    ignored[n_ignored++] = key;
    return 0;
}

/* Add the name to c->passed; what does not fit is cut. */
static void note_passed(sp_config *c, const char *key)
{
    size_t n = strlen(c->passed);
    snprintf(c->passed + n, sizeof c->passed - n, "%s%s", n ? ", " : "", key);
}

/* Take the members out of obj that need not be looked at: those of sp_config_ignore and, unless
 * keys is NULL, those among the n keys. What is off goes without a word. */
static void pass_over(json_t *obj, const char *const *keys, size_t n, sp_config *c)
{
    const char *key;
    json_t *v;
    void *next;
    json_object_foreach_safe(obj, next, key, v)
    {
        if (!is_among(key, ignored, n_ignored) && !is_among(key, keys, n)) continue;
        if (sp_member_on(v)) note_passed(c, key);
        json_object_del(obj, key);
    }
}

/* ---- family and sizes ----------------------------------------------------------------- */

/* Find the family of the first architecture that the file lists; a model_type, where there is one,
 * must agree. Returns an entry of the table, or NULL with a message. */
static const family *find_family(const sp_members *r)
{
    const json_t *list = json_object_get(r->obj, "architectures");
    const char *arch = json_string_value(json_array_get(list, 0));
    const char *type = json_string_value(json_object_get(r->obj, "model_type"));
    for (size_t i = 0; arch && i < COUNT(families); i++) {
        if (strcmp(arch, families[i].architecture)) continue;
        if (!type || !strcmp(type, families[i].name)) return &families[i];
        sp_fail(r->e, SP_EINPUT, "%s: model_type \"%s\" does not go with architecture \"%s\"",
                r->path, type, arch);
        return NULL;
    }
    sp_fail(r->e, SP_EINPUT,
            "%s: architecture \"%s\" is not supported (LlamaForCausalLM, MistralForCausalLM, "
            "GemmaForCausalLM are)",
            r->path, arch ? arch : "(none)");
    return NULL;
}

/* Read kv_heads, and check what heads, kv_heads and head_dim must be to each other. Needs heads and
 * head_dim. */
static int read_head_counts(const sp_members *r, const family *f, sp_config *c)
{
    /* Absent: the family's default. Null: as many as heads, in every family. */
    bool absent = !json_object_get(r->obj, "num_key_value_heads");
    int64_t fallback = absent && f->kv_heads ? f->kv_heads : c->heads;
    if (sp_member_int(r, "num_key_value_heads", fallback, 1, 65536, &c->kv_heads) < 0) return -1;
    if (c->heads % c->kv_heads)
        return sp_fail(r->e, SP_EINPUT,
                       "%s: num_attention_heads %lld is not a multiple of num_key_value_heads %lld",
                       r->path, (long long)c->heads, (long long)c->kv_heads);
    if (c->head_dim % 2) /* rotary embedding turns pairs */
        return sp_fail(r->e, SP_EINPUT, "%s: head_dim %lld is odd", r->path,
                       (long long)c->head_dim);
    return 0;
}

/* Read all widths and counts. Their limits keep products of two of them far from overflow. A
 * fallback of 0, which is below the lower limit 1, says that the member must be there. */
static int read_sizes(const sp_members *r, const family *f, sp_config *c)
{
    const int64_t big = 1 << 24, max_position = 1 << 30;
    if (sp_member_int(r, "hidden_size", 0, 1, big, &c->hidden) < 0 ||
        sp_member_int(r, "num_hidden_layers", 0, 1, 4096, &c->layers) < 0 ||
        sp_member_int(r, "num_attention_heads", 0, 1, 65536, &c->heads) < 0 ||
        sp_member_int(r, "intermediate_size", 0, 1, big, &c->mlp) < 0 ||
        sp_member_int(r, "vocab_size", 0, 1, big, &c->vocab) < 0)
        return -1;
    int64_t head_dim = f->head_dim ? f->head_dim : SP_MAX(c->hidden / c->heads, 1);
    if (sp_member_int(r, "head_dim", head_dim, 1, 65536, &c->head_dim) < 0 ||
        sp_member_int(r, "max_position_embeddings", f->max_position, 1, max_position,
                      &c->max_position) < 0)
        return -1;
    return read_head_counts(r, f, c);
}

/* ---- single settings ------------------------------------------------------------------ */

/* Read the sliding window, in tokens. Absent: the family's default; null: none. A family without a
 * window refuses one. */
static int read_window(const sp_members *r, const family *f, sp_config *c)
{
    const json_t *w = json_object_get(r->obj, "sliding_window");
    if (!f->window && sp_member_on(w))
        return sp_fail(r->e, SP_EINPUT, "%s: \"sliding_window\" is not supported for %s", r->path,
                       f->name);
    if (!f->window || json_is_null(w)) return 0;
    return sp_member_int(r, "sliding_window", f->window, 1, 1 << 30, &c->window);
}

/* Check the activation, which is the family's and cannot be chosen. hidden_act names it; where it
 * is absent or null, the family's is meant.
 *
 * Gemma: hidden_activation decides. Where it is absent the tanh form is meant, also when hidden_act
 * says "gelu", as it does in the published files. */
static int read_activation(const sp_members *r, const family *f, sp_config *c)
{
    bool gemma = f->act == SP_ACT_GELU_TANH;
    const json_t *v = gemma ? json_object_get(r->obj, "hidden_activation") : NULL;
    bool legacy = !v || json_is_null(v);
    if (legacy) v = json_object_get(r->obj, "hidden_act");
    const char *name = json_string_value(v);
    c->act = f->act;
    if (!v || json_is_null(v)) return 0;
    if (name && !strcmp(name, gemma ? "gelu_pytorch_tanh" : "silu")) return 0;
    if (name && gemma && legacy && !strcmp(name, "gelu")) return 0;
    return sp_fail(r->e, SP_EINPUT, "%s: activation \"%s\" is not supported for %s", r->path,
                   name ? name : "(not a string)", f->name);
}

/* Refuse attention dropout unless it is 0, false, null or absent: it would make training draw
 * random numbers, and nothing here does. */
static int refuse_dropout(const sp_members *r)
{
    const json_t *v = json_object_get(r->obj, "attention_dropout");
    bool zero = json_is_number(v) && json_number_value(v) == 0;
    if (!sp_member_on(v) || zero) return 0;
    return sp_fail(r->e, SP_EINPUT, "%s: \"attention_dropout\" is not supported", r->path);
}

/* Add the end tokens of r->obj, an id or a list of ids: those that the vocabulary has and c has
 * not. What is no id is skipped. Needs c->vocab. 0, or -1 where they are more than SP_MAX_EOS. */
static int add_eos(const sp_members *r, sp_config *c)
{
    const json_t *v = json_object_get(r->obj, "eos_token_id");
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_is_array(v) ? json_array_get(v, i) : v;
        json_int_t id = json_is_integer(x) ? json_integer_value(x) : -1;
        bool skip = id < 0 || id >= c->vocab;
        for (int j = 0; j < c->n_eos && !skip; j++) skip = c->eos[j] == id;
        if (skip) continue;
        if (c->n_eos == SP_MAX_EOS)
            return sp_fail(r->e, SP_EINPUT, "%s: more than %d end tokens", r->path, SP_MAX_EOS);
        c->eos[c->n_eos++] = (int32_t)id;
    }
    return 0;
}

/* ---- rotary embedding ----------------------------------------------------------------- */

/* Set *out to the object that describes the rotary embedding: rope_scaling, or rope_parameters as
 * newer files call it; NULL where there is neither. Both may be there if they say the same. *out is
 * borrowed from r->obj. */
static int find_rope(const sp_members *r, const json_t **out)
{
    static const char *const names[] = {"rope_scaling", "rope_parameters"};
    *out = NULL;
    for (size_t i = 0; i < COUNT(names); i++) {
        const json_t *v = json_object_get(r->obj, names[i]);
        if (!sp_member_on(v)) continue;
        if (!json_is_object(v))
            return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" is not an object", r->path, names[i]);
        if (*out && !json_equal(*out, v))
            return sp_fail(r->e, SP_EINPUT, "%s: rope_scaling and rope_parameters differ", r->path);
        *out = v;
    }
    return 0;
}

/* Read the four numbers of LLaMA 3.1's scaling (rope.h), of which none has a default. The formula
 * divides by high - low, hence the last check. */
static int read_llama3_rope(const sp_members *r, sp_config *c)
{
    c->rope = SP_ROPE_LLAMA3;
    if (sp_member_positive(r, "factor", 0, &c->rope_factor) < 0 ||
        sp_member_positive(r, "low_freq_factor", 0, &c->rope_low) < 0 ||
        sp_member_positive(r, "high_freq_factor", 0, &c->rope_high) < 0 ||
        sp_member_positive(r, "original_max_position_embeddings", 0, &c->rope_orig) < 0)
        return -1;
    if (c->rope_high > c->rope_low) return 0;
    return sp_fail(r->e, SP_EINPUT,
                   "%s: rope_scaling: high_freq_factor must be above low_freq_factor", r->path);
}

/* Read the kind of scaling that `rope` asks for, by its "rope_type" or, in older files, "type".
 * Without a type the kind is plain; a factor without a type is refused, since it says that some
 * scaling is meant. */
static int read_rope_kind(const sp_members *rope, sp_config *c)
{
    const json_t *type = json_object_get(rope->obj, "rope_type");
    if (!type) type = json_object_get(rope->obj, "type");
    const char *name = json_string_value(type);
    bool plain = name ? !strcmp(name, "default") : !type && !json_object_get(rope->obj, "factor");
    bool known = plain || (name && (!strcmp(name, "linear") || !strcmp(name, "llama3")));
    if (!known)
        return sp_fail(rope->e, SP_EINPUT, "%s: rope type \"%s\" is not supported", rope->path,
                       name ? name : "(none)");
    if (sp_members_known(rope, rope_keys, COUNT(rope_keys)) < 0) return -1;
    c->rope = SP_ROPE_PLAIN;
    if (plain) return 0;
    if (!strcmp(name, "llama3")) return read_llama3_rope(rope, c);
    c->rope = SP_ROPE_LINEAR;
    return sp_member_positive(rope, "factor", 0, &c->rope_factor);
}

/* Read all about the rotary embedding. rope_theta may stand in its description or beside it;
 * without a description the kind stays plain. */
static int read_rope(const sp_members *r, sp_config *c)
{
    const json_t *obj;
    if (find_rope(r, &obj) < 0) return -1;
    sp_members rope = {r->path, obj, r->e};
    bool inside = json_object_get(obj, "rope_theta");
    if (sp_member_positive(inside ? &rope : r, "rope_theta", 10000, &c->rope_theta) < 0) return -1;
    return obj ? read_rope_kind(&rope, c) : 0;
}

/* ---- the files ------------------------------------------------------------------------ */

/* Everything but generation_config.json. The order decides which message a file with several faults
 * gets. */
static int read_config(const sp_members *r, sp_config *c)
{
    const family *f = find_family(r);
    if (!f || sp_members_known(r, known_keys, COUNT(known_keys)) < 0 || refuse_dropout(r) < 0)
        return -1;
    c->family = f->name;
    if (read_sizes(r, f, c) < 0 || read_window(r, f, c) < 0 ||
        sp_member_positive(r, "rms_norm_eps", 1e-6, &c->norm_eps) < 0 ||
        read_activation(r, f, c) < 0 || read_rope(r, c) < 0 ||
        sp_member_bool(r, "tie_word_embeddings", f->tied, &c->tied) < 0)
        return -1;
    c->norm_plus_one = f->norm_plus_one;
    c->embed_scale = f->scale_embed ? sqrtf((float)c->hidden) : 1;
    return add_eos(r, c);
}

/* The JSON object in a file, the caller's; NULL with a message, or without one where the file is
 * not there. */
static json_t *load_object(const char *path, sp_err *e)
{
    json_t *j;
    int rc = sp_read_json(path, JSON_REJECT_DUPLICATES, &j, e);
    if (json_is_object(j)) return j;
    if (rc > 0) sp_fail(e, SP_EINPUT, "%s: not a JSON object", path);
    json_decref(j);
    return NULL;
}

/* There is no config.json: what is there instead? */
static void refuse_absent(const char *dir, sp_err *e)
{
    char *found = sp_hf_found(dir);
    sp_fail(e, SP_EINPUT, "%s/config.json: %s%s", dir, strerror(ENOENT), found);
    free(found);
}

/* Fill *c, zeroed on entry, from DIR/config.json. 0, or -1 with a message. */
static int load_config(sp_config *c, const char *dir, sp_err *e)
{
    char *path = sp_xasprintf("%s/config.json", dir);
    json_t *j = load_object(path, e);
    if (!j && !e->code) refuse_absent(dir, e);
    if (j) {
        pass_over(j, harmless_keys, COUNT(harmless_keys), c);
        pass_over(json_object_get(j, "rope_scaling"), NULL, 0, c);
        pass_over(json_object_get(j, "rope_parameters"), NULL, 0, c);
    }
    int rc = j ? read_config(&(sp_members){path, j, e}, c) : -1;
    json_decref(j);
    free(path);
    return rc;
}

/* Add the end tokens of DIR/generation_config.json. The file is optional; what it says beside end
 * tokens concerns generation alone. Needs an e without an error: e->code alone tells a broken file
 * from one that is not there. */
static int add_generation_config(sp_config *c, const char *dir, sp_err *e)
{
    char *path = sp_xasprintf("%s/generation_config.json", dir);
    json_t *j = load_object(path, e);
    int rc = e->code ? -1 : add_eos(&(sp_members){path, j, e}, c);
    json_decref(j);
    free(path);
    return rc;
}

int sp_config_load(sp_config *c, const char *dir, sp_err *e)
{
    *c = (sp_config){0}; /* no scaling, no window, no end tokens */
    return load_config(c, dir, e) < 0 ? -1 : add_generation_config(c, dir, e);
}

int sp_config_tied(const char *dir, bool *tied, sp_err *e)
{
    char *path = sp_xasprintf("%s/config.json", dir);
    json_t *j;
    int rc = sp_read_json(path, 0, &j, e);
    const json_t *list = json_object_get(j, "architectures");
    const char *arch = json_string_value(json_array_get(list, 0));
    bool fallback = false;
    for (size_t i = 0; arch && i < COUNT(families); i++)
        if (!strcmp(arch, families[i].architecture)) fallback = families[i].tied;
    if (rc > 0)
        rc = sp_member_bool(&(sp_members){path, j, e}, "tie_word_embeddings", fallback, tied) < 0
                 ? -1
                 : 1;
    json_decref(j);
    free(path);
    return rc;
}
