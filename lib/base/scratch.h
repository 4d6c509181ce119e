/* scratch.h - arrays that live in a file instead of memory, for data larger than the
 * machine: the masters and moments of a large model, the scores of a large tensor.
 *
 * There is one file, with space for all arrays. It is mapped into memory, so arrays are
 * used like any others. It has no name from the moment it is open, so that nothing stays
 * behind however the program ends.
 *
 *     sp_scratch *s = sp_scratch_open(dir, "moments", sp_scratch_size(n) * 2, &e);
 *     float *m = sp_scratch_take(s, n), *v = sp_scratch_take(s, n);
 *     ... use m and v ...
 *     sp_scratch_evict(m, n); // memory for something else
 */
#ifndef SP_SCRATCH_H
#define SP_SCRATCH_H

#include "base/base.h"

typedef struct sp_scratch sp_scratch;

/* n rounded up to whole pages: what an array of n bytes takes of the file. */
uint64_t sp_scratch_size(uint64_t n);

/* A file of `bytes` bytes in `dir` (NULL = sp_scratch_dir()) for `what`, e.g. "moments".
 * The blocks are reserved now where the file system can do that. NULL with SP_ESYSTEM
 * where `dir` cannot be written to or has not that much space. */
SP_MUST_CHECK sp_scratch *sp_scratch_open(const char *dir, const char *what,
                                          uint64_t bytes, sp_err *e);
const char *sp_scratch_dir(void);     /* $TMPDIR, else /tmp */
void sp_scratch_close(sp_scratch *s); /* ends all its arrays; NULL is allowed */

/* The next n bytes of the file, zeroed, at the beginning of a page. They belong to s.
 * Dies with SP_ESYSTEM where all arrays together, each in whole pages, take more than the
 * file has. */
SP_MUST_CHECK void *sp_scratch_take(sp_scratch *s, uint64_t n);

/* Take n bytes at p, a part of an array, out of memory; their content stays, and comes
 * back when it is used. Pages that are only partly inside stay in memory. */
void sp_scratch_evict(void *p, uint64_t n);
/* Ask the kernel to read n bytes at p, the beginning of an array, ahead of their use. */
void sp_scratch_prefetch(void *p, uint64_t n);

#endif
