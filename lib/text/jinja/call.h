/* call.h - arguments on their way into filters, tests, methods and functions. */
#ifndef SP_TEXT_JINJA_CALL_H
#define SP_TEXT_JINJA_CALL_H

#include "text/jinja/value.h"

#define JINJA_MAX_PARAMETERS 6

/* Arguments as given: first the plain ones, then those with a name. */
typedef struct {
    const jinja_value *at;
    size_t n;
    const char *const *name; /* [n_named] */
    const jinja_value *named;
    size_t n_named;
} jinja_args;

/* Something callable from C: `self` is the value in front of the filter, test or method.
 * arg[i] is the i-th parameter of the table's list, JINJA_UNDEFINED with text NULL where
 * it was not given (jinja_given tells). */
typedef jinja_value jinja_builtin(jinja_heap *h, jinja_value self,
                                  const jinja_value *arg);

static inline bool jinja_given(jinja_value v)
{
    return v.kind != JINJA_UNDEFINED || v.text;
}

typedef struct {
    const char *name;
    jinja_builtin *run;
    const char *parameters[JINJA_MAX_PARAMETERS]; /* "" = has no name, only a place */
} jinja_entry;

/* The entry of a table (ends with a NULL name) with that name, or NULL. */
const jinja_entry *jinja_entry_find(const jinja_entry *table, const char *name);
/* Bind the arguments to the entry's parameters and run it. Too many arguments and unknown
 * names are errors; `what` ("filter", "method" ...) is for the message. */
jinja_value jinja_entry_run(jinja_heap *h, const char *what, const jinja_entry *entry,
                            jinja_value self, const jinja_args *args);

/* An argument as a whole number, a string; an error that names `what` if it is none. */
int64_t jinja_need_int(jinja_heap *h, jinja_value v, const char *what);
jinja_value jinja_need_text(jinja_heap *h, jinja_value v, const char *what);

#endif
