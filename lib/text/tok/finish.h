/* finish.h - the last step of every loader. */
#ifndef TOK_FINISH_H
#define TOK_FINISH_H

#include "text/tok/tables.h"

/* Make merges and added tokens findable and derive the rest of the tables.
 *    0: ready; nothing changes from here on
 *   -1: a pattern cannot be compiled (*e) */
int tok_finish(tok_tables *t, sp_err *e) SP_MUST_CHECK;

#endif
