/* fuzz_index.c - a checkpoint directory: its index, after lines "---" one shard,
 * tokenizer_config.json and chat_template.jinja, from which the chat template is guessed. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"model.safetensors.index.json", "m-1.safetensors",
                                        "tokenizer_config.json", "chat_template.jinja"};
    const char *dir = fuzz_dir(names, 4, data, size);
    fuzz_src(dir);
    MUST(strcmp(sp_template_name(sp_template_auto(dir)), "auto"));
    return 0;
}
