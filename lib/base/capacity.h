/* capacity.h - what a run will need of memory or disk, compared with what is free before
 * it starts.
 *
 * A run that cannot succeed is refused in its first second, with both numbers, instead of
 * meeting a full disk or being killed hours later.
 *
 * Two environment variables make the machine smaller, for tests and for shared machines:
 * SP_MEMORY=X caps all memory, and that which is free, at X GiB; SP_DISK=X caps the disk
 * that is free.
 */
#ifndef SP_CAPACITY_H
#define SP_CAPACITY_H

#include "base/base.h"

uint64_t sp_capacity_memory(void); /* bytes of memory the machine has */
/* Bytes of memory that could be had now without swapping; the kernel's caches count as
 * free. */
uint64_t sp_capacity_memory_free(void);

/* Are `bytes` bytes of memory free for `what`, e.g. "training"? The number is noted at
 * -v. 0, or -1: "training: 3.0 GiB are needed, 1.2 GiB are free" (SP_ESYSTEM). */
SP_MUST_CHECK int sp_capacity_check_memory(const char *what, uint64_t bytes, sp_err *e);

/* Are `bytes` bytes free on the disk where `path` lies, or will lie: its directory must
 * be there. 0, or -1: "out/: weights: 3.0 GiB are needed, 1.2 GiB are free", or the
 * directory is missing (SP_ESYSTEM). */
SP_MUST_CHECK int sp_capacity_check_disk(const char *path, const char *what,
                                         uint64_t bytes, sp_err *e);

#endif
