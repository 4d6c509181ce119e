/* error.h - what went wrong, and how a program says so.
 *
 * There are two tiers of errors. Code that meets untrusted bytes (streams, checkpoints,
 * tokenizers, examples ...) takes an `sp_err *`, returns -1 or NULL, never prints and
 * never exits, so that it can be fuzzed. All other code dies through the functions below:
 * they print "tool: message" and leave no partial output behind.
 *
 * Ownership, for the whole API: pointers passed in are borrowed; pointers returned are
 * owned by the caller (released with free(), or with the module's own close or free
 * function) unless they are const or their contract says to what they belong.
 */
#ifndef SP_ERROR_H
#define SP_ERROR_H

/* Exit codes of every tool. */
enum {
    SP_OK = 0,
    SP_EINPUT = 1, /* bad or mismatching input */
    SP_EUSAGE = 2, /* wrong command line */
    SP_ESYSTEM = 3 /* I/O, memory */
};

/* The compiler checks the arguments against the format string (argument f), from
 * argument a on. */
#define SP_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* The compiler warns where the result of such a function is dropped. */
#define SP_MUST_CHECK   __attribute__((warn_unused_result))

/* What went wrong: an exit code (0 = nothing) and a message without the tool's name,
 * e.g. `in.st.zst: tensor "x": shape 4x8, expected 4x4`. Starts as {0}. */
typedef struct {
    int code;
    char msg[1000];
} sp_err;

/* Fill *e and give -1, so that a reader can `return sp_fail(e, SP_EINPUT, ...)`. The
 * first error wins: a filled *e stays as it is. e may be NULL. Control characters become
 * "?". A macro, so that the compiler sees the constant. */
#define sp_fail(...)             \
    ({                           \
        sp_err_set(__VA_ARGS__); \
        -1;                      \
    })
void sp_err_set(sp_err *e, int code, const char *fmt, ...) SP_PRINTF(3, 4);

extern const char *sp_tool; /* name of the running program, for messages */
extern int sp_verbosity;    /* 0 = -q, 1 = default, 2 = -v */

/* Print "tool: message" to stderr, call what sp_on_die was given, exit with `code`. */
_Noreturn void sp_die(int code, const char *fmt, ...) SP_PRINTF(2, 3);
/* The same from a filled *e; an empty one counts as SP_ESYSTEM. */
_Noreturn void sp_die_err(const sp_err *e);
/* Let sp_die call `last` just before it ends the process (cleanup.c removes temporary
 * files there). There is one such function; a later call replaces it. */
void sp_on_die(void (*last)(void));

/* Print "tool: message" to stderr. */
void sp_warn(const char *fmt, ...) SP_PRINTF(1, 2); /* silent under -q */
void sp_note(const char *fmt, ...) SP_PRINTF(1, 2); /* only under -v */

#endif
