/* tokenize.h - one JSON object from text to ids, or back: what `sp-eval tokenize` does to
 * a line. */
#ifndef SP_TOKENIZE_H
#define SP_TOKENIZE_H

#include "text/tok/tok.h"

#include <jansson.h>

/* {"text"} to {"ids", "ids_no_special", "decoded"}, the last from ids_no_special. New
 * reference; NULL when there is no text or it cannot be encoded (*e). */
json_t *sp_tokenize_object(const sp_tok *tok, const json_t *obj, sp_err *e) SP_MUST_CHECK;
/* {"ids"} to {"text"}. New reference; NULL when there are no ids below the vocabulary's
 * size (*e). */
json_t *sp_detokenize_object(const sp_tok *tok, const json_t *obj,
                             sp_err *e) SP_MUST_CHECK;

#endif
