/* read_steps.h - the normalizer, pre_tokenizer and decoder objects of a tokenizer.json,
 * as lists of steps. */
#ifndef TOK_READ_STEPS_H
#define TOK_READ_STEPS_H

#include "text/tok/steps.h"

#include <jansson.h>

/* Append the steps that j describes; absent or null, there are none.
 *    0: done
 *   -1: a kind or a setting that is not supported, or steps that blow up the text (*e) */
int tok_read_normalizer(tok_steps *s, const json_t *j, sp_err *e) SP_MUST_CHECK;
int tok_read_pre_tokenizer(tok_steps *s, const json_t *j, sp_err *e) SP_MUST_CHECK;
int tok_read_decoder(tok_steps *s, const json_t *j, sp_err *e) SP_MUST_CHECK;

#endif
