/* child.h - run a function in a child process and see how it ends: for code that prints,
 * exits or is killed. */
#ifndef SP_TEST_CHILD_H
#define SP_TEST_CHILD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    int code;                   /* exit status, or -1 */
    int sig;                    /* signal that ended it, or 0 */
    char out[16384], err[4096]; /* what it wrote, NUL-terminated */
} sp_child;

/* Start `fn` with stdout and stderr in two temporary files; what it returns is the exit
 * status. */
static inline pid_t sp_child_start(int (*fn)(void *), void *arg, FILE *out, FILE *err)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid) return pid;
    dup2(fileno(out), STDOUT_FILENO);
    dup2(fileno(err), STDERR_FILENO);
    _exit(fn(arg));
}

static inline void sp_child_slurp(FILE *f, char *buf, size_t n)
{
    rewind(f);
    buf[fread(buf, 1, n - 1, f)] = 0;
    fclose(f);
}

static inline sp_child sp_child_run(int (*fn)(void *), void *arg)
{
    sp_child c = {.code = -1};
    int status;
    FILE *out = tmpfile(), *err = tmpfile();
    waitpid(sp_child_start(fn, arg, out, err), &status, 0);
    if (WIFEXITED(status)) c.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) c.sig = WTERMSIG(status);
    sp_child_slurp(out, c.out, sizeof c.out);
    sp_child_slurp(err, c.err, sizeof c.err);
    return c;
}

#endif
