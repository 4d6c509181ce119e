/* target.c - see target.h.
 *
 * rename(2) within a directory is atomic: whoever opens the final name sees the old file or the new
 * one. The temporary name is listed for removal before the file is made, so that no moment is left
 * in which a signal would leave it behind.
 */
#include "io/target.h"

#include "base/cleanup.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Begin the temporary file beside `path`. Behind a symbolic link it lies beside the link's target,
 * so that the rename replaces the target and the link stays one. */
static int open_temporary(sp_target *t, const char *path, bool exists, sp_err *e)
{
    static int serial; /* two outputs of one process may have one name */
    t->path = exists ? realpath(path, NULL) : NULL;
    if (!t->path) t->path = sp_xstrdup(path);
    t->tmp = sp_xasprintf("%s.tmp-%ld-%d", t->path, (long)getpid(), serial++);
    sp_cleanup_add(t->tmp);
    t->fd = open(t->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return t->fd < 0 ? sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno)) : 0;
}

/* A device or a FIFO is not replaced by a file but written to. A directory is refused here, because
 * the rename would fail only after everything has been written. */
int sp_target_open(sp_target *t, const char *path, sp_err *e)
{
    struct stat st;
    *t = (sp_target){.fd = STDOUT_FILENO};
    if (!path || !strcmp(path, "-")) {
        t->name = sp_xstrdup("standard output");
        return 0;
    }
    t->name = sp_xstrdup(path);
    bool exists = stat(path, &st) == 0;
    if (exists && S_ISDIR(st.st_mode)) return sp_fail(e, SP_ESYSTEM, "%s: is a directory", path);
    if (!exists || S_ISREG(st.st_mode)) return open_temporary(t, path, exists, e);
    t->fd = open(path, O_WRONLY | O_CLOEXEC);
    return t->fd < 0 ? sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno)) : 0;
}

/* Forget everything; what is on the disk stays as it is. */
static void empty(sp_target *t)
{
    if (t->tmp) sp_cleanup_drop(t->tmp);
    free(t->name);
    free(t->path);
    free(t->tmp);
    *t = (sp_target){.fd = -1};
}

void sp_target_abort(sp_target *t)
{
    if (t->fd > STDOUT_FILENO) close(t->fd);
    if (t->tmp) unlink(t->tmp);
    empty(t);
}

/* close(2) is checked: on some file systems (NFS) it is where a full disk shows. */
int sp_target_close(sp_target *t, bool ok, sp_err *e)
{
    int fd = t->fd;
    t->fd = -1;
    if (fd > STDOUT_FILENO && close(fd) < 0 && ok)
        ok = !sp_fail(e, SP_ESYSTEM, "%s: %s", t->name, strerror(errno));
    if (ok && t->tmp && rename(t->tmp, t->path) < 0)
        ok = !sp_fail(e, SP_ESYSTEM, "%s: %s", t->name, strerror(errno));
    if (!ok) return sp_target_abort(t), -1;
    empty(t);
    return 0;
}
