/* fuzz_index.c - a checkpoint directory: its index, after lines "---" one shard,
 * tokenizer_config.json and chat_template.jinja, from which the chat template is read. */
#include "fuzz.h"

#include "text/own_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"model.safetensors.index.json", "m-1.safetensors",
                                        "tokenizer_config.json", "chat_template.jinja"};
    const char *dir = fuzz_dir(names, 4, data, size);
    fuzz_src(dir);
    sp_err e = {0};
    if (sp_own_template_load(dir, &e) < 0) MUST(e.code && e.msg[0]);
    return 0;
}
