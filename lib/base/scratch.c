/* scratch.c - see scratch.h.
 *
 * Arrays are cut off the mapped file one after another, each in whole pages, and never given back
 * one by one. The mapping is shared with the file: the kernel may write pages out at any time, and
 * evicting them only takes them off this process.
 */
#include "base/scratch.h"

#include "base/capacity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct sp_scratch {
    char *map;
    uint64_t size, used; /* bytes of the file, and of it those that arrays have taken */
};

/* Memory and files are mapped in whole pages. */
static uint64_t page_size(void) { return (uint64_t)sysconf(_SC_PAGESIZE); }

uint64_t sp_scratch_size(uint64_t n) { return (n + page_size() - 1) / page_size() * page_size(); }

/* Make the file `bytes` long. Its blocks are reserved now, because a page that found no block when
 * it is written out would end the program with SIGBUS. Only a file system that knows no reservation
 * (EOPNOTSUPP) gets a file without blocks; a full disk is an error. */
static int set_size(int fd, uint64_t bytes)
{
    if (fallocate(fd, 0, 0, (off_t)bytes) == 0) return 0;
    return errno == EOPNOTSUPP ? ftruncate(fd, (off_t)bytes) : -1;
}

/* A file of that size without a name, mapped. The mapping keeps it, so its descriptor can go. */
static char *map_file(const char *dir, uint64_t bytes, sp_err *e)
{
    char *path = sp_xasprintf("%s/sp-scratch-XXXXXX", dir), *map = NULL;
    int fd = mkstemp(path);
    if (fd < 0) sp_fail(e, SP_ESYSTEM, "%s: %s", dir, strerror(errno));
    else {
        unlink(path);
        map = set_size(fd, bytes) < 0
                  ? MAP_FAILED
                  : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) sp_fail(e, SP_ESYSTEM, "%s: %s", dir, strerror(errno));
        close(fd);
    }
    free(path);
    return map == MAP_FAILED ? NULL : map;
}

const char *sp_scratch_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    return tmp && *tmp ? tmp : "/tmp";
}

/* What is free is compared before anything is made, for a message with both numbers. */
sp_scratch *sp_scratch_open(const char *dir, const char *what, uint64_t bytes, sp_err *e)
{
    if (!dir) dir = sp_scratch_dir();
    bytes = sp_scratch_size(bytes);
    if (sp_capacity_check_disk(dir, what, bytes, e) < 0) return NULL;
    char *map = map_file(dir, bytes, e);
    if (!map) return NULL;
    sp_scratch *s = sp_xcalloc(1, sizeof *s);
    *s = (sp_scratch){map, bytes, 0};
    return s;
}

void sp_scratch_close(sp_scratch *s)
{
    if (!s) return;
    munmap(s->map, s->size);
    free(s);
}

void *sp_scratch_take(sp_scratch *s, uint64_t n)
{
    uint64_t at = s->used;
    s->used += sp_scratch_size(n);
    if (s->used > s->size)
        sp_die(SP_ESYSTEM, "scratch file: %llu bytes are not enough", (unsigned long long)s->size);
    return s->map + at;
}

/* Rounded inwards: a page that is shared with a neighbour stays, which may be using it. */
void sp_scratch_evict(void *p, uint64_t n)
{
    uintptr_t page = (uintptr_t)page_size(), first = (uintptr_t)p;
    uintptr_t from = (first + page - 1) / page * page, to = (first + n) / page * page;
    if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
}

/* Rounded outwards; advice only, so what it returns does not matter. */
void sp_scratch_prefetch(void *p, uint64_t n) { madvise(p, sp_scratch_size(n), MADV_WILLNEED); }
