/* streams.c - see streams.h.
 *
 * The functions fill in what the common options say (sp_args) and end the program on an error, so
 * that a tool describes only what is its own: inputs, a callback, a dtype.
 */
#include "cli/streams.h"

#include "cli/must.h"
#include "cli/opt.h"
#include "io/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

sp_output sp_args_output(void)
{
    return (sp_output){.path = sp_args.out, .level = (int)sp_args.level, .no_pg = sp_args.no_pg};
}

sp_src *sp_must_src(const char *path)
{
    sp_err e = {0};
    sp_src *s = sp_src_open(path, &e);
    if (!s) sp_die_err(&e);
    return s;
}

void sp_must_make(sp_walk *w, int dtype)
{
    sp_err e = {0};
    sp_output o = sp_args_output();
    /* in[0] gives names and shapes; provenance names all inputs */
    o.inputs = w->in;
    o.n_inputs = w->n_in;
    w->dst = sp_output_like(&o, w->in[0], dtype, &e);
    if (!w->dst) sp_die_err(&e);
    sp_must(sp_walk_complete(w, &e), &e);
}

/* JSON has no NaN and no infinity: jansson refuses to make one, and null says that there is no
 * value. */
json_t *sp_json_real(double x) { return isfinite(x) ? json_real(x) : json_null(); }

void sp_must_report(json_t *root)
{
    sp_text out;
    sp_text_open(&out, sp_args.out);
    json_dumpf(root, out.f, JSON_INDENT(1));
    fputc('\n', out.f);
    sp_text_finish(&out);
    json_decref(root);
}

void sp_say_rounding(uint64_t changed, uint64_t lost, const char *dtype, const char *wide)
{
    char *said = sp_xasprintf("%" PRIu64 " of %" PRIu64 " changed weights vanish in %s: they round "
                              "to what they were (%s keeps more)",
                              lost, changed, dtype, wide);
    if (lost > changed / 2) sp_warn("%s", said);
    else if (lost) sp_note("%s", said);
    free(said);
}

int sp_set_float_dtype(void *self, const char *name, const char *value, sp_err *e)
{
    /* the message of a usage error names the option already */
    (void)name;
    int d = sp_dtype_parse(value);
    if (d < 0 || !sp_dtype_is_float((sp_dtype)d))
        return sp_fail(e, SP_EUSAGE, "'%s' is none of F64, F32, BF16, F16", value);
    *(int *)self = d;
    return 0;
}
