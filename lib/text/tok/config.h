/* config.h - what tokenizer_config.json and special_tokens_map.json say about special
 * tokens. */
#ifndef TOK_CONFIG_H
#define TOK_CONFIG_H

#include "text/tok/tables.h"

#include <jansson.h>

/* Take up one of the two files: added_tokens_decoder adds tokens, the named roles
 * (bos_token, pad_token ...) and additional_special_tokens mark pieces special, bos_token
 * and eos_token set t->bos and t->eos where no other file has. For the classes of LLaMA
 * and Gemma, and for a tokenizer.model, add_bos_token and add_eos_token decide what goes
 * around a text.
 *    0: done
 *   -1: a token that does not fit the vocabulary (*e) */
int tok_read_config(tok_tables *t, const json_t *j, sp_err *e) SP_MUST_CHECK;

#endif
