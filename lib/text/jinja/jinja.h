/* jinja.h - chat templates: the part of Jinja2 that Hugging Face's chat templates use.
 *
 * What is understood: text, {{ print }}, {# comments #}, if / elif / else, for (with a
 * condition, else, several targets, break, continue, loop.*), set (also of attributes of
 * a namespace, and as a block), macro and call, filter, with, raw, generation; all of
 * Jinja2's operators and literals, slices, tests and filters as listed in filters.c,
 * methods as in methods.c; range, dict, namespace, raise_exception, strftime_now.
 * Settings are those of Transformers: trim_blocks, lstrip_blocks. Anything else is an
 * error that names the line and the construct; nothing is guessed.
 *
 * Templates are untrusted: parsing and rendering are bounded in memory, steps and depth
 * (value.h).
 */
#ifndef SP_TEXT_JINJA_H
#define SP_TEXT_JINJA_H

#include "base/base.h"

#include <jansson.h>

typedef struct sp_jinja sp_jinja;

/* Parse text[0..n). NULL with "line N: what" on error. Release with sp_jinja_free. */
sp_jinja *sp_jinja_parse(const char *text, size_t n, sp_err *e);
void sp_jinja_free(sp_jinja *t);

/* A stretch of the output, in bytes. */
typedef struct {
    size_t from, to;
} sp_span;

typedef struct {
    char *text; /* n bytes and a NUL */
    size_t n;
    sp_span *generated; /* what stood inside {% generation %}, in order */
    size_t n_generated;
} sp_rendered;

/* Render with the variables of the object `vars` (messages, add_generation_prompt, ...).
 * `date`, "YYYY-MM-DD", is what strftime_now() takes for today. Fills *out, which is
 * released with sp_rendered_free. Returns 0    done -1   an error of the template, or its
 * refusal (raise_exception), in *e */
int sp_jinja_render(const sp_jinja *t, const json_t *vars, const char *date,
                    sp_rendered *out, sp_err *e);
void sp_rendered_free(sp_rendered *r);

#endif
