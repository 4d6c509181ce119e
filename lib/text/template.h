/* template.h - chat templates of strings: the built-in ones and the user's file.
 *
 * A template is a few strings with placeholders, from which chat.c builds a conversation:
 *
 *     {user} {assistant} {system}   the text of a turn
 *     {bos} {eos}                   the tokenizer's own tokens, nothing if it has none
 *     <...>                         that piece of the vocabulary, if it is one
 *
 * Example, gemma: start "{bos}", user "<start_of_turn>user\n{user}<end_of_turn>\n".
 */
#ifndef SP_TEMPLATE_H
#define SP_TEMPLATE_H

#include "base/error.h"

#include <stdbool.h>

typedef enum {
    SP_TMPL_AUTO, /* none: to be chosen */
    SP_TMPL_LLAMA2,
    SP_TMPL_LLAMA3,
    SP_TMPL_MISTRAL,
    SP_TMPL_GEMMA,
    SP_TMPL_PLAIN,
    SP_TMPL_FILE, /* the one read by sp_template_load */
    SP_TMPL_OWN   /* the model directory's own, in Jinja (own_template.h) */
} sp_template;
#define SP_TEMPLATE_CHOICES "auto|llama2|llama3|mistral|gemma|plain"

#define SP_MAX_STOPS 8

/* The strings of a template. */
typedef struct {
    const char *name;
    const char *start;     /* once, before everything */
    const char *system;    /* holds {system}; NULL = the family has no system turn */
    const char *user;      /* holds {user}; where it holds {system} as well, the whole
                              system turn goes there, in the first user turn */
    const char *assistant; /* holds {assistant}; what comes before it ends a prompt */
    /* pieces that end an answer, NULL behind the last; the vocabulary must have them,
       except {eos} */
    const char *stop[SP_MAX_STOPS];
    bool keep_space; /* white space around the text of a turn stays */
    bool joined;     /* system turn and first request are one text, and only its ends are
                        trimmed */
} sp_template_form;

/* Borrowed. NULL for SP_TMPL_AUTO and SP_TMPL_OWN, and for SP_TMPL_FILE before one is
 * loaded. */
const sp_template_form *sp_template_get(sp_template t);
/* "llama2" ...; "file"; "own"; "auto". */
const char *sp_template_name(sp_template t);
/* Does the placeholder {name} begin at s? */
bool sp_template_holds(const char *s, const char *name);

/* Read a template of the user's own, which becomes SP_TMPL_FILE; a process has one, a
 * later one replaces it. A JSON object with the strings "user", "assistant" and,
 * optional, "system" and "start" (default "{bos}"), the list "stop" (default ["{eos}"]),
 * and "trim" (default true), the opposite of keep_space.
 *    0: loaded
 *   -1: no such object (*e); SP_TMPL_FILE stays what it was */
int sp_template_load(const char *path, sp_err *e) SP_MUST_CHECK;

#endif
