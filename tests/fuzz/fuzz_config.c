/* fuzz_config.c - config.json, then after a line "---" generation_config.json. */
#include "fuzz.h"

#include "engine/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"config.json", "generation_config.json"};
    sp_config c;
    sp_err e = {0};
    if (sp_config_load(&c, fuzz_dir(names, 2, data, size), &e)) MUST(e.code && e.msg[0]);
    else
        MUST(c.layers > 0 && c.heads > 0 && c.kv_heads > 0 && c.heads % c.kv_heads == 0 &&
             c.head_dim > 0 && c.vocab > 0 && c.n_eos <= 8);
    return 0;
}
