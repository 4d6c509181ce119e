/* test_checkpoint.c - models opened from files: which tensor becomes which parameter, what may be
 * there besides, and what is refused; models of random weights.
 */
#include "engine/checkpoint.h"
#include "safetensors.h"

#include <zstd.h>

#define SHAPE                                                                                    \
    "\"hidden_size\":12,\"num_hidden_layers\":2,\"num_attention_heads\":2,\"intermediate_size\"" \
    ":9,\"vocab_size\":11"
static const char llama[] = "{\"architectures\":[\"LlamaForCausalLM\"]," SHAPE "}",
                  gemma[] = "{\"architectures\":[\"GemmaForCausalLM\"],\"head_dim\":4,"
                            "\"num_key_value_heads\":1," SHAPE "}";

static sp_model *open_model(const char *weights)
{
    sp_err e = {0};
    sp_model *m = sp_model_open(".", weights, &e);
    if (!m) fail_msg("%s", e.msg);
    return m;
}

/* Every parameter has the values of the tensor of its name, in the order of the file. */
static void expect_values(const sp_model *m, const tensor *t, size_t n, bool mapped)
{
    float *scratch = sp_xfloats(m->max_numel);
    assert_int_equal(m->n, n);
    for (size_t i = 0; i < n; i++) {
        const sp_param *p = &m->params[i];
        assert_string_equal(p->name, t[i].name);
        assert_true(p->rows == t[i].rows && p->cols == t[i].cols && p->dtype == t[i].x.dtype);
        assert_memory_equal(sp_param_values(p, scratch), t[i].x.values,
                            sp_numel(p) * sizeof *scratch);
        assert_true(!p->own && !p->copy == mapped);
        assert_true(sp_numel(p) <= m->max_numel);
    }
    free(scratch);
}

static void expect_roles(const sp_model *m)
{
    assert_string_equal(m->embed->name, "model.embed_tokens.weight");
    assert_string_equal(m->norm->name, "model.norm.weight");
    if (m->cfg.tied) assert_ptr_equal(m->head, m->embed);
    else assert_string_equal(m->head->name, "lm_head.weight");
    for (int l = 0; l < 2; l++)
        for (int k = 0; k < SP_PER_LAYER; k++) {
            const sp_param *p = sp_layer_param(m, l, k);
            assert_true(p->layer == l && p->kind == k);
        }
}

/* ---- what is taken -------------------------------------------------------------------- */

/* In any order: here the canonical one backwards. */
static void in_the_order_of_the_file(void **state)
{
    (void)state;
    const sp_config c = write_config(llama);
    size_t n;
    tensor *t = make_tensors(&c, &n);
    for (size_t i = 0; i < n / 2; i++) {
        tensor swap = t[i];
        t[i] = t[n - 1 - i], t[n - 1 - i] = swap;
    }
    write_safetensors("model.safetensors", t, n);
    sp_model *m = open_model(NULL);
    expect_values(m, t, n, true);
    expect_roles(m);
    assert_true(m->release_pages);
    assert_int_equal(m->max_numel, 12 * 12);
    sp_model_close(m);
    free_tensors(t, n);
}

/* A stream takes the place of the weights; compressed, it cannot be mapped. */
static void weights_from_a_stream(void **state)
{
    (void)state;
    const sp_config c = write_config(llama);
    size_t n, size;
    tensor *t = make_tensors(&c, &n);
    char *file = safetensors(t, n, &size), *packed = sp_xmalloc(ZSTD_compressBound(size));
    put_file("raw.st", file, size);
    put_file("packed.st.zst", packed,
             ZSTD_compress(packed, ZSTD_compressBound(size), file, size, 1));
    for (int zstd = 0; zstd < 2; zstd++) {
        sp_model *m = open_model(zstd ? "packed.st.zst" : "raw.st");
        expect_values(m, t, n, !zstd);
        expect_roles(m);
        sp_model_close(m);
    }
    free(file), free(packed);
    free_tensors(t, n);
}

/* A tied head, and rotary frequencies, are passed over. */
static void idle_tensors(void **state)
{
    (void)state;
    const sp_config c = write_config(gemma);
    size_t n;
    tensor *t = make_tensors(&c, &n), *more = sp_xcalloc(n + 2, sizeof *more);
    assert_true(c.tied);
    memcpy(more + 2, t, n * sizeof *t);
    more[0] = make_tensor("lm_head.weight", 11, 12, false, SP_F32);
    more[1] = make_tensor("model.layers.0.self_attn.rotary_emb.inv_freq", 2, 1, true, SP_F32);
    write_safetensors("model.safetensors", more, n + 2);
    sp_model *m = open_model(NULL);
    expect_values(m, t, n, true);
    expect_roles(m);
    sp_model_close(m);
    operand_free(&more[0].x), operand_free(&more[1].x);
    free(more);
    free_tensors(t, n);
}

/* Of a tied model the head may be all that is stored; it keeps its name. */
static void tied_by_the_head(void **state)
{
    (void)state;
    const sp_config c = write_config(gemma);
    size_t n;
    tensor *t = make_tensors(&c, &n);
    assert_string_equal(t[0].name, "model.embed_tokens.weight");
    strcpy(t[0].name, "lm_head.weight");
    write_safetensors("model.safetensors", t, n);
    sp_model *m = open_model(NULL);
    expect_values(m, t, n, true);
    assert_ptr_equal(m->embed, &m->params[0]);
    assert_ptr_equal(m->head, m->embed);
    assert_string_equal(m->norm->name, "model.norm.weight");
    sp_model_close(m);
    free_tensors(t, n);
}

