/* tokenize.h - one JSON object from text to ids, or back. */
#ifndef SP_TOKENIZE_H
#define SP_TOKENIZE_H

#include "text/tok/tok.h"

/* {"text"} to {"ids","ids_no_special","decoded"}, the last from ids_no_special. New
 * reference, NULL on error. */
json_t *sp_tokenize_object(const sp_tok *tok, const json_t *obj, sp_err *e);
/* {"ids"} to {"text"}. New reference, NULL on error. */
json_t *sp_detokenize_object(const sp_tok *tok, const json_t *obj, sp_err *e);

#endif
