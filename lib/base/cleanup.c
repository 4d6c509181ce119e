/* cleanup.c - see cleanup.h.
 *
 * The list is an array of atomic pointers without a lock, because a signal handler may not wait
 * for one. NULL marks a free place. Whoever exchanges an entry for NULL owns its string.
 */
#include "base/cleanup.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than a run ever has at a time: an output or two, a state, a directory. */
#define MAX_PATHS 64
static _Atomic(char *) listed[MAX_PATHS];

/* The string is copied before it is listed: from the exchange on, a signal may take it. */
void sp_cleanup_add(const char *path)
{
    sp_on_die(sp_cleanup_run);
    char *s = sp_xstrdup(path);
    for (int i = 0; i < MAX_PATHS; i++) {
        char *empty = NULL;
        if (atomic_compare_exchange_strong(&listed[i], &empty, s)) return;
    }
    sp_die(SP_ESYSTEM, "too many temporary files");
}

/* The string is freed only by the thread that took it off the list. Where a signal's handler took
 * it first, the process is about to end. */
void sp_cleanup_drop(const char *path)
{
    for (int i = 0; i < MAX_PATHS; i++) {
        char *s = listed[i];
        if (!s || strcmp(s, path)) continue;
        if (atomic_compare_exchange_strong(&listed[i], &s, NULL)) free(s);
        return;
    }
}

/* Remove a file, or a directory with everything in it. `name` is relative to the directory `at`.
 * Only async-signal-safe calls are made: this also runs in the signal handler. */
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

/* Removed first, then dropped: a signal in between finds nothing to remove, which does no harm. */
void sp_cleanup_remove(const char *path)
{
    remove_tree(AT_FDCWD, path);
    sp_cleanup_drop(path);
}

void sp_cleanup_run(void)
{
    for (int i = 0; i < MAX_PATHS; i++) {
        /* not freed: free() is not for signal handlers */
        char *s = atomic_exchange(&listed[i], NULL);
        if (s) remove_tree(AT_FDCWD, s);
    }
}

/* The handler of the signals that end the program. */
static void on_signal(int sig)
{
    sp_cleanup_run();
    /* SA_RESETHAND has put the default action back: this time the signal ends the process. */
    raise(sig);
}

/* SA_RESETHAND: a second signal while the first removes things ends the process at once. */
void sp_cleanup_on_signals(void)
{
    static const int sigs[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    struct sigaction old, act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&act.sa_mask);
    for (size_t i = 0; i < sizeof sigs / sizeof *sigs; i++)
        if (!sigaction(sigs[i], NULL, &old) && old.sa_handler != SIG_IGN)
            sigaction(sigs[i], &act, NULL);
}
