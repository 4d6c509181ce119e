/* model.c - config.json to numbers, tensor names to weights. See model.h.
 *
 * What differs between families stands in one table, `families`; what differs between checkpoints
 * of a family comes from config.json. A key that is not known here and is switched on is refused:
 * it might change the arithmetic.
 */
#include "engine/model.h"
#include "base/hash.h"
#include "base/philox.h"
#include "tensor/vec.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
    const char *architecture, *name;
    bool norm_plus_one, scale_embed, tied;
    sp_act act;
    /* defaults; head_dim 0 = hidden / heads, kv_heads 0 = heads, window 0 = none */
    int64_t head_dim, kv_heads, window, max_position;
} family;

/* clang-format off */
static const family families[] = {
    {"LlamaForCausalLM", "llama", false, false, false, SP_ACT_SILU, 0, 0, 0, 2048},
    {"MistralForCausalLM", "mistral", false, false, false, SP_ACT_SILU, 0, 8, 4096, 131072},
    {"GemmaForCausalLM", "gemma", true, true, true, SP_ACT_GELU_TANH, 256, 16, 0, 8192},
};
/* clang-format on */

/* Keys read below, and keys that say nothing about the forward pass: what the makers' scripts leave
 * behind, and defaults of generation, which this project takes from the command line. */
/* clang-format off */
static const char *const known_keys[] = {
    "architectures", "model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "intermediate_size", "vocab_size", "rms_norm_eps", "rope_theta", "rope_scaling", "rope_parameters", "sliding_window", "hidden_act",
    "hidden_activation", "tie_word_embeddings", "max_position_embeddings", "eos_token_id", "attention_dropout",
    /* harmless */
    "bos_token_id", "pad_token_id", "torch_dtype", "dtype", "transformers_version", "use_cache", "initializer_range", "pretraining_tp",
    "unk_token_id", "is_llama_config", "max_sequence_length", "attn_implementation", "name_or_path", "sep_token_id",
    "return_dict", "output_attentions", "output_hidden_states", "task_specific_params", "problem_type", "id2label", "label2id",
    "max_length", "do_sample", "temperature", "top_p", "top_k", "repetition_penalty", "unsloth_version", "unsloth_fixed",
};
/* clang-format on */

/* Keys of rope_scaling and rope_parameters that are read. */
/* clang-format off */
static const char *const rope_keys[] = {
    "rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
};
/* clang-format on */

/* ---- configuration -------------------------------------------------------------------- */

typedef struct {
    const char *path;
    const json_t *obj;
    sp_err *e;
} reader;

static int read_int(const reader *r, const char *key, int64_t fallback, int64_t lo, int64_t hi,
                    int64_t *out)
{
    const json_t *v = json_object_get(r->obj, key);
    if (!v || json_is_null(v)) {
        if (fallback < lo) return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" is missing", r->path, key);
        *out = fallback;
        return 0;
    }
    if (!json_is_integer(v) || json_integer_value(v) < lo || json_integer_value(v) > hi)
        return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" must be a whole number in %lld..%lld", r->path,
                       key, (long long)lo, (long long)hi);
    *out = json_integer_value(v);
    return 0;
}

static int read_bool(const reader *r, const char *key, bool fallback, bool *out)
{
    const json_t *v = json_object_get(r->obj, key);
    *out = v && !json_is_null(v) ? json_is_true(v) : fallback;
    if (!v || json_is_null(v) || json_is_boolean(v)) return 0;
    return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" must be true or false", r->path, key);
}

static int read_real(const reader *r, const char *key, double fallback, double *out)
{
    const json_t *v = json_object_get(r->obj, key);
    *out = v && !json_is_null(v) ? json_number_value(v) : fallback;
    if (*out > 0 && isfinite(*out)) return 0;
    return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" must be a positive number", r->path, key);
}

static bool switched_on(const json_t *v) { return v && !json_is_null(v) && !json_is_false(v); }

static bool is_one_of(const char *key, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(key, list[i])) return true;
    return false;
}

/* Keys of r->obj outside the list must be switched off: what is not known might change the
 * arithmetic. */
