/* must.c - see must.h.
 *
 * Two errors are kept apart in sp_must_each. One that comes from the reader names file and line
 * itself. One that comes from the callback does not know the line, so that file and line are put in
 * front of it.
 */
#include "cli/must.h"

#include "io/text.h"
#include "text/json_out.h"
#include "text/lines.h"

#include <stdbool.h>

void sp_must_each(const char *path, int (*each)(void *self, json_t *obj, sp_err *e), void *self)
{
    sp_err e = {0}, refusal = {0};
    json_t *obj;
    int rc;
    bool any = false;
    sp_lines *l = sp_lines_open(path, &e);
    if (!l) sp_die_err(&e);
    for (; (rc = sp_lines_next(l, &obj, &e)) > 0; any = true)
        if (each(self, obj, &refusal) < 0)
            sp_die(refusal.code, "%s: line %zu: %s", path, sp_lines_number(l), refusal.msg);
    sp_must(rc, &e);
    /* a file that is empty by mistake would otherwise give an empty result and no error */
    if (!any) sp_die(SP_EINPUT, "%s: no lines", path);
    sp_lines_close(l);
}

void sp_must_write(const char *path, const json_t *o)
{
    sp_text out;
    sp_text_open(&out, path);
    /* json_array_size is 0 for an object: exactly one of the two lines below writes */
    if (!json_is_array(o)) sp_json_write_line(out.f, o);
    for (size_t i = 0; i < json_array_size(o); i++) sp_json_write_line(out.f, json_array_get(o, i));
    sp_text_finish(&out);
}
