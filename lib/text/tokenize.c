/* tokenize.c - see tokenize.h. Each text is encoded twice, because the ids with special tokens need
 * not be those without and BOS in front: some tokenizers put them elsewhere. */
#include "text/tokenize.h"

#include "text/json_out.h"

#include <stdlib.h>

/* The text of ids, special tokens included, as a JSON string. New reference. */
static json_t *decoded(const sp_tok *tok, const sp_ids *ids)
{
    size_t n;
    char *text = sp_tok_decode(tok, ids->ids, ids->n, false, &n);
    json_t *j = sp_json_text(text, n);
    free(text);
    return j;
}

/* json_pack takes over the references that it is given ("o"), so only the lists are released
 * here. */
json_t *sp_tokenize_object(const sp_tok *tok, const json_t *obj, sp_err *e)
{
    const json_t *text = json_object_get(obj, "text");
    if (!json_is_string(text)) return sp_fail(e, SP_EINPUT, "no \"text\""), NULL;
    const char *s = json_string_value(text);
    size_t n = json_string_length(text);
    sp_ids ids = {0}, plain = {0};
    json_t *to = NULL;
    if (!sp_tok_encode(tok, s, n, SP_TOK_SPECIAL, &ids, e) &&
        !sp_tok_encode(tok, s, n, 0, &plain, e))
        to = json_pack("{s:o,s:o,s:o}", "ids", sp_ids_to_json(ids.ids, ids.n), "ids_no_special",
                       sp_ids_to_json(plain.ids, plain.n), "decoded", decoded(tok, &plain));
    sp_ids_free(&ids), sp_ids_free(&plain);
    return to;
}

/* Ids are checked against the vocabulary's size. An id below it that is no piece gives no text. */
json_t *sp_detokenize_object(const sp_tok *tok, const json_t *obj, sp_err *e)
{
    sp_ids ids = {0};
    json_t *to = NULL;
    if (!sp_ids_from_json(json_object_get(obj, "ids"), 0, SIZE_MAX, (int64_t)sp_tok_vocab(tok),
                          &ids, e))
        to = json_pack("{s:o}", "text", decoded(tok, &ids));
    sp_ids_free(&ids);
    return to;
}
