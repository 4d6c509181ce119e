/* capacity.c - see capacity.h.
 *
 * What is free is asked for anew at each call: other programs take and give back while a run is
 * being prepared. The answer is a moment's; nothing is reserved (scratch.h reserves).
 */
#include "base/capacity.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define GIB (1024.0 * 1024 * 1024)

/* bytes, or the GiB that the environment variable names where those are fewer. */
static uint64_t cap(uint64_t bytes, const char *variable)
{
    const char *s = getenv(variable);
    double gib = s ? strtod(s, NULL) : 0;
    return gib > 0 ? SP_MIN(bytes, (uint64_t)(gib * GIB)) : bytes;
}

/* Physical memory; swap does not count, because a run that swaps is as good as dead. */
uint64_t sp_capacity_memory(void)
{
    return cap((uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE), "SP_MEMORY");
}

/* Linux counts in MemAvailable what it could take from its caches. Elsewhere all memory counts as
 * free. */
uint64_t sp_capacity_memory_free(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) break;
    if (f) fclose(f);
    return kib ? cap(kib << 10, "SP_MEMORY") : sp_capacity_memory();
}

/* 0, or -1 with both numbers: MiB where less than a GiB is needed, else GiB. `where` may be empty.
 */
static int compare(const char *where, const char *what, uint64_t need, uint64_t have, sp_err *e)
{
    if (need <= have) return 0;
    bool small = (double)need < GIB;
    double unit = small ? GIB / 1024 : GIB;
    const char *name = small ? "MiB" : "GiB";
    return sp_fail(e, SP_ESYSTEM, "%s%s%s: %.1f %s are needed, %.1f %s are free", where,
                   *where ? ": " : "", what, (double)need / unit, name, (double)have / unit, name);
}

int sp_capacity_check_memory(const char *what, uint64_t bytes, sp_err *e)
{
    sp_note("%s: about %.2f GiB of memory", what, (double)bytes / GIB);
    return compare("", what, bytes, sp_capacity_memory_free(), e);
}

/* f_bavail counts the blocks that are free for anybody, without those kept back for root. A path
 * that does not exist yet will lie where its directory lies. */
int sp_capacity_check_disk(const char *path, const char *what, uint64_t bytes, sp_err *e)
{
    struct statvfs v;
    char *copy = sp_xstrdup(path);
    int rc = statvfs(path, &v);
    if (rc < 0 && errno == ENOENT) rc = statvfs(dirname(copy), &v);
    free(copy);
    if (rc < 0) return sp_fail(e, SP_ESYSTEM, "%s: %s", path, strerror(errno));
    return compare(path, what, bytes, cap((uint64_t)v.f_bavail * v.f_frsize, "SP_DISK"), e);
}
