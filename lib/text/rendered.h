/* rendered.h - conversations through a checkpoint's own chat template (jinja/jinja.h):
 * the whole conversation is rendered as text and that text encoded at once, as
 * Transformers does it (apply_chat_template).
 */
#ifndef SP_RENDERED_H
#define SP_RENDERED_H

#include "text/jinja/jinja.h"
#include "text/roles.h"
#include "text/tok/tok.h"
#include "text/turns.h"

typedef struct {
    const sp_jinja *template; /* borrowed */
    const sp_tok *tok;
    const char *date; /* "YYYY-MM-DD" */
    bool no_thinking; /* enable_thinking is false */
} sp_renderer;

/* Append the ids of turns[0..n), and to roles (may be NULL) the role of each id
 * (roles.h). A token that reaches over from one to the next has the role of the part it
 * begins in; the space in front of a question is part of it.
 *
 * Which text is an assistant's comes from {% generation %} where the template has it, and
 * otherwise from rendering the conversation up to that turn: what follows there is the
 * answer, up to the first special token behind its text.
 *
 * If the last turn is not the assistant's, the ids end where its answer begins
 * (add_generation_prompt).
 *    0   done
 *   -1   the template refuses the conversation, or does not tell the answers apart (*e)
 */
int sp_render_turns(const sp_renderer *r, const sp_turn *turns, size_t n, sp_ids *ids,
                    sp_ids *roles, sp_err *e) SP_MUST_CHECK;

/* Append the ids of an answer of this text behind a question, up to the special token
 * that ends it, and how many of them the text has to *n_text: as sp_chat_answer (chat.h).
 *    0: done
 *   -1: as sp_render_turns (*e) */
int sp_render_answer(const sp_renderer *r, const char *text, sp_ids *ids, size_t *n_text,
                     sp_err *e) SP_MUST_CHECK;

/* What a template is like, found by rendering short conversations. */
typedef struct {
    int32_t stop;    /* the special token behind an answer, which ends it; -1 = none */
    bool has_system; /* a system turn at the beginning shows in the text */
    bool shows;      /* what the user says shows in the text */
    bool continues;  /* an answer goes on where the prompt ends; no guard model's does */
} sp_render_traits;
sp_render_traits sp_render_look(const sp_renderer *r);

#endif
