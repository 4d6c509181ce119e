/* load_json.c - see load_json.h.
 *
 * Gemma's file has 17 MB, nearly all of it in two values of the model. So the file is first cut
 * into the texts of the values that are wanted (fields.h), and each is then read by itself.
 */
#include "text/tok/load_json.h"

#include "text/tok/fields.h"
#include "text/tok/read_model.h"
#include "text/tok/read_post.h"
#include "text/tok/read_steps.h"
#include "text/tok/read_token.h"

#include <string.h>

/* ---- one reader for each value besides the model ---------------------------------------- */

static int read_normalizer(tok_tables *t, const json_t *j, sp_err *e)
{
    return tok_read_normalizer(&t->normalizer, j, e);
}

static int read_pre_tokenizer(tok_tables *t, const json_t *j, sp_err *e)
{
    return tok_read_pre_tokenizer(&t->pre, j, e);
}

/* A file without a decoder wants its pieces joined with spaces. */
static int read_decoder(tok_tables *t, const json_t *j, sp_err *e)
{
    t->join_spaces = !j || json_is_null(j);
    return tok_read_decoder(&t->decoder, j, e);
}

/* Add the tokens in the order of the list. NULL and null are a list without tokens. 0 or -1. */
static int read_added(tok_tables *t, const json_t *list, sp_err *e)
{
    const json_t *j;
    size_t i;
    if (list && !json_is_array(list) && !json_is_null(list))
        return sp_fail(e, SP_EINPUT, "added_tokens is not a list");
    json_array_foreach(list, i, j) if (tok_read_token(t, j, json_object_get(j, "id"), e)) return -1;
    return 0;
}

/* ---- the file ------------------------------------------------------------------------- */

/* The model is read before the other values: its vocabulary must be there when an added token is
 * compared with it. The table of the model's fields is copied, because cutting writes the values
 * into it. */
int tok_load_json(tok_tables *t, char *text, size_t n, sp_err *e)
{
    /* in the order of f; added tokens come before the post-processor, which refers to their ids */
    static int (*const reader[])(tok_tables *, const json_t *, sp_err *) = {
        read_normalizer, read_pre_tokenizer, read_decoder, read_added, tok_read_post};
    enum { READERS = sizeof reader / sizeof *reader };
    tok_field model[TOK_MODEL_FIELDS + 1];
    memcpy(model, tok_model_fields, sizeof model);
    tok_field f[] = {{.name = "normalizer"},
                     {.name = "pre_tokenizer"},
                     {.name = "decoder"},
                     {.name = "added_tokens"},
                     {.name = "post_processor"},
                     {.name = "model", .inner = model},
                     {.name = NULL}};
    sp_js s = {text, text + n};
    if (tok_fields_cut(&s, f, "the file", e)) return -1;
    if (sp_js_peek(&s)) return sp_fail(e, SP_EINPUT, "something follows the JSON object");
    if (tok_read_model(t, model, e)) return -1;
    for (size_t i = 0; i < READERS; i++) {
        json_t *j;
        int rc = tok_field_parse(&f[i], &j, e);
        if (!rc) rc = reader[i](t, j, e);
        json_decref(j);
        if (rc) return -1;
    }
    return 0;
}
