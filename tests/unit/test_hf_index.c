/* test_hf_index.c - indices that do not fit their files, or lead elsewhere. */
#include "tensor/hf_index.h"

#include "tensor_files.h"

static void open_fails(const char *path, const char *message)
{
    sp_err e = {0};
    assert_null(sp_src_open(path, &e));
    assert_int_equal(e.code, SP_EINPUT);
    assert_message(e, message);
}

static void bad_checkpoints(void **state)
{
    (void)state;
    make_checkpoint();
    static const struct {
        const char *index, *message;
    } rows[] = {
        {"{", "ck/model.safetensors.index.json: line 1"},
        {"[]", "no weight_map"},
        {"{\"weight_map\":{\"w\":\"../x\"}}", "tensor \"w\": bad file name"},
        {"{\"weight_map\":{\"w\":\"..\"}}", "bad file name"},
        {"{\"weight_map\":{\"w\":7}}", "bad file name"},
        {"{\"weight_map\":{\"w\":\"a\",\"w\":\"b\"}}", "duplicate"},
        {"{\"weight_map\":{\"w\":\"gone.safetensors\"}}", "ck/gone.safetensors: No such file"},
        {"{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\",\"m\":\"m-2."
         "safetensors\"}}",
         "ck: tensor \"m\": in the index, but not in m-2.safetensors"},
        {"{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\",\"m\":\"m-1."
         "safetensors\",\"q\":\"m-1.safetensors\"}}",
         "ck: tensor \"q\": in the index, but not in m-1.safetensors"},
        {"{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\"}}",
         "ck: tensor \"m\": in m-1.safetensors, but not in the index"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_text("ck/model.safetensors.index.json", rows[i].index);
        open_fails("ck", rows[i].message);
    }
    put_text("ck/model.safetensors.index.json", index_text);
    put_shard("ck/m-2.safetensors", five, 2);
    open_fails("ck", "ck: tensor \"h\": both in m-1.safetensors and in m-2.safetensors");
    put_text("ck/m-2.safetensors", "");
    open_fails("ck", "ck/m-2.safetensors: is empty");
    unlink("ck/model.safetensors.index.json");
    open_fails("ck", "ck: no model.safetensors or model.safetensors.index.json in it");
}

/* What nothing reads may be missing in the index or in the files. */
static void idle_tensors(void **state)
{
    (void)state;
    make_checkpoint();
    put_text("ck/model.safetensors.index.json",
             "{\"weight_map\":{\"w\":\"m-2.safetensors\",\"h\":\"m-1.safetensors\",\"m\":"
             "\"m-1.safetensors\",\"lm_head.weight\":\"m-2.safetensors\","
             "\"model.layers.0.self_attn.rotary_emb.inv_freq\":\"m-1.safetensors\"}}");
    sp_src_close(must_open("ck"));
    sp_tinfo more[] = {five[0], vector_of("lm_head.weight", SP_F32, 2),
                       vector_of("x.rotary_emb.inv_freq", SP_F32, 2)};
    put_text("ck/model.safetensors.index.json", index_text);
    put_shard("ck/m-2.safetensors", more, 3);
    sp_src *s = must_open("ck");
    assert_int_equal(sp_src_count(s), 5);
    sp_src_close(s);
    more[2].name = "x.other";
    put_shard("ck/m-2.safetensors", more, 3);
    open_fails("ck", "ck: tensor \"x.other\": in m-2.safetensors, but not in the index");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(bad_checkpoints),
        IN_DIR(idle_tensors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
