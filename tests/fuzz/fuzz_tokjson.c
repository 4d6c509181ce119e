/* fuzz_tokjson.c - tokenizer.json, then after a line "---" tokenizer_config.json; what loads must
 * then encode and decode. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "Ab a  <s>aé\n▁b's 12 \xFF\0<0x41></s> a";
    const char *json = (const char *)data, *mark = size ? memmem(json, size, "\n---\n", 5) : NULL;
    size_t n = mark ? (size_t)(mark - json) : size, len;
    json_t *config =
        mark ? json_loadb(mark + 5, size - n - 5, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL)
             : NULL;
    sp_tok *t = fuzz_tok(json, n, config);
    for (int flags = 0; t && flags < 16; flags++)
        free(fuzz_encode(t, text, sizeof text - 1, flags, false, &len));
    sp_tok_close(t);
    json_decref(config);
    return 0;
}