static int refuse_unknown(const reader *r, const char *const *list, size_t n)
{
    const char *key;
    json_t *v;
    json_object_foreach(
        (json_t *)r->obj, key,
        v) if (key[0] != '_' && switched_on(v) &&
               !is_one_of(
                   key, list,
                   n)) return sp_fail(r->e, SP_EINPUT,
                                      "%s: \"%s\" is not supported: it might change the arithmetic",
                                      r->path, key);
    return 0;
}

/* The family of the architecture, to which model_type must not say the contrary. */
static const family *find_family(const reader *r)
{
    const char *arch =
        json_string_value(json_array_get(json_object_get(r->obj, "architectures"), 0));
    const char *type = json_string_value(json_object_get(r->obj, "model_type"));
    for (size_t i = 0; arch && i < sizeof families / sizeof *families; i++) {
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

/* Gemma: hidden_activation decides; where it is absent the tanh form is meant, also when hidden_act
 * says "gelu", as the published files do. */
static int read_activation(const reader *r, const family *f, sp_config *c)
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

/* The object that describes the rotary embedding: rope_scaling, or rope_parameters as newer files
 * call it. NULL = neither. */
static int find_rope(const reader *r, const json_t **out)
{
    static const char *const names[] = {"rope_scaling", "rope_parameters"};
    *out = NULL;
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = json_object_get(r->obj, names[i]);
        if (!switched_on(v)) continue;
        if (!json_is_object(v))
            return sp_fail(r->e, SP_EINPUT, "%s: \"%s\" is not an object", r->path, names[i]);
        if (*out && !json_equal(*out, v))
            return sp_fail(r->e, SP_EINPUT, "%s: rope_scaling and rope_parameters differ", r->path);
        *out = v;
    }
    return 0;
}

static int read_llama3_rope(const reader *r, sp_config *c)
{
    c->rope = SP_ROPE_LLAMA3;
    if (read_real(r, "factor", 0, &c->rope_factor) < 0 ||
        read_real(r, "low_freq_factor", 0, &c->rope_low) < 0 ||
        read_real(r, "high_freq_factor", 0, &c->rope_high) < 0 ||
        read_real(r, "original_max_position_embeddings", 0, &c->rope_orig) < 0)
        return -1;
    if (c->rope_high > c->rope_low) return 0;
    return sp_fail(r->e, SP_EINPUT,
                   "%s: rope_scaling: high_freq_factor must be above low_freq_factor", r->path);
}

static int read_rope(const reader *r, sp_config *c)
{
    const json_t *s, *type;
    if (find_rope(r, &s) < 0) return -1;
    reader in = {r->path, s, r->e};
    if (read_real(json_object_get(s, "rope_theta") ? &in : r, "rope_theta", 10000, &c->rope_theta) <
        0)
        return -1;
    c->rope = SP_ROPE_PLAIN;
    if (!s) return 0;
    if (!(type = json_object_get(s, "rope_type"))) type = json_object_get(s, "type");
    const char *name = json_string_value(type);
    bool plain = (!type && !json_object_get(s, "factor")) || (name && !strcmp(name, "default"));
    if (!plain && (!name || (strcmp(name, "linear") && strcmp(name, "llama3"))))
        return sp_fail(r->e, SP_EINPUT, "%s: rope type \"%s\" is not supported", r->path,
                       name ? name : "(none)");
    if (refuse_unknown(&in, rope_keys, sizeof rope_keys / sizeof *rope_keys) < 0) return -1;
    if (plain) return 0;
    if (!strcmp(name, "llama3")) return read_llama3_rope(&in, c);
    c->rope = SP_ROPE_LINEAR;
    return read_real(&in, "factor", 0, &c->rope_factor);
}

static void add_eos(sp_config *c, const json_t *v)
{
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_is_array(v) ? json_array_get(v, i) : v;
        bool seen =
            !json_is_integer(x) || json_integer_value(x) < 0 || json_integer_value(x) >= c->vocab;
        for (int j = 0; j < c->n_eos && !seen; j++) seen = c->eos[j] == json_integer_value(x);
        if (!seen && c->n_eos < 8) c->eos[c->n_eos++] = (int32_t)json_integer_value(x);
    }
}

