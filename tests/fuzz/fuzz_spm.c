/* fuzz_spm.c - tokenizer.model; what loads must then encode and decode. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "ab a  <s>a\n=>b \xFF\0 a";
    sp_err e = {0};
    sp_tok *t = tok_new();
    size_t len;
    if (tok_load_spm(t, (const char *)data, size, &e) || tok_finish(t, &e))
        MUST(e.code && e.msg[0]);
    else
        for (int flags = 0; flags < 16; flags++)
            free(fuzz_encode(t, text, sizeof text - 1, flags, false, &len));
    sp_tok_close(t);
    return 0;
}
