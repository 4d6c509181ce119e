/* own_template.h - the chat template that a model directory brings, in Jinja. */
#ifndef SP_OWN_TEMPLATE_H
#define SP_OWN_TEMPLATE_H

#include "text/jinja/jinja.h"
#include "text/template.h"

/* Read the chat template of a model directory: chat_template.jinja, else "chat_template"
 * of tokenizer_config.json, a string or a list of named ones, of which "default" counts.
 * It becomes SP_TMPL_OWN; a process has one, a later one replaces it.
 *    1: read
 *    0: the directory has none, or only an empty one
 *   -1: a file cannot be read, or the template holds what jinja/jinja.h refuses (*e) */
int sp_own_template_load(const char *model_dir, sp_err *e) SP_MUST_CHECK;

/* What it takes for today unless told otherwise, so that ids are the same on every
 * day. */
#define SP_CHAT_DATE "2024-07-26"

/* What it is rendered with: the date for strftime_now(), "YYYY-MM-DD", borrowed, NULL =
 * SP_CHAT_DATE; and whether enable_thinking is false. */
void sp_own_template_set(const char *date, bool no_thinking);

/* For a template that leaves out what is said: the built-in one with the same marks
 * (<<SYS>>, [INST], <|start_header_id|>, <start_of_turn>), SP_TMPL_AUTO = none of
 * them. */
sp_template sp_own_template_marks(void);

typedef struct {
    const sp_jinja *jinja; /* NULL before one is read */
    const char *date;
    bool no_thinking;
} sp_own_template;
sp_own_template sp_own_template_get(void);

#endif
