/* in.h - an input read from front to back: a file or a pipe, raw or zstd, told apart by
 * its first bytes.
 *
 * End-of-file is never taken for the end of the data: the caller knows how many bytes it
 * wants, reads them, and then asks for a clean end (sp_in_end). One thread at a time.
 */
#ifndef SP_IN_H
#define SP_IN_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sp_in sp_in;

/* Open `path`; "-" is standard input, which can be open only once at a time (SP_EUSAGE).
 * The caller closes the result. NULL on error; a directory is one (SP_EINPUT). */
SP_MUST_CHECK sp_in *sp_in_open(const char *path, sp_err *e);

/* Read exactly n bytes of the (decompressed) data into buf.
 *   1   all n are there
 *   0   the data ended cleanly before the first of them (only where n > 0)
 *  -1   a read error (SP_ESYSTEM); corrupt or truncated data, or an end in the middle of
 *       the n bytes (SP_EINPUT) */
SP_MUST_CHECK int sp_in_read(sp_in *in, void *buf, size_t n, sp_err *e);

/* Read up to n bytes.
 *  >0   how many came; fewer than n only where the data end cleanly after them
 *   0   nothing is left
 *  -1   error, as for sp_in_read */
SP_MUST_CHECK int64_t sp_in_some(sp_in *in, void *buf, size_t n, sp_err *e);

/* Read n bytes and forget them. 0, or -1: error, also where there are fewer. */
SP_MUST_CHECK int sp_in_skip(sp_in *in, uint64_t n, sp_err *e);

/* Prove that the data end here: no byte follows, and the last zstd frame is complete.
 *   0   so it is
 *  -1   more data ("data after the end of what its header describes"), bytes that are no
 *       frame, a frame cut short (all SP_EINPUT), a read error (SP_ESYSTEM) */
SP_MUST_CHECK int sp_in_end(sp_in *in, sp_err *e);

/* For messages: the path, or "standard input". Valid until close. */
const char *sp_in_name(const sp_in *in);
void sp_in_close(sp_in *in); /* NULL is allowed */

#endif
