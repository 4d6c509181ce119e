/* load_spm.h - from a tokenizer.model, sentencepiece's own file, to tables. */
#ifndef TOK_LOAD_SPM_H
#define TOK_LOAD_SPM_H

#include "text/tok/tables.h"

/* Fill empty tables from the file's bytes. Messages carry no file name.
 *    0: done; tok_finish is still to be called
 *   -1: damaged, or something in it is not supported (*e) */
int tok_load_spm(tok_tables *t, const char *data, size_t n, sp_err *e) SP_MUST_CHECK;

#endif
