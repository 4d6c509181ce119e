/* capacity.h - is there room? What a run will need, asked for before it starts and set
 * against what is free.
 *
 * A refusal comes in the first second and says both numbers, instead of a full disk or a
 * killed process hours later.
 */
#ifndef SP_CAPACITY_H
#define SP_CAPACITY_H

#include "base/base.h"

/* Bytes of memory the machine has, and of it those that could be had now without swapping
 * (caches count as free). SP_MEMORY=X in the environment caps both at X GiB, SP_DISK=X
 * the disk that counts as free. */
uint64_t sp_capacity_memory(void);
uint64_t sp_capacity_memory_free(void);

/* 0, or -1 with SP_ESYSTEM and a message: `what` needs that many bytes of memory, or of
 * disk where `path` lies (it need not exist yet). */
int sp_capacity_check_memory(const char *what, uint64_t bytes, sp_err *e);
int sp_capacity_check_disk(const char *path, const char *what, uint64_t bytes, sp_err *e);

#endif
