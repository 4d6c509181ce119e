/* text.c - see text.h.
 *
 * stdio remembers that a write has failed (ferror), so that nobody has to check each fprintf: all
 * of them are checked at the end, before the file gets its name.
 */
#include "io/text.h"

#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void sp_text_open(sp_text *t, const char *path)
{
    sp_err e = {0};
    if (sp_target_open(&t->to, path, &e) < 0) sp_die_err(&e);
    t->f = t->to.fd == STDOUT_FILENO ? stdout : fdopen(t->to.fd, "w");
    if (!t->f) sp_die(SP_ESYSTEM, "%s: %s", t->to.name, strerror(errno));
    if (!t->to.path) return;
    /* messages name the file itself, not a link to it */
    free(t->to.name);
    t->to.name = sp_xstrdup(t->to.path);
}

void sp_text_finish(sp_text *t)
{
    sp_err e = {0};
    bool bad = fflush(t->f) || ferror(t->f);
    if (t->f != stdout) {
        bad |= fclose(t->f) != 0;
        t->to.fd = -1; /* went with the FILE */
    }
    if (bad) sp_die(SP_ESYSTEM, "%s: %s", t->to.name, strerror(errno));
    if (sp_target_close(&t->to, true, &e) < 0) sp_die_err(&e);
    t->f = NULL;
}
