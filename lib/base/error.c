/* error.c - see error.h.
 *
 * This is the lowest module: it allocates nothing and includes nothing of ours. The removal of
 * temporary files, which lies above it, reaches sp_die through a pointer (sp_on_die).
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

const char *sp_tool = "sp";
int sp_verbosity = 1;

static void (*_Atomic before_exit)(void);

/* Messages quote what files hold, and control characters of a stranger's do not belong on a
 * terminal. */
static void hide_controls(char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < ' ' && *s != '\n' && *s != '\t') || *s == 0x7f) *s = '?';
}

/* The first error wins, because it is nearest to the cause: what fails after it often fails only
 * because of it. */
void sp_err_set(sp_err *e, int code, const char *fmt, ...)
{
    if (!e || e->code) return;
    va_list ap;
    va_start(ap, fmt);
    e->code = code;
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    hide_controls(e->msg);
}

/* One line on stderr, after what stdout still holds, so that a terminal shows both in order. */
static void say(const char *fmt, va_list ap)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", sp_tool);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

/* Atomic, because any thread may list its first temporary file while another dies. */
void sp_on_die(void (*last)(void)) { before_exit = last; }

void sp_die(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    void (*last)(void) = before_exit;
    if (last) last();
    _exit(code); /* not exit(): other threads may still run */
}

/* The message goes through "%s": a path in it may hold a percent sign. */
void sp_die_err(const sp_err *e)
{
    sp_die(e->code ? e->code : SP_ESYSTEM, "%s", e->code ? e->msg : "unknown error");
}

void sp_warn(const char *fmt, ...)
{
    if (sp_verbosity < 1) return;
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

void sp_note(const char *fmt, ...)
{
    if (sp_verbosity < 2) return;
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}
