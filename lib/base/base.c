/* base.c - see base.h. */
#include "base/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

const char *sp_tool = "sp";
int sp_verbosity = 1;

static char *command_line;
static double start_time;

void sp_err_set(sp_err *e, int code, const char *fmt, ...)
{
    if (!e || e->code) return;
    va_list ap;
    va_start(ap, fmt);
    e->code = code;
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
}

static void say(const char *fmt, va_list ap)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", sp_tool);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
}

void sp_die(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
    sp_cleanup_run();
    _exit(code); /* not exit(): other threads may still run */
}

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

/* ---- memory --------------------------------------------------------------------------- */

static void *checked(void *p, size_t n)
{
    if (!p && n) sp_die(SP_ESYSTEM, "out of memory (%zu bytes asked for)", n);
    return p;
}

void *sp_xmalloc(size_t n) { return checked(malloc(n ? n : 1), n); }
void *sp_xcalloc(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1), n * size);
}
void *sp_xrealloc(void *p, size_t n) { return checked(realloc(p, n ? n : 1), n); }

void *sp_xarray(size_t n, size_t size)
{
    uint64_t bytes;
    if (!sp_mul(n, size, &bytes))
        sp_die(SP_ESYSTEM, "out of memory (%zu x %zu bytes asked for)", n, size);
    return sp_xmalloc(bytes);
}

char *sp_xstrdup(const char *s) { return checked(strdup(s), strlen(s)); }

char *sp_xasprintf(const char *fmt, ...)
{
    char *s;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0) sp_die(SP_ESYSTEM, "out of memory");
    va_end(ap);
    return s;
}

#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)8 << 20)

