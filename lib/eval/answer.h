/* answer.h - prompts out of JSON lines, answers into them, in the order of the prompts.
 *
 * A prompt is {"prompt","system"?} or {"messages"} through the chat template, {"text"} as
 * it stands, or {"input_ids"}. An object keeps what it holds; "response" (only with a
 * tokenizer), "ids", "finish" ("stop" or "length"), "tokens" and "seconds" are added.
 * What a model that thinks aloud writes up to "</think>" goes to "thinking", so that
 * "response" is the answer alone. A system text is put in front of the prompt's own
 * system turn, or makes one; where the template has none, and with "text", it comes
 * before the text, a blank line between them.
 */
#ifndef SP_ANSWER_H
#define SP_ANSWER_H

#include "base/progress.h"
#include "eval/generate.h"
#include "text/chat.h"

typedef struct {
    /* set by the caller, all borrowed: */
    sp_model *m;
    const sp_tok *tok; /* NULL = only input_ids */
    sp_template tmpl;  /* resolved, not AUTO */
    /* said first in each context (generate.h), NULL = nothing; not with "input_ids" */
    const char *system[2];
    bool two_prompts; /* the second context has a prompt of its own, with system[1] */
    /* zero at first: */
    size_t n, cap;
    json_t **objs; /* [n] until they are written */
    sp_generation *items;
    /* while answers are made: */
    const sp_generate_opt *opt;
    FILE *out;
    bool *finished;             /* [n] */
    size_t written, n_finished; /* the first `written` are out */
    sp_progress progress;
} sp_answers;

/* Append to ids, which is empty, those of a prompt, up to where the answer begins. m, tok
 * and tmpl of *a are read. `system` is said first, NULL = nothing. A prompt without
 * tokens, or too long for the model, is an error. 0 or -1. */
SP_MUST_CHECK int sp_answers_encode(const sp_answers *a, const json_t *obj,
                                    const char *system, sp_ids *ids, sp_err *e);

/* Add a prompt; takes obj over unless it fails, which it does where the prompt cannot be
 * encoded. 0 or -1. */
SP_MUST_CHECK int sp_answers_add(sp_answers *a, json_t *obj, sp_err *e);

/* Generate, and write a line for each prompt to out as soon as those before it are out.
 * Frees everything that was added. 0 or -1. */
SP_MUST_CHECK int sp_answers_run(sp_answers *a, const sp_generate_opt *opt, FILE *out,
                                 sp_err *e);

#endif
