/* template.h - chat templates: the built-in ones, the user's own, and which one a model
 * wants. */
#ifndef SP_TEMPLATE_H
#define SP_TEMPLATE_H

#include "base/base.h"

typedef enum {
    SP_TMPL_AUTO,
    SP_TMPL_LLAMA2,
    SP_TMPL_LLAMA3,
    SP_TMPL_MISTRAL,
    SP_TMPL_GEMMA,
    SP_TMPL_PLAIN,
    SP_TMPL_FILE /* the one read by sp_template_load */
} sp_template;
#define SP_TEMPLATE_CHOICES "auto|llama2|llama3|mistral|gemma|plain"

/* Pick the template from the directory's own files (chat_template in
 * tokenizer_config.json or chat_template.jinja:
 * <<SYS>> is llama2, <|start_header_id|> llama3, <start_of_turn> gemma, [INST] alone
 * mistral; none of these: plain). */
sp_template sp_template_auto(const char *model_dir);
const char *sp_template_name(sp_template t);
/* can a conversation open with a system turn? */
bool sp_template_has_system(sp_template t);
/* Read a template of the user's own; from then on it is SP_TMPL_FILE (one a process).
 * JSON with the strings "user" (holds {user}), "assistant" (holds {assistant}) and
 * optionally "system" (holds {system}), "start" (put once in front, default "{bos}"), the
 * list "stop" (pieces that end an answer, default ["{eos}"]) and "trim" (strip the turns,
 * default true). {bos}, {eos} and <pieces> of the vocabulary may stand anywhere; {system}
 * inside "user" is where the formatted system turn goes. */
int sp_template_load(const char *path, sp_err *e);

#define SP_MAX_STOPS 8

/* The strings of a template. */
typedef struct {
    const char *name;
    const char *start;  /* once, before everything */
    const char *system; /* around {system}; NULL = the family has no system turn */
    /* around {user}; {system} here = the formatted system turn, first user turn only */
    const char *user;
    const char *assistant; /* around {assistant}; what comes before it ends a prompt */
    /* pieces that end an answer; must exist ({eos}: if it does) */
    const char *stop[SP_MAX_STOPS];
    bool keep_space; /* turns are not trimmed */
} sp_template_form;
/* NULL when t is SP_TMPL_AUTO, or SP_TMPL_FILE and none has been loaded. */
const sp_template_form *sp_template_get(sp_template t);

/* Is the placeholder {name} at s? */
bool sp_template_holds(const char *s, const char *name);

#endif