float *sp_xfloats(size_t n)
{
    uint64_t bytes;
    if (!sp_mul(n, sizeof(float), &bytes) || bytes > SIZE_MAX - ((size_t)2 << 20))
        sp_die(SP_ESYSTEM, "out of memory (%zu floats)", n);
    size_t align = bytes >= HUGE_FROM ? HUGE_PAGE : 64;
    bytes = (SP_MAX(bytes, 1) + align - 1) / align * align;
    void *p = checked(aligned_alloc(align, bytes), bytes);
    /* a wish: faulting in small pages costs as much as using them */
    if (align == HUGE_PAGE) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

float *sp_xfloats0(size_t n)
{
    float *p = sp_xfloats(n);
    memset(p, 0, n * sizeof *p);
    return p;
}

/* ---- cleanup -------------------------------------------------------------------------- */

#define MAX_CLEANUP 64
/* NULL = free slot; whoever exchanges an entry for NULL owns its string */
static _Atomic(char *) cleanup[MAX_CLEANUP];

void sp_cleanup_add(const char *path)
{
    char *s = sp_xstrdup(path);
    for (int i = 0; i < MAX_CLEANUP; i++) {
        char *empty = NULL;
        if (atomic_compare_exchange_strong(&cleanup[i], &empty, s)) return;
    }
    sp_die(SP_ESYSTEM, "too many temporary files");
}

void sp_cleanup_drop(const char *path)
{
    for (int i = 0; i < MAX_CLEANUP; i++) {
        char *s = cleanup[i];
        if (!s || strcmp(s, path)) continue;
        if (atomic_compare_exchange_strong(&cleanup[i], &s, NULL)) free(s);
        return;
    }
}

/* Remove a file, or a directory with everything in it. Only async-signal-safe calls: it also runs
 * in the signal handler. */
static void remove_tree(int at, const char *name)
{
    if (unlinkat(at, name, 0) == 0 || errno != EISDIR) return;
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    /* Some file systems skip entries while others are removed: go on until the directory is empty,
     * but not for ever. */
    for (int pass = 0; pass < 4 && unlinkat(at, name, AT_REMOVEDIR) < 0; pass++) {
        _Alignas(struct dirent64) char buf[4096];
        lseek(fd, 0, SEEK_SET);
        for (ssize_t n, i; (n = getdents64(fd, buf, sizeof buf)) > 0;)
            for (i = 0; i < n; i += ((struct dirent64 *)(buf + i))->d_reclen) {
                const char *entry = ((struct dirent64 *)(buf + i))->d_name;
                if (strcmp(entry, ".") && strcmp(entry, "..")) remove_tree(fd, entry);
            }
    }
    close(fd);
}

void sp_cleanup_remove(const char *path)
{
    remove_tree(AT_FDCWD, path);
    sp_cleanup_drop(path);
}

void sp_cleanup_run(void)
{
    for (int i = 0; i < MAX_CLEANUP; i++) {
        /* not freed: free() is not for signal handlers */
        char *s = atomic_exchange(&cleanup[i], NULL);
        if (s) remove_tree(AT_FDCWD, s);
    }
}

static void on_signal(int sig)
{
    sp_cleanup_run();
    /* the handler was for once: this time the signal ends the process, and its parent sees which */
    raise(sig);
}

/* ---- small things --------------------------------------------------------------------- */

uint64_t sp_hash(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;
    for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3ull;
    return h;
}

double sp_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void sp_progress_start(sp_progress *p, const char *what, const char *unit, double total)
{
    *p = (sp_progress){.what = what, .unit = unit, .total = total, .t0 = sp_now()};
    if (sp_verbosity < 1 || !isatty(STDERR_FILENO)) p->what = NULL;
}

void sp_progress_at(sp_progress *p, double done)
{
    double now = sp_now(), rate = done / SP_MAX(now - p->t0, 1e-9);
    if (!p->what || now - p->last < 0.1) return;
    p->last = now;
    fprintf(stderr, "\r%s: %s %.0f/%.0f %s, %.4g/s, %.0f s left \033[K", sp_tool, p->what, done,
            p->total, p->unit, rate, rate > 0 ? (p->total - done) / rate : 0.0);
}

void sp_progress_end(sp_progress *p)
{
    if (p->what && p->last > 0) fputs("\r\033[K", stderr);
}

/* ---- start and finish ----------------------------------------------------------------- */

static bool plain_word(const char *s)
{
    return *s &&
           s[strspn(
               s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+%@")] == 0;
}

static char *quote_command(int argc, char **argv)
{
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    if (!f) sp_die(SP_ESYSTEM, "out of memory");
    for (int i = 0; i < argc; i++) {
        const char *s = i ? argv[i] : sp_tool;
        if (i) fputc(' ', f);
        if (plain_word(s)) {
            fputs(s, f);
            continue;
        }
        fputc('\'', f);
        for (; *s; s++)
            if (*s == '\'') fputs("'\\''", f);
            else fputc(*s, f);
        fputc('\'', f);
    }
    fclose(f);
    return out;
}

/* A program started with a standard descriptor closed would get its number for the first file it
 * opens, and then write messages into its own output. Fill the gaps so that reading or writing
 * there fails. */
static void keep_standard_fds(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) < 0)
            _exit(SP_ESYSTEM);
}

/* Signals that end the program end it after temporary files are gone; those the parent chose to
 * ignore (nohup) stay ignored. A file-size limit shows as a failed write. */
static void catch_signals(void)
{
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction old, act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
        if (!sigaction(sigs[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(sigs[i], &act, NULL);
    signal(SIGXFSZ, SIG_IGN);
}

void sp_restart_with(char **argv, const char *name, const char *value)
{
    if (getenv(name)) return;
    setenv(name, value, 1);
    execv("/proc/self/exe", argv); /* where that fails, the program goes on without */
}

void sp_start(int argc, char **argv)
{
    /* Idle OpenMP threads spin for 20 us, a fifth of what sleeping and waking took where it was
     * measured, then sleep: to go on spinning for a partner that has lost its processor to another
     * process makes a busy machine several times slower. */
    if (!getenv("OMP_WAIT_POLICY")) sp_restart_with(argv, "GOMP_SPINCOUNT", "1000");
    /* work space that comes and goes each step stays mapped: page faults cost */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    sp_tool = argc > 0 ? (slash ? slash + 1 : argv[0]) : "sp";
    command_line = quote_command(argc, argv);
    start_time = sp_now();
    keep_standard_fds();
    catch_signals();
}

const char *sp_command_line(void) { return command_line ? command_line : sp_tool; }

int sp_finish(void)
{
    if (fflush(stdout) || ferror(stdout))
        sp_die(SP_ESYSTEM, "standard output: %s", strerror(errno));
    if (close(STDOUT_FILENO) < 0 && errno != EBADF)
        sp_die(SP_ESYSTEM, "standard output: %s", strerror(errno));
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
                 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    sp_note("version %s; %s; wall %.2f s, cpu %.2f s, peak rss %.1f MiB", SP_VERSION,
            sp_command_line(), sp_now() - start_time, cpu, (double)u.ru_maxrss / 1024);
    free(command_line);
    command_line = NULL;
    return SP_OK;
}
