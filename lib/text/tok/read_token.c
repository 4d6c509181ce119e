/* read_token.c - see read_token.h. Flags that are absent are false, as in Hugging Face's reader. */
#include "text/tok/read_token.h"

/* A value that is not true or false counts as false. */
static bool flag(const json_t *j, const char *key) { return json_is_true(json_object_get(j, key)); }

/* The id is a value of its own, because only tokenizer.json has it in the object; in
 * tokenizer_config.json it is the object's key. The copy of the text becomes the tables', even when
 * they refuse the token. */
int tok_read_token(tok_tables *t, const json_t *j, const json_t *id, sp_err *e)
{
    const json_t *text = json_object_get(j, "content");
    json_int_t n = json_integer_value(id);
    if (!json_is_string(text) || !json_is_integer(id) || n < 0 || n >= TOK_MAX_ID)
        return sp_fail(e, SP_EINPUT, "added token without content or a good id");
    if (!json_string_length(text)) return 0;
    tok_added a = {.text = tok_str_make(json_string_value(text), json_string_length(text)),
                   .id = (int32_t)n,
                   .special = flag(j, "special"),
                   .lstrip = flag(j, "lstrip"),
                   .rstrip = flag(j, "rstrip"),
                   .single_word = flag(j, "single_word"),
                   .normalized = flag(j, "normalized")};
    return tok_tables_add_token(t, &a, e);
}
