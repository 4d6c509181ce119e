/* opt.h - command lines from one table, so that the help text cannot drift from the
 * parser.
 *
 * A tool is a list of commands (verbs); a tool with a single nameless command has no
 * verb. Options may stand before, between or after operands; `--name=value`, `--name
 * value`, `-x value`, `-xvalue` and `--` work as with GNU tools.
 */
#ifndef SP_OPT_H
#define SP_OPT_H

#include "base/base.h"

/* What an option takes, and what its `dst` points to. */
typedef enum {
    SP_FLAG,   /* no value; bool, set to true */
    SP_STRING, /* const char *; the value is not copied */
    SP_INT,    /* int64_t, within lo..hi */
    SP_REAL,   /* double, finite, within lo..hi */
    SP_CHOICE, /* int, the place of the value among those in `arg`, "a|b|c": 0, 1, 2 */
    SP_CALL    /* sp_opt_call, called with each value in order of appearance */
} sp_opt_kind;

typedef struct {
    /* 0, or -1 with an error, which becomes a usage error. */
    int (*fn)(void *self, const char *name, const char *value, sp_err *e);
    void *self;
} sp_opt_call;

typedef struct {
    const char *name; /* long name without the dashes */
    char letter;      /* short name or 0 */
    sp_opt_kind kind;
    void *dst;        /* holds the default before parsing */
    const char *arg;  /* metavariable, or the choices; NULL for a flag */
    const char *help; /* one line; the default belongs in it */
    double lo, hi;    /* for SP_INT and SP_REAL, inclusive; both 0 = no range */
} sp_opt;

/* The options that every tool takes. For the mains of tools and lib/cli; below that
 * everything is passed as an argument. */
typedef struct {
    const char *out; /* -o, NULL = stdout */
    int64_t threads; /* -t, default: OMP_NUM_THREADS, else all processors */
    int64_t level;   /* -z, zstd level, 0 = raw */
    int64_t seed;    /* --seed */
    bool no_pg;      /* --no-pg */
} sp_common;
extern sp_common sp_args; /* complete before `run` is called */

typedef struct {
    const char *verb;                  /* NULL for a tool without verbs */
    const char *operands;              /* e.g. "MODEL DATA" */
    const char *summary;               /* one line */
    const sp_opt *opts;                /* ends with a zero name; may be NULL */
    int min_args, max_args;            /* operands; max -1 = any number */
    int (*run)(int argc, char **argv); /* operands only; returns an exit code */
} sp_cmd;

/* The whole of a tool's main: sp_start, parse, run the command, sp_finish. Handles -h,
 * --version and the common options. `what` is one line for the top of --help; `cmds` ends
 * with a NULL run; `tail` is more text for the end of --help, or NULL. Returns the exit
 * code: SP_OK, or what `run` returned. A wrong command line ends the program with
 * SP_EUSAGE and a message on stderr. */
SP_MUST_CHECK int sp_opt_main(int argc, char **argv, const char *what, const sp_cmd *cmds,
                              const char *tail);

#endif
