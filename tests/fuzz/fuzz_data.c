/* fuzz_data.c - the first byte: 't' a template file, any other picks template and loss, and the
 * rest is JSON lines. */
#include "fuzz.h"

static sp_tok *data_tok(void)
{
    static sp_tok *t;
    char *json =
        t ? NULL
          : fuzz_vocab(FUZZ_LLAMA, "",
                       ",\"▁\":259,\"a\":260,\"▁a\":261,\"<|eot_id|>\":262,\"<end_of_turn>\":263",
                       "\"▁ a\"");
    if (!t) MUST((t = fuzz_tok(json, strlen(json), NULL)));
    free(json);
    return t;
}

static void one_template(const char *path)
{
    static const sp_turn turns[] = {
        {"system", "a</s>"}, {"user", " a"}, {"assistant", ""}, {"user", "\xFF"}};
    sp_ids ids = {0}, roles = {0};
    sp_err e = {0};
    int32_t stops[4];
    if (sp_template_load(path, &e)) MUST(e.code && e.msg[0]);
    else if (sp_chat_encode(data_tok(), SP_TMPL_FILE, turns, 4, &ids, &roles, &e))
        MUST(e.code && e.msg[0]);
    else MUST(ids.n == roles.n);
    MUST(sp_chat_stops(data_tok(), SP_TMPL_FILE, stops, 4) <= 4);
    sp_ids_free(&ids);
    sp_ids_free(&roles);
}

static void lines(const char *path, unsigned pick)
{
    sp_examples d;
    sp_err e = {0};
    sp_examples_opt o = {.tok = pick & 32 ? NULL : data_tok(),
                         .tmpl = (sp_template)(SP_TMPL_LLAMA2 + pick % 5),
                         .loss_on = (sp_loss_on)(pick / 5 % 3),
                         .max_len = pick & 64 ? 5 : 0,
                         .vocab = pick & 128 ? 264 : 0};
    if (sp_examples_load(&d, path, &o, &e)) {
        MUST(e.code && e.msg[0] && !d.n);
        return;
    }
    for (size_t i = 0; i < d.n; i++) MUST(d.ex[i].n > 1 && (!o.max_len || d.ex[i].n <= o.max_len));
    sp_examples_free(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    if (!size) return 0;
    int fd = fuzz_file(data + 1, size - 1, path);
    if (data[0] == 't') one_template(path);
    else lines(path, data[0]);
    close(fd);
    return 0;
}