static int read_sizes(const reader *r, const family *f, sp_config *c)
{
    const int64_t big = 1 << 24;
    if (read_int(r, "hidden_size", 0, 1, big, &c->hidden) < 0 ||
        read_int(r, "num_hidden_layers", 0, 1, 4096, &c->layers) < 0 ||
        read_int(r, "num_attention_heads", 0, 1, 65536, &c->heads) < 0 ||
        read_int(r, "intermediate_size", 0, 1, big, &c->mlp) < 0 ||
        read_int(r, "vocab_size", 0, 1, big, &c->vocab) < 0 ||
        read_int(r, "head_dim", f->head_dim ? f->head_dim : SP_MAX(c->hidden / c->heads, 1), 1,
                 65536, &c->head_dim) < 0 ||
        read_int(r, "max_position_embeddings", f->max_position, 1, 1 << 30, &c->max_position) < 0)
        return -1;
    /* null: as many as heads, in every family */
    bool absent = !json_object_get(r->obj, "num_key_value_heads");
    if (read_int(r, "num_key_value_heads", absent && f->kv_heads ? f->kv_heads : c->heads, 1, 65536,
                 &c->kv_heads) < 0)
        return -1;
    if (c->heads % c->kv_heads)
        return sp_fail(r->e, SP_EINPUT,
                       "%s: num_attention_heads %lld is not a multiple of num_key_value_heads %lld",
                       r->path, (long long)c->heads, (long long)c->kv_heads);
    if (c->head_dim % 2)
        return sp_fail(r->e, SP_EINPUT, "%s: head_dim %lld is odd", r->path,
                       (long long)c->head_dim);
    return 0;
}

/* Absent: the family's default; null: none. */
static int read_window(const reader *r, const family *f, sp_config *c)
{
    const json_t *w = json_object_get(r->obj, "sliding_window");
    if (f->window)
        return json_is_null(w) ? 0
                               : read_int(r, "sliding_window", f->window, 1, 1 << 30, &c->window);
    return switched_on(w)
               ? sp_fail(r->e, SP_EINPUT, "%s: \"sliding_window\" is not supported for %s", r->path,
                         f->name)
               : 0;
}

/* Dropout would make training draw, which nothing here does. */
static int refuse_dropout(const reader *r)
{
    const json_t *v = json_object_get(r->obj, "attention_dropout");
    bool on = switched_on(v) && !(json_is_number(v) && json_number_value(v) == 0);
    return on ? sp_fail(r->e, SP_EINPUT, "%s: \"attention_dropout\" is not supported", r->path) : 0;
}

static int read_config(const reader *r, sp_config *c)
{
    const family *f = find_family(r);
    if (!f || refuse_unknown(r, known_keys, sizeof known_keys / sizeof *known_keys) < 0 ||
        refuse_dropout(r) < 0)
        return -1;
    c->family = f->name;
    if (read_sizes(r, f, c) < 0 || read_window(r, f, c) < 0 ||
        read_real(r, "rms_norm_eps", 1e-6, &c->norm_eps) < 0 || read_activation(r, f, c) < 0 ||
        read_rope(r, c) < 0 || read_bool(r, "tie_word_embeddings", f->tied, &c->tied) < 0)
        return -1;
    c->norm_plus_one = f->norm_plus_one;
    c->embed_scale = f->scale_embed ? sqrtf((float)c->hidden) : 1;
    add_eos(c, json_object_get(r->obj, "eos_token_id"));
    return 0;
}

