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

typedef enum {
    SP_FLAG,   /* bool *dst = true */
    SP_STRING, /* const char **dst */
    SP_INT,    /* int64_t *dst, range lo..hi */
    SP_REAL,   /* double *dst, range lo..hi */
    SP_CHOICE, /* int *dst = index of the value in `arg`, which reads "a|b|c" */
    /* dst is an sp_opt_call *; called with each value in order of appearance */
    SP_CALL
} sp_opt_kind;

typedef struct {
    int (*fn)(void *self, const char *name, const char *value, sp_err *e); /* 0 or -1 */
    void *self;
} sp_opt_call;

typedef struct {
    const char *name; /* long name without the dashes */
    char letter;      /* short name or 0 */
    sp_opt_kind kind;
    void *dst;        /* holds the default before parsing */
    const char *arg;  /* metavariable, or the choices */
    const char *help; /* one line; the default belongs in it */
    double lo, hi;    /* for SP_INT and SP_REAL; both 0 = no range */
} sp_opt;

/* What every tool takes; filled by sp_opt_main before `run` is called. */
typedef struct {
    const char *out; /* -o, NULL = stdout */
    int64_t threads; /* -t, default: OMP_NUM_THREADS, else all processors */
    int64_t level;   /* -z, zstd level, 0 = raw */
    int64_t seed;    /* --seed */
    bool no_pg;      /* --no-pg */
} sp_common;
extern sp_common sp_args;

typedef struct {
    const char *verb;                  /* NULL for a tool without verbs */
    const char *operands;              /* e.g. "MODEL DATA" */
    const char *summary;               /* one line */
    const sp_opt *opts;                /* ends with a zero name; may be NULL */
    int min_args, max_args;            /* operands; max -1 = any */
    int (*run)(int argc, char **argv); /* operands only; returns an exit code */
} sp_cmd;

/* Parse and run: handles -h, --version, the common options and usage errors (exit 2,
 * message on stderr); ends with sp_finish. `what` is one line for the top of --help; cmds
 * ends with a NULL run; `tail` is extra help text or NULL. */
int sp_opt_main(int argc, char **argv, const char *what, const sp_cmd *cmds,
                const char *tail);

#endif
