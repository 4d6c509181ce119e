/* call.c - see call.h.
 *
 * A builtin gets its arguments as an array in the order of its parameters, however they were given:
 *
 *     tojson(indent=2)      parameters  ensure_ascii  indent  separators  sort_keys
 *                           arg         not given     2       not given   not given
 */
#include "text/jinja/call.h"

const jinja_entry *jinja_entry_find(const jinja_entry *table, const char *name)
{
    for (; table->name; table++)
        if (!strcmp(table->name, name)) return table;
    return NULL;
}

/* Count the parameters; the list ends with NULL or is full. */
static size_t parameters_of(const jinja_entry *entry)
{
    size_t n = 0;
    while (n < JINJA_MAX_PARAMETERS && entry->parameters[n]) n++;
    return n;
}

/* An argument with the name of a parameter that has a plain one already takes its place, which
 * Python would refuse; no template does that. */
jinja_value jinja_entry_run(jinja_heap *h, const char *what, const jinja_entry *entry,
                            jinja_value self, const jinja_args *args)
{
    jinja_value arg[JINJA_MAX_PARAMETERS];
    size_t n = parameters_of(entry);
    for (size_t i = 0; i < JINJA_MAX_PARAMETERS; i++)
        arg[i] = i < args->n ? args->at[i] : jinja_undefined(NULL);
    if (args->n > n) jinja_error(h, "the %s '%s' takes %zu arguments", what, entry->name, n);
    for (size_t k = 0; k < args->n_named && !jinja_failed(h); k++) {
        size_t i = 0;
        while (i < n && strcmp(entry->parameters[i], args->name[k])) i++;
        if (i == n)
            jinja_error(h, "the argument '%s' of the %s '%s' is not supported", args->name[k], what,
                        entry->name);
        else arg[i] = args->named[k];
    }
    if (!jinja_spend(h, 1)) return jinja_none();
    return entry->run(h, self, arg);
}

/* True and false count as 1 and 0, as in Python. */
int64_t jinja_need_int(jinja_heap *h, jinja_value v, const char *what)
{
    if (v.kind == JINJA_INT) return v.integer;
    if (v.kind == JINJA_BOOL) return v.flag;
    jinja_error(h, "%s is %s, not a whole number", what, jinja_type(v));
    return 0;
}

jinja_value jinja_need_text(jinja_heap *h, jinja_value v, const char *what)
{
    if (v.kind == JINJA_STRING) return v;
    jinja_error(h, "%s is %s, not a string", what, jinja_type(v));
    return jinja_cstr("");
}
