/* scratch.h - arrays that live in a file instead of memory: masters and moments of a
 * model that is larger than the machine.
 *
 * One file, deleted from its directory as soon as it is open, so that nothing stays
 * behind however the program ends. Arrays are mapped; the kernel writes them out and
 * sp_scratch_evict takes them off the resident set until they are touched again.
 */
#ifndef SP_SCRATCH_H
#define SP_SCRATCH_H

#include "base/base.h"

typedef struct sp_scratch sp_scratch;

/* Room for `bytes` in `dir` (NULL = $TMPDIR, else /tmp) for `what`. NULL with a message
 * that says what is needed and what is free. */
sp_scratch *sp_scratch_open(const char *dir, const char *what, uint64_t bytes, sp_err *e);
const char *sp_scratch_dir(void); /* $TMPDIR, else /tmp */
void sp_scratch_close(sp_scratch *s);

/* The next n bytes, zeroed, page-aligned; at most as many in all as were asked for (each
 * rounded up to whole pages by the caller's sp_scratch_size). Valid until close. */
void *sp_scratch_take(sp_scratch *s, uint64_t n);
uint64_t sp_scratch_size(uint64_t n); /* n rounded up to pages */

/* Give back the whole pages in a stretch of an array from sp_scratch_take; its content
 * stays. Or ask for an array ahead of its use. */
void sp_scratch_evict(void *p, uint64_t n);
void sp_scratch_prefetch(void *p, uint64_t n);

#endif
