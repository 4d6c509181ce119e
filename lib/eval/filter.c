/* filter.c - see filter.h.
 *
 * The input goes through an unlinked temporary file, the output through a pipe:
 *
 *     objects -> temporary file -> sh -c command -> pipe -> objects
 *
 * With two pipes, this program could wait for the filter to read while the filter waits for this
 * program to read. Writing to a file waits for nobody, so a filter may read everything before it
 * writes, or write before it has read.
 */
#include "eval/filter.h"

#include "text/json_out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Write the objects of `in` to a temporary file without a name, and return it at its beginning, to
 * be closed by the caller. NULL on error. */
static FILE *spool(const json_t *in, sp_err *e)
{
    FILE *f = tmpfile();
    for (size_t i = 0; f && i < json_array_size(in); i++)
        sp_json_write_line(f, json_array_get(in, i));
    /* the filter inherits the descriptor, not the buffer: all bytes must be in the file, its offset
     * at 0 */
    if (f && !fflush(f) && !ferror(f) && !fseek(f, 0, SEEK_SET)) return f;
    sp_fail(e, SP_ESYSTEM, "temporary file: %s", strerror(errno));
    if (f) fclose(f);
    return NULL;
}

/* Start the command with `in` as its standard input. *out reads what it prints and is the caller's
 * to close. Returns its process id, which the caller must wait for, or -1. */
static pid_t start(const char *command, FILE *in, FILE **out, sp_err *e)
{
    int fd[2];
    if (pipe(fd) < 0) return sp_fail(e, SP_ESYSTEM, "pipe: %s", strerror(errno));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(fileno(in), STDIN_FILENO) < 0 || dup2(fd[1], STDOUT_FILENO) < 0) _exit(127);
        close(fd[0]);
        close(fd[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    /* only the filter may hold the writing end, or reading would never meet the end of its output
     */
    close(fd[1]);
    *out = pid < 0 ? NULL : fdopen(fd[0], "r");
    if (*out) return pid;
    close(fd[0]);
    return sp_fail(e, SP_ESYSTEM, "%s: %s", command, strerror(errno));
}

/* Append the object on each line of f to `out`. 0, or -1 at the first line that is no object, or
 * when f cannot be read. */
static int read_objects(const char *command, FILE *f, json_t *out, sp_err *e)
{
    char *line = NULL;
    size_t cap = 0;
    int rc = 0;
    for (ssize_t n; rc == 0 && (n = getline(&line, &cap, f)) > 0;) {
        json_error_t je;
        json_t *o = json_loadb(line, (size_t)n, 0, &je);
        if (json_is_object(o)) json_array_append(out, o);
        else
            rc = sp_fail(e, SP_EINPUT, "%s: line %zu of its output is not a JSON object", command,
                         json_array_size(out) + 1);
        json_decref(o);
    }
    if (rc == 0 && ferror(f)) rc = sp_fail(e, SP_ESYSTEM, "%s: %s", command, strerror(errno));
    free(line);
    return rc;
}

/* Wait for the end of the process. 0, or -1 if it was killed or its exit status is not 0. */
static int wait_for(const char *command, pid_t pid, sp_err *e)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return sp_fail(e, SP_ESYSTEM, "%s: %s", command, strerror(errno));
    if (WIFSIGNALED(status))
        return sp_fail(e, SP_EINPUT, "%s: killed by signal %d", command, WTERMSIG(status));
    if (WEXITSTATUS(status))
        return sp_fail(e, SP_EINPUT, "%s: exit status %d", command, WEXITSTATUS(status));
    return 0;
}

json_t *sp_filter(const char *command, const json_t *in, sp_err *e)
{
    FILE *from = spool(in, e), *to = NULL;
    if (!from) return NULL;
    pid_t pid = start(command, from, &to, e);
    fclose(from);
    if (pid < 0) return NULL;
    json_t *out = json_array();
    int rc = read_objects(command, to, out, e);
    fclose(to); /* a filter that still writes ends by SIGPIPE */
    /* The process is waited for in any case, so that none is left behind. A bad line that was met
     * before is the error that stays (sp_fail). */
    if (wait_for(command, pid, e) < 0 || rc < 0) {
        json_decref(out);
        return NULL;
    }
    return out;
}

int sp_filter_update(const char *command, json_t *items, sp_err *e)
{
    json_t *said = sp_filter(command, items, e);
    if (!said) return -1;
    size_t n = json_array_size(items), n_said = json_array_size(said);
    int rc = n == n_said
                 ? 0
                 : sp_fail(e, SP_EINPUT, "%s: %zu lines out for %zu lines in", command, n_said, n);
    for (size_t i = 0; i < n && rc == 0; i++)
        json_object_update(json_array_get(items, i), json_array_get(said, i));
    json_decref(said);
    return rc;
}
