/* main.c - see main.h.
 *
 * The order in sp_start matters: the restart comes first, because everything after it would be lost
 * with the first process; descriptors are put right before anything is opened.
 */
#include "cli/main.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/command.h"
#include "cli/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static double start_time;

/* Idle OpenMP threads spin for 20 us, a fifth of what sleeping and waking took where it was
 * measured, and then sleep. A thread that goes on spinning for a partner that has lost its
 * processor to another process makes a busy machine several times slower. libgomp reads the
 * variable when it is loaded. A policy of the user's own stands. */
static void limit_spinning(void)
{
    if (!getenv("OMP_WAIT_POLICY")) sp_restart_want("GOMP_SPINCOUNT", "1000");
}

/* Keep work space that comes and goes each step mapped: page faults cost. */
static void tune_malloc(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
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

void sp_start(int argc, char **argv)
{
    limit_spinning();
    sp_restart(argv);
    tune_malloc();
    sp_command_set(argc, argv);
    start_time = sp_now();
    keep_standard_fds();
    sp_cleanup_on_signals();
    /* the default action would end the program before it could say what went wrong */
    signal(SIGXFSZ, SIG_IGN); /* the file-size limit shows as a failed write */
}

/* A time in seconds. */
static double seconds(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

/* stdout is closed here, not by exit(3), because a full disk behind it may show only then. That it
 * has been closed before (EBADF) is no error. */
int sp_finish(void)
{
    if (fflush(stdout) || ferror(stdout))
        sp_die(SP_ESYSTEM, "standard output: %s", strerror(errno));
    if (close(STDOUT_FILENO) < 0 && errno != EBADF)
        sp_die(SP_ESYSTEM, "standard output: %s", strerror(errno));
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    sp_note("version %s; %s; wall %.2f s, cpu %.2f s, peak rss %.1f MiB", SP_VERSION,
            sp_command_line(), sp_now() - start_time, seconds(u.ru_utime) + seconds(u.ru_stime),
            (double)u.ru_maxrss / 1024);
    return SP_OK;
}
