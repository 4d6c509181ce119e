/* fuzz_examples.c - DATA files: the first byte picks template, scored part and limits, the rest is
 * JSON lines. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    if (!size) return 0;
    unsigned pick = data[0];
    int fd = fuzz_file(data + 1, size - 1, path);
    sp_examples d;
    sp_err e = {0};
    sp_examples_opt o = {.tok = pick & 32 ? NULL : fuzz_chat_tok(),
                         .tmpl = (sp_template)(SP_TMPL_LLAMA2 + pick % 5),
                         .loss_on = (sp_loss_on)(pick / 5 % 3),
                         .max_len = pick & 64 ? 5 : 0,
                         .vocab = pick & 128 ? 264 : 0};
    if (sp_examples_load(&d, path, &o, &e)) MUST(e.code && e.msg[0] && !d.n);
    for (size_t i = 0; i < d.n; i++) {
        const sp_example *x = &d.ex[i];
        MUST(x->n > 1 && (!o.max_len || x->n <= o.max_len));
        for (int64_t t = 0; t < x->n; t++)
            MUST(x->ids[t] >= 0 && (x->labels[t] >= 0 || x->labels[t] == SP_UNSCORED));
    }
    sp_examples_free(&d);
    close(fd);
    return 0;
}