/* ---- what is refused ------------------------------------------------------------------ */

static void refused(const tensor *t, size_t n, const char *message)
{
    sp_err e = {0};
    write_safetensors("model.safetensors", t, n);
    assert_null(sp_model_open(".", NULL, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, message);
}

static void refusals(void **state)
{
    (void)state;
    const sp_config c = write_config(llama);
    size_t n;
    tensor *t = make_tensors(&c, &n), was = t[3];
    refused(t, n - 1,
            "tensor \"lm_head.weight\" is missing (config.json does not tie the head to the "
            "embedding)");
    strcpy(t[3].name, "model.layers.2.self_attn.q_proj.weight");
    refused(t, n,
            "tensor \"model.layers.2.self_attn.q_proj.weight\" does not belong to a llama model");
    t[3] = was;
    t[3].flat = true, t[3].rows *= t[3].cols, t[3].cols = 1;
    refused(t, n, "v_proj.weight\": shape 144, expected 12x12");
    t[3] = was;
    t[3].rows = 6, t[3].cols = 24;
    refused(t, n, "v_proj.weight\": shape 6x24, expected 12x12");
    t[3] = was;
    t[0].dtype = "I32";
    refused(t, n, "dtype I32, expected F32, F16 or BF16");
    free_tensors(t, n);
}

/* Weights of n bytes that come through a pipe, whose end is seen only when it is read. */
static sp_model *open_pipe(const char *bytes, size_t n, sp_err *e)
{
    int end[2];
    char path[32];
    assert_int_equal(pipe(end), 0);
    assert_int_equal(write(end[1], bytes, n), n); /* a pipe holds 64 KiB */
    close(end[1]);
    snprintf(path, sizeof path, "/dev/fd/%d", end[0]);
    sp_model *m = sp_model_open(".", path, e);
    close(end[0]);
    return m;
}

/* Tensors that end early, and bytes that follow them, in a file and in a pipe. */
static void a_wrong_end(void **state)
{
    (void)state;
    const sp_config c = write_config(llama);
    size_t n, size;
    tensor *t = make_tensors(&c, &n);
    char *file = safetensors(t, n, &size), *longer = sp_xcalloc(size + 1, 1);
    memcpy(longer, file, size);
    for (int more = -1; more <= 1; more++) {
        sp_err e = {0};
        sp_model *m = open_pipe(longer, size + (size_t)more, &e);
        assert_int_equal(!m, more != 0);
        assert_int_equal(e.code, more ? SP_EINPUT : SP_OK);
        if (m) expect_values(m, t, n, false);
        sp_model_close(m);
        if (!more) continue;
        e = (sp_err){0};
        put_file("model.safetensors", longer, size + (size_t)more);
        assert_null(sp_model_open(".", NULL, &e));
        assert_int_equal(e.code, SP_EINPUT);
    }
    free(file), free(longer);
    free_tensors(t, n);
}

static void nothing_there(void **state)
{
    (void)state;
    sp_err e = {0}, e2 = {0};
    assert_null(sp_model_open(".", NULL, &e));
    assert_message(e, "config.json");
    write_config(llama);
    assert_null(sp_model_open(".", NULL, &e2));
    assert_int_equal(e2.code, SP_EINPUT);
    sp_model_close(NULL);
}

/* ---- random weights ------------------------------------------------------------------- */

static sp_model *random_model(double std, uint64_t seed)
{
    sp_err e = {0};
    sp_model *m = sp_model_random(".", std, seed, &e);
    if (!m) fail_msg("%s", e.msg);
    return m;
}

/* Deviation and reproducibility; norm weights multiply by 1: w = 1, or 1 + w with w = 0. */
static void random_weights(void **state)
{
    (void)state;
    for (int family = 0; family < 2; family++) {
        write_config(family ? gemma : llama);
        sp_model *m = random_model(0.5, 3), *again = random_model(0.5, 3),
                 *other = random_model(0.5, 4);
        double sum = 0, n = 0;
        expect_roles(m);
        for (size_t i = 0; i < m->n; i++) {
            const sp_param *p = &m->params[i];
            size_t count = sp_numel(p);
            assert_memory_equal(p->own, again->params[i].own, count * sizeof *p->own);
            for (size_t j = 0; p->cols == 1 && j < count; j++)
                assert_true(p->own[j] == (family ? 0 : 1));
            if (p->cols == 1) continue;
            assert_memory_not_equal(p->own, other->params[i].own, count * sizeof *p->own);
            for (size_t j = 0; j < count; j++) sum += pow((double)p->own[j], 2), n++;
        }
        expect_near("deviation", sqrt(sum / n), 0.5, 0.03);
        float *q = sp_layer_param(m, 0, SP_Q)->own, *other_q = sp_layer_param(m, 1, SP_Q)->own;
        assert_memory_not_equal(q, other_q, 12 * sizeof *q);
        sp_model_close(m), sp_model_close(again), sp_model_close(other);
    }
}

static void without_values(void **state)
{
    (void)state;
    sp_err e = {0};
    write_config(llama);
    sp_model *m = sp_model_blank(".", &e);
    assert_non_null(m);
    expect_roles(m);
    for (size_t i = 0; i < m->n; i++) assert_true(!m->params[i].data && !m->params[i].own);
    sp_model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(in_the_order_of_the_file),
        IN_DIR(weights_from_a_stream),
        IN_DIR(idle_tensors),
        IN_DIR(tied_by_the_head),
        IN_DIR(refusals),
        IN_DIR(a_wrong_end),
        IN_DIR(nothing_there),
        IN_DIR(random_weights),
        IN_DIR(without_values),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
