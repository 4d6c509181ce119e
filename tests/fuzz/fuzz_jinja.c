/* fuzz_jinja.c - a chat template, rendered for a conversation. */
#include "fuzz.h"

#include "text/jinja/jinja.h"

static json_t *fuzz_conversation(void)
{
    return json_pack("{s:[{s:s,s:s},{s:s,s:s}], s:b, s:s, s:s, s:i, s:[i,f,n], s:{s:{s:[]}}}",
                     "messages", "role", "user", "content", " \xC3\xA9 a\n", "role", "assistant",
                     "content", "b", "add_generation_prompt", 1, "bos_token", "<s>", "s", "a,b",
                     "n", 3, "l", 1, 2.5, "d", "k", "e");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sp_err e = {0};
    sp_rendered r = {0};
    sp_jinja *t = sp_jinja_parse((const char *)data, size, &e);
    json_t *vars = fuzz_conversation();
    if (!t || sp_jinja_render(t, vars, "2024-07-26", &r, &e)) MUST(e.code && e.msg[0]);
    else MUST(r.text[r.n] == 0);
    sp_rendered_free(&r);
    sp_jinja_free(t);
    json_decref(vars);
    return 0;
}