static json_t *load_json(const char *dir, const char *file, bool needed, sp_err *e)
{
    json_error_t je;
    char *path = sp_xasprintf("%s/%s", dir, file);
    FILE *f = fopen(path, "rb");
    json_t *j = f ? json_loadf(f, JSON_REJECT_DUPLICATES, &je) : NULL;
    if (!f && needed) sp_fail(e, SP_EINPUT, "%s: %s", path, strerror(errno));
    else if (f && !json_is_object(j))
        sp_fail(e, SP_EINPUT, "%s: %s", path, j ? "not a JSON object" : je.text);
    if (f) fclose(f);
    free(path);
    if (j && !json_is_object(j)) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

int sp_config_load(sp_config *c, const char *dir, sp_err *e)
{
    *c = (sp_config){0};
    json_t *j = load_json(dir, "config.json", true, e);
    if (!j) return -1;
    char *path = sp_xasprintf("%s/config.json", dir);
    int rc = read_config(&(reader){path, j, e}, c);
    free(path);
    json_decref(j);
    if (rc < 0) return -1;
    j = load_json(dir, "generation_config.json", false, e);
    add_eos(c, json_object_get(j, "eos_token_id"));
    json_decref(j);
    return e->code ? -1 : 0;
}

/* ---- names and shapes ----------------------------------------------------------------- */

typedef struct {
    const char *suffix;
    int kind;
} part_name;

/* clang-format off */
static const part_name part_names[SP_PER_LAYER] = {
    {"self_attn.q_proj.weight", SP_Q},      {"self_attn.k_proj.weight", SP_K},  {"self_attn.v_proj.weight", SP_V},
    {"self_attn.o_proj.weight", SP_O},      {"mlp.gate_proj.weight", SP_GATE},  {"mlp.up_proj.weight", SP_UP},
    {"mlp.down_proj.weight", SP_DOWN},      {"input_layernorm.weight", SP_NORM1}, {"post_attention_layernorm.weight", SP_NORM2},
};
/* clang-format on */

static void part_shape(const sp_config *c, int kind, int64_t *rows, int64_t *cols)
{
    int64_t q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim, h = c->hidden;
    int64_t shapes[SP_PER_LAYER][2] = {{q, h},      {kv, h},     {kv, h}, {h, q}, {c->mlp, h},
                                       {c->mlp, h}, {h, c->mlp}, {h, 1},  {h, 1}};
    *rows = shapes[kind][0];
    *cols = shapes[kind][1];
}

/* All parameters in canonical order, without values. */
static void list_params(sp_model *m)
{
    const sp_config *c = &m->cfg;
    m->n = (size_t)(c->layers * SP_PER_LAYER + (c->tied ? 2 : 3));
    m->params = sp_xcalloc(m->n, sizeof *m->params);
    sp_param *p = m->params;
    *p++ = (sp_param){
        sp_xstrdup("model.embed_tokens.weight"), -1, -1, c->vocab, c->hidden, SP_F32, NULL, NULL};
    for (int l = 0; l < c->layers; l++)
        for (int i = 0; i < SP_PER_LAYER; i++, p++) {
            *p = (sp_param){sp_xasprintf("model.layers.%d.%s", l, part_names[i].suffix),
                            l,
                            part_names[i].kind,
                            0,
                            0,
                            SP_F32,
                            NULL,
                            NULL};
            part_shape(c, p->kind, &p->rows, &p->cols);
        }
    *p++ = (sp_param){sp_xstrdup("model.norm.weight"), -1, -1, c->hidden, 1, SP_F32, NULL, NULL};
    if (!c->tied)
        *p = (sp_param){
            sp_xstrdup("lm_head.weight"), -1, -1, c->vocab, c->hidden, SP_F32, NULL, NULL};
}

/* Set the role pointers after the order of params is final. */
static void index_params(sp_model *m)
{
    free(m->layer);
    m->layer = sp_xcalloc((size_t)m->cfg.layers * SP_PER_LAYER, sizeof *m->layer);
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        m->max_numel = SP_MAX(m->max_numel, sp_numel(p));
        if (p->layer >= 0) m->layer[p->layer * SP_PER_LAYER + p->kind] = p;
        else if (!strcmp(p->name, "model.embed_tokens.weight")) m->embed = p;
        else if (!strcmp(p->name, "model.norm.weight")) m->norm = p;
        else m->head = p;
    }
    if (m->cfg.tied) m->head = m->embed;
}

/* ---- weights -------------------------------------------------------------------------- */

static int check_tensor(const sp_src *src, const sp_tinfo *t, const sp_param *p, sp_err *e)
{
    sp_tinfo want = {.rank = p->cols == 1 ? 1 : 2, .shape = {p->rows, p->cols}};
    if (t->dtype != SP_F32 && t->dtype != SP_F16 && t->dtype != SP_BF16)
        return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": dtype %s, expected F32, F16 or BF16",
                       sp_src_name(src), t->name, sp_dtype_name(t->dtype));
    if (sp_same_shape(t, &want)) return 0;
    char found[100], expected[100];
    sp_shape_str(t, found, sizeof found);
    sp_shape_str(&want, expected, sizeof expected);
    return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\": shape %s, expected %s", sp_src_name(src),
                   t->name, found, expected);
}

