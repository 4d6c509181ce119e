/* base.h - the ground every module stands on: errors, checked memory, clean exit,
 * progress.
 *
 * Two tiers of errors. Code that meets untrusted bytes (zio, st, model, tok, data ...)
 * takes a `sp_err *`, returns -1 or NULL, never prints and never exits, so that it can be
 * fuzzed. Everything else dies through the functions below, which print "tool: message"
 * and leave no partial output behind. One rule for the whole API: pointers passed in are
 * borrowed, pointers returned are owned by the caller unless const.
 */
#ifndef SP_BASE_H
#define SP_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SP_VERSION "0.1.0"

enum { SP_OK = 0, SP_EINPUT = 1, SP_EUSAGE = 2, SP_ESYSTEM = 3 }; /* exit codes */

#define SP_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define SP_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define SP_MAX(a, b)    ((a) > (b) ? (a) : (b))

/* What went wrong: an exit code and a message without the tool's name, e.g.
 * `in.st.zst: tensor "x": shape 4x8, expected 4x4`. */
typedef struct {
    int code;
    char msg[1000];
} sp_err;

/* Fill *e and give -1, so that a reader can `return sp_fail(e, SP_EINPUT, ...)`. The
 * first error wins. A macro, for the compiler to see the constant. */
#define sp_fail(...)             \
    ({                           \
        sp_err_set(__VA_ARGS__); \
        -1;                      \
    })
void sp_err_set(sp_err *e, int code, const char *fmt, ...) SP_PRINTF(3, 4);

extern const char *sp_tool; /* name of the running binary, for messages */
extern int sp_verbosity;    /* 0 = -q, 1 = default, 2 = -v */

/* Print "tool: message" to stderr, remove temporary outputs, exit with `code`. */
_Noreturn void sp_die(int code, const char *fmt, ...) SP_PRINTF(2, 3);
_Noreturn void sp_die_err(const sp_err *e);         /* the same from a filled sp_err */
void sp_warn(const char *fmt, ...) SP_PRINTF(1, 2); /* silent under -q */
void sp_note(const char *fmt, ...) SP_PRINTF(1, 2); /* only under -v */

/* Checked memory: die with SP_ESYSTEM when there is none. sp_xarray checks n * size for
 * overflow; the float arrays are 64-byte aligned and released with free(). */
void *sp_xmalloc(size_t n);
void *sp_xcalloc(size_t n, size_t size);
void *sp_xarray(size_t n, size_t size);
void *sp_xrealloc(void *p, size_t n);
char *sp_xstrdup(const char *s);
char *sp_xasprintf(const char *fmt, ...) SP_PRINTF(1, 2);
float *sp_xfloats(size_t n);  /* uninitialised */
float *sp_xfloats0(size_t n); /* zeroed */

/* a * b into *out; false on overflow. */
static inline bool sp_mul(uint64_t a, uint64_t b, uint64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

/* Files and directories to delete if the program dies or is interrupted: registered
 * before they are created, dropped after they have been renamed to their final name. A
 * directory goes with everything in it. */
void sp_cleanup_add(const char *path);
void sp_cleanup_drop(const char *path);
void sp_cleanup_remove(const char *path); /* remove it now, and drop */
void sp_cleanup_run(void);

/* 64-bit FNV-1a of n bytes; chain by passing the previous value, start with SP_HASH0.
 * Names and fingerprints only. */
#define SP_HASH0 0xcbf29ce484222325ull
uint64_t sp_hash(uint64_t h, const void *p, size_t n);

double sp_now(void); /* seconds, monotonic */

/* One progress line on stderr when it is a terminal (and not -q): done/total, rate, ETA.
 * unit e.g. "tokens". */
typedef struct {
    const char *what, *unit;
    double total, t0, last;
} sp_progress;
void sp_progress_start(sp_progress *p, const char *what, const char *unit, double total);
void sp_progress_at(sp_progress *p, double done);
void sp_progress_end(sp_progress *p);

/* For libraries that read the environment when they are loaded: if `name` is not set, set
 * it and start the program again. */
void sp_restart_with(char **argv, const char *name, const char *value);

/* First and last call of every main. sp_start installs the signal handlers that remove
 * temporary files; sp_finish flushes and checks stdout, and at -v reports version,
 * command, wall and CPU time and peak resident memory. Returns the exit code. */
void sp_start(int argc, char **argv);
int sp_finish(void);
const char *sp_command_line(void); /* the command as typed, shell-quoted where needed */

#endif
