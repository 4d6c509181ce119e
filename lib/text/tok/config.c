/* config.c - see config.h.
 *
 * A token is special for one of three reasons: added_tokens_decoder says so, it has a role (BOS,
 * EOS, padding ...), or additional_special_tokens lists it. For the last two it must be a piece
 * already.
 */
#include "text/tok/config.h"

#include "text/tok/read_token.h"

#include <stdlib.h>
#include <string.h>

/* A special token's text: "x" or {"content": "x"}. Borrowed; NULL when v is NULL. */
static const json_t *token_text(const json_t *v)
{
    return json_is_object(v) ? json_object_get(v, "content") : v;
}

/* Make a token that a config file names special, if it is a piece. v may be NULL, for a role that
 * the file does not have. Returns the token's id or -1. */
static int32_t mark_special(tok_tables *t, const json_t *v)
{
    const json_t *text = token_text(v);
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    int32_t id = n ? tok_vocab_find(&t->vocab, s, n) : -1;
    if (id < 0) return -1;
    /* if it is an added token, it keeps its other flags */
    for (size_t i = 0; i < t->added.n; i++)
        if (t->added.v[i].id == id) return t->added.v[i].special = true, id;
    tok_added_put(&t->added, &(tok_added){.text = tok_str_make(s, n), .id = id, .special = true});
    return id;
}

/* Do BOS and EOS go around a text as tokenizer_config.json says, and not as the post-processor of
 * tokenizer.json does? */
static bool ends_follow_config(const tok_tables *t, const json_t *j)
{
    const char *class = json_string_value(json_object_get(j, "tokenizer_class"));
    return t->from_spm || (class && (!strncmp(class, "LlamaTokenizer", 14) ||
                                     !strncmp(class, "GemmaTokenizer", 14)));
}

/* Apply add_bos_token or add_eos_token to the ids at that end of a text. false: nothing goes there;
 * true: `id` goes there, unless something does already; absent: what is there stays. */
static void follow_flag(const json_t *flag, sp_ids *ends, int32_t id)
{
    if (json_is_false(flag)) ends->n = 0;
    if (json_is_true(flag) && !ends->n && id >= 0) sp_ids_push(ends, id);
}

/* Add the tokens of added_tokens_decoder, {"ID": token, ...}. Whether the number is in range is
 * checked by tok_read_token. 0 or -1. */
static int add_tokens(tok_tables *t, const json_t *list, sp_err *e)
{
    const json_t *v;
    const char *key;
    json_object_foreach((json_t *)list, key, v)
    {
        char *end;
        long long n = strtoll(key, &end, 10);
        if (*end || end == key)
            return sp_fail(e, SP_EINPUT, "added_tokens_decoder: \"%s\" is not an id", key);
        json_t *id = json_integer(n);
        int rc = tok_read_token(t, v, id, e);
        json_decref(id);
        if (rc) return -1;
    }
    return 0;
}

/* added_tokens_decoder comes first, because its tokens become pieces, which the roles may then
 * name. */
int tok_read_config(tok_tables *t, const json_t *j, sp_err *e)
{
    static const char *const roles[] = {"unk_token", "pad_token", "sep_token", "cls_token",
                                        "mask_token"};
    const json_t *v;
    size_t i;
    if (add_tokens(t, json_object_get(j, "added_tokens_decoder"), e)) return -1;
    json_array_foreach(json_object_get(j, "additional_special_tokens"), i, v) mark_special(t, v);
    for (i = 0; i < sizeof roles / sizeof *roles; i++)
        mark_special(t, json_object_get(j, roles[i]));
    int32_t bos = mark_special(t, json_object_get(j, "bos_token")),
            eos = mark_special(t, json_object_get(j, "eos_token"));
    if (t->bos < 0) t->bos = bos;
    if (t->eos < 0) t->eos = eos;
    if (ends_follow_config(t, j)) {
        follow_flag(json_object_get(j, "add_bos_token"), &t->prefix, t->bos);
        follow_flag(json_object_get(j, "add_eos_token"), &t->suffix, t->eos);
    }
    return 0;
}