/* Tensors that checkpoints carry and nothing reads: rotary frequencies, and a head that the
 * configuration ties to the embedding. */
static bool is_idle_tensor(const sp_model *m, const char *name)
{
    size_t n = strlen(name), s = strlen(".rotary_emb.inv_freq");
    return (n > s && !strcmp(name + n - s, ".rotary_emb.inv_freq")) ||
           (m->cfg.tied && !strcmp(name, "lm_head.weight"));
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const sp_param *)a)->name, ((const sp_param *)b)->name);
}

/* Bring params into the order of the checkpoint; every tensor must be expected and every expected
 * one there. */
static int match_tensors(sp_model *m, sp_err *e)
{
    qsort(m->params, m->n, sizeof *m->params, compare_names);
    sp_param *ordered = sp_xcalloc(m->n, sizeof *ordered);
    size_t n = 0;
    for (size_t i = 0; i < sp_src_count(m->src); i++) {
        const sp_tinfo *t = sp_src_info(m->src, i);
        sp_param *p = bsearch(&(sp_param){.name = t->name}, m->params, m->n, sizeof *m->params,
                              compare_names);
        if (!p && is_idle_tensor(m, t->name)) continue;
        if (!p)
            sp_fail(e, SP_EINPUT,
                    "%s: tensor \"%s\" does not belong to a %s model of this configuration",
                    sp_src_name(m->src), t->name, m->cfg.family);
        if (!p || check_tensor(m->src, t, p, e) < 0) {
            free(ordered);
            return -1;
        }
        p->dtype = t->dtype;
        ordered[n++] = *p;
        p->rows = -p->rows; /* mark as found */
    }
    for (size_t i = 0; i < m->n && n < m->n; i++)
        if (m->params[i].rows > 0) {
            free(ordered);
            return sp_fail(e, SP_EINPUT, "%s: tensor \"%s\" is missing", sp_src_name(m->src),
                           m->params[i].name);
        }
    free(m->params);
    m->params = ordered;
    return 0;
}

static int attach_bytes(sp_model *m, sp_err *e)
{
    m->held = sp_xcalloc(m->n, sizeof *m->held);
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        size_t at = (size_t)sp_src_find(m->src, p->name);
        p->data = sp_src_map(m->src, at);
        if (p->data) continue;
        p->data = m->held[i] = sp_xmalloc(sp_src_info(m->src, at)->nbytes);
        if (sp_src_read(m->src, at, m->held[i], e) < 0) return -1;
    }
    return sp_src_end(m->src, e);
}

static void draw_weights(sp_model *m, double std, uint64_t seed)
{
    for (size_t i = 0; i < m->n; i++) {
        sp_param *p = &m->params[i];
        uint64_t key = sp_hash(SP_HASH0, p->name, strlen(p->name));
        size_t n = sp_numel(p);
        p->own = sp_xfloats(n);
        float fixed = m->cfg.norm_plus_one ? 0 : 1;
#pragma omp parallel for
        for (size_t j = 0; j < n; j++)
            p->own[j] = p->cols == 1 ? fixed : (float)(std * sp_rand_normal(seed, key, j));
    }
}

/* ---- pages ---------------------------------------------------------------------------- */

static bool is_mapped(const sp_model *m, const sp_param *p)
{
    return p->data && m->held && !m->held[p - m->params];
}

/* Reading ahead takes in the partial pages at the ends; giving back leaves them to the neighbours.
 */
static void advise(const sp_model *m, const sp_param *p, int advice)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (!m->sparing || !is_mapped(m, p)) return;
    uintptr_t from = (uintptr_t)p->data, to = from + sp_numel(p) * sp_dtype_size(p->dtype);
    if (advice == MADV_WILLNEED) from -= from % page;
    else from += (page - from % page) % page, to -= to % page;
    if (to > from) madvise((void *)from, to - from, advice);
}

void sp_param_release(const sp_model *m, const sp_param *p)
{
    advise(m, p, MADV_DONTNEED);
    if (m->scratch && p->own) sp_scratch_evict(p->own, sp_numel(p) * sizeof(float));
}

