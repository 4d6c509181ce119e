/* command.c - see command.h.
 *
 * The command line is kept as one string that a shell would read back as the same arguments, so
 * that a person can copy it out of a message or out of a stream's provenance and run it.
 */
#include "base/command.h"

#include "base/error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *command_line;

/* Does a shell take s for one word as it stands? */
static bool plain_word(const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-_./=,:+%@";
    return *s && s[strspn(s, plain)] == 0;
}

/* s as a shell would have to read it: in single quotes, each quote inside as '\''. */
static void print_quoted(FILE *f, const char *s)
{
    fputc('\'', f);
    for (; *s; s++)
        if (*s == '\'') fputs("'\\''", f);
        else fputc(*s, f);
    fputc('\'', f);
}

/* All arguments, each quoted if it must be. The first is the tool's name without its directories,
 * which differ from machine to machine. */
static char *quote_command(int argc, char **argv)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    if (!f) sp_die(SP_ESYSTEM, "out of memory");
    for (int i = 0; i < argc; i++) {
        const char *s = i ? argv[i] : sp_tool;
        if (i) fputc(' ', f);
        if (plain_word(s)) fputs(s, f);
        else print_quoted(f, s);
    }
    fclose(f);
    return out;
}

void sp_command_set(int argc, char **argv)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    sp_tool = argc > 0 ? (slash ? slash + 1 : argv[0]) : "sp";
    free(command_line);
    command_line = quote_command(argc, argv);
}

const char *sp_command_line(void) { return command_line ? command_line : sp_tool; }
