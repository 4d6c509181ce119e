/* row.h - a row of data: which form it has, and which of its tokens count.
 *
 * Files carry columns that other programs made, and one of them may say something else
 * than the one that is meant. What is ambiguous is refused; what is null counts as
 * absent.
 */
#ifndef SP_ROW_H
#define SP_ROW_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

/* row[key], borrowed; NULL where it is absent or null. */
json_t *sp_row_get(const json_t *row, const char *key);

/* 0, or -1 where the row has two of the n keys ("both ... and ...", *e). */
int sp_row_one_of(const json_t *row, const char *const *keys, size_t n,
                  sp_err *e) SP_MUST_CHECK;

typedef enum {
    SP_ROW_IDS,  /* "input_ids", whatever texts stand beside them: those they are made of
                  */
    SP_ROW_TEXT, /* "text" */
    SP_ROW_TURNS /* "prompt" or "messages" (turns.h), or none of all */
} sp_row_form;
/* The form of a prompt or an example into *form. 0, or -1: a text beside turns or beside
 * a system turn (*e). */
int sp_row_form_of(const json_t *row, sp_row_form *form, sp_err *e) SP_MUST_CHECK;

/* Which of the row's n input_ids count: [*from, *to), those where its "attention_mask" is
 * 1; without one all.
 *    0: done
 *   -1: the mask has another length or other values than 0 and 1, or zeros between ones;
 *       or "position_ids" that do not go up by one say that the row is several texts (*e)
 */
int sp_row_span(const json_t *row, size_t n, size_t *from, size_t *to,
                sp_err *e) SP_MUST_CHECK;

#endif