void sp_layer_prefetch(const sp_model *m, int64_t l)
{
    for (size_t i = 0; i < m->n; i++) {
        const sp_param *p = &m->params[i];
        if (p->layer != l) continue;
        if (!p->own) advise(m, p, MADV_WILLNEED);
        else if (m->scratch) sp_scratch_prefetch(p->own, sp_numel(p) * sizeof(float));
    }
}

void sp_layer_release(const sp_model *m, int64_t l)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->params[i].layer == l) sp_param_release(m, &m->params[i]);
}

/* ---- open and close ------------------------------------------------------------------- */

sp_model *sp_model_blank(const char *dir, sp_err *e)
{
    sp_model *m = sp_xcalloc(1, sizeof *m);
    if (sp_config_load(&m->cfg, dir, e) == 0) {
        list_params(m);
        index_params(m);
        return m;
    }
    sp_model_close(m);
    return NULL;
}

sp_model *sp_model_open(const char *dir, const char *weights, double init_std, uint64_t seed,
                        sp_err *e)
{
    sp_model *m = sp_model_blank(dir, e);
    if (m && init_std > 0) draw_weights(m, init_std, seed);
    if (!m || init_std > 0) return m;
    m->src = sp_src_open(weights ? weights : dir, e);
    if (!m->src || match_tensors(m, e) < 0 || attach_bytes(m, e) < 0) goto fail;
    index_params(m);
    m->sparing = true;
    return m;
fail:
    sp_model_close(m);
    return NULL;
}

void sp_model_close(sp_model *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->n; i++) {
        free(m->params[i].name);
        if (!m->scratch) free(m->params[i].own);
        if (m->held) free(m->held[i]);
    }
    free(m->params);
    free(m->held);
    free(m->layer);
    free(m->rope_cos);
    free(m->rope_sin);
    if (m->src) sp_src_close(m->src);
    sp_scratch_close(m->scratch);
    free(m);
}

const float *sp_weight_part(const sp_param *p, size_t first, size_t n, float *scratch)
{
    if (p->own) return p->own + first;
    if (p->dtype == SP_F32) return (const float *)p->data + first;
    sp_to_f32(scratch, (const char *)p->data + first * sp_dtype_size(p->dtype), p->dtype, n);
    return scratch;
}

const float *sp_weight(const sp_param *p, float *scratch)
{
    return sp_weight_part(p, 0, sp_numel(p), scratch);
}

float *sp_own(sp_model *m, sp_param *p)
{
    size_t n = sp_numel(p);
    if (p->own) return p->own;
    float *x = m->scratch ? sp_scratch_take(m->scratch, n * sizeof *x) : sp_xfloats(n);
    sp_to_f32(x, p->data, p->dtype, n);
    return p->own = x;
}

/* ---- rotary tables -------------------------------------------------------------------- */

/* Angle step of pair i: theta^(-2i/d), scaled. "llama3" keeps wavelengths below orig/high, divides
 * those above orig/low by factor, and blends linearly in orig/wavelength between. */
static double rope_step(const sp_config *c, int64_t i)
{
    double f = pow(c->rope_theta, -2.0 * (double)i / (double)c->head_dim);
    if (c->rope == SP_ROPE_LINEAR) return f / c->rope_factor;
    if (c->rope != SP_ROPE_LLAMA3) return f;
    double turns = c->rope_orig * f / (2 * M_PI); /* rotations within the original context */
    double keep = (turns - c->rope_low) / (c->rope_high - c->rope_low);
    keep = keep < 0 ? 0 : keep > 1 ? 1 : keep;
    return f * (keep + (1 - keep) / c->rope_factor);
}

void sp_rope_reserve(sp_model *m, int64_t n)
{
    if (n <= m->rope_n) return;
    n = SP_MAX(n, 2 * m->rope_n);
    int64_t half = m->cfg.head_dim / 2;
    free(m->rope_cos);
    free(m->rope_sin);
    m->rope_cos = sp_xfloats((size_t)(n * half));
    m->rope_sin = sp_xfloats((size_t)(n * half));
    m->rope_n = n;
#pragma omp parallel for
    for (int64_t i = 0; i < half; i++) {
        double step = rope_step(&m->cfg, i);
        for (int64_t t = 0; t < n; t++) {
            m->rope_cos[t * half + i] = (float)cos((double)t * step);
            m->rope_sin[t * half + i] = (float)sin((double)t * step);
        }
    }
}
