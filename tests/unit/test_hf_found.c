/* test_hf_found.c - directories that are no checkpoint: what is in them is named. */
#include "tensor/hf_found.h"

#include "tensor_files.h"

static void make_dir(const char *path) { assert_int_equal(mkdir(path, 0777), 0); }

static void expect(const char *dir, const char *want)
{
    char *got = sp_hf_found(dir);
    assert_string_equal(got, want);
    free(got);
}

static void caches(void **state)
{
    (void)state;
    make_dir("models--x--y");
    make_dir("models--x--y/blobs");
    make_dir("models--x--y/snapshots");
    expect("models--x--y", "; it is a folder of the Hugging Face cache with nothing in snapshots/");
    make_dir("models--x--y/snapshots/b2");
    make_dir("models--x--y/snapshots/a1");
    expect("models--x--y", "; it is a folder of the Hugging Face cache: the checkpoint is "
                           "models--x--y/snapshots/a1");
}

static void files(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        /* each file beside those before it */
        {"checkpoint-500", "; is the checkpoint in checkpoint-500?"},
        {"model.onnx", "; model.onnx is in ONNX's format (safetensors are needed)"},
        {"flax_model.msgpack", "; flax_model.msgpack is in Flax's format (safetensors are needed)"},
        {"pytorch_model-00002-of-00002.bin", "; pytorch_model-00002-of-00002.bin is in PyTorch's "
                                             "format (Transformers' save_pretrained makes "
                                             "safetensors of it)"},
        {"pytorch_model-00001-of-00002.bin", "; pytorch_model-00001-of-00002.bin is in PyTorch's "
                                             "format (Transformers' save_pretrained makes "
                                             "safetensors of it)"},
        {"y.gguf", "; y.gguf is a GGUF file (the checkpoint that it was made from is needed)"},
        {"x.safetensors", "; there is x.safetensors: weights by that name can be given with "
                          "--weights"},
        {"model-00001-of-00002.safetensors", "; there are shards like "
                                             "model-00001-of-00002.safetensors, but the index is "
                                             "missing"},
        {"adapter_model.bin", "; adapter_model.bin is a LoRA adapter, which must be merged into "
                              "its model first"},
        {"adapter_config.json", "; it holds a LoRA adapter, which must be merged into its model "
                                "first"},
    };
    make_dir("d");
    expect("d", "");
    put_text("d/README.md", "");
    put_text("d/.hidden.bin", "");
    expect("d", "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *path = sp_xasprintf("d/%s", rows[i][0]);
        put_text(path, "");
        free(path);
        expect("d", rows[i][1]);
    }
    expect("d/README.md", "; it is not a directory");
    expect("nowhere", "");
}

/* The message of who looks for weights. */
static void in_messages(void **state)
{
    (void)state;
    sp_err e = {0};
    make_dir("d");
    assert_int_equal(symlink("../../blobs/none", "d/model.safetensors"), 0);
    assert_null(sp_src_open("d", &e));
    assert_message(e, "d/model.safetensors: is a link to ../../blobs/none, which is not there");
    unlink("d/model.safetensors");
    e = (sp_err){0};
    assert_int_equal(symlink("none", "d/model.safetensors.index.json"), 0);
    assert_null(sp_src_open("d", &e));
    assert_message(e, "d/model.safetensors.index.json: is a link to none, which is not there");
    unlink("d/model.safetensors.index.json");
    e = (sp_err){0};
    put_text("d/pytorch_model.bin", "");
    assert_null(sp_src_open("d/", &e));
    assert_message(e, "d: no model.safetensors or model.safetensors.index.json in it; "
                      "pytorch_model.bin is in PyTorch's format");
}

int main(void)
{
    const struct CMUnitTest tests[] = {IN_DIR(caches), IN_DIR(files), IN_DIR(in_messages)};
    return cmocka_run_group_tests_name("hf_found", tests, NULL, NULL);
}
