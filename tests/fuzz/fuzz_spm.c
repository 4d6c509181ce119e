/* fuzz_spm.c - tokenizer.model; what loads must then encode and decode. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "ab a  <s>a\n=>b \xFF\0 a";
    sp_err e = {0};
    size_t len;
    sp_tok *t = sp_tok_from_spm((const char *)data, size, &e);
    MUST(t ? !e.code : e.code && e.msg[0]);
    for (int flags = 0; t && flags < 16; flags++)
        free(fuzz_encode(t, text, sizeof text - 1, flags, false, &len));
    sp_tok_close(t);
    return 0;
}
