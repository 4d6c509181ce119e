/* read_post.c - see read_post.h. The kind that counts is TemplateProcessing:
 *
 *     "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}]
 *     "special_tokens": {"<s>": {"ids": [1]}}
 *
 * says that id 1 goes before the text A. ("pair", for two texts, is not looked at.)
 */
#include "text/tok/read_post.h"

#include <string.h>

/* Append the ids of one special token to *to. `item` names it, `table` has its ids, each of which
 * must be a piece. 0 or -1. */
static int push_special(tok_tables *t, const json_t *table, const json_t *item, sp_ids *to,
                        sp_err *e)
{
    const char *name = json_string_value(json_object_get(item, "id"));
    const json_t *ids = name ? json_object_get(json_object_get(table, name), "ids") : NULL, *v;
    size_t i;
    if (!json_is_array(ids))
        return sp_fail(e, SP_EINPUT, "post_processor: no ids for \"%s\"", name ? name : "?");
    json_array_foreach(ids, i, v)
    {
        if (!json_is_integer(v) || !tok_vocab_has(&t->vocab, json_integer_value(v)))
            return sp_fail(e, SP_EINPUT, "post_processor: bad id for \"%s\"", name);
        sp_ids_push(to, (int32_t)json_integer_value(v));
    }
    return 0;
}

/* "single" is a list of special tokens and of the text, which must come once. Tokens in front of it
 * go to t->prefix, those behind it to t->suffix. 0 or -1. */
static int read_template(tok_tables *t, const json_t *j, sp_err *e)
{
    const json_t *single = json_object_get(j, "single"),
                 *table = json_object_get(j, "special_tokens"), *v, *special;
    int texts = 0;
    size_t i;
    json_array_foreach(single, i, v)
    {
        special = json_object_get(v, "SpecialToken");
        if (!special) texts += json_object_get(v, "Sequence") != NULL;
        else if (push_special(t, table, special, texts ? &t->suffix : &t->prefix, e)) return -1;
    }
    return texts == 1
               ? 0
               : sp_fail(e, SP_EINPUT, "post_processor: the template has %d texts, not one", texts);
}

/* Processors of a Sequence follow each other; at most one of them should be a template. */
int tok_read_post(tok_tables *t, const json_t *j, sp_err *e)
{
    const char *type = json_string_value(json_object_get(j, "type"));
    const json_t *v;
    size_t i;
    if (!j || json_is_null(j)) return 0;
    if (type && !strcmp(type, "ByteLevel")) return 0; /* only concerns offsets */
    if (type && !strcmp(type, "TemplateProcessing")) return read_template(t, j, e);
    if (!type || strcmp(type, "Sequence"))
        return sp_fail(e, SP_EINPUT, "post_processor \"%s\" is not supported",
                       type ? type : "(no type)");
    json_array_foreach(json_object_get(j, "processors"), i,
                       v) if (tok_read_post(t, v, e)) return -1;
    return 0;
}
