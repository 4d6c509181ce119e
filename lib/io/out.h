/* out.h - an output of bytes, zstd or raw, that appears under its name complete or not at
 * all (target.h).
 *
 * zstd output is cut into frames of SP_FRAME bytes of input, each with its content size
 * and a checksum. A queue (base/queue.h) compresses several frames in parallel and writes
 * them in order while the caller goes on: the bytes do not depend on the number of
 * threads. One caller at a time.
 */
#ifndef SP_OUT_H
#define SP_OUT_H

#include "base/error.h"

#include <stddef.h>

#define SP_FRAME (4u << 20) /* bytes of input in a frame; the last has what is left */

typedef struct sp_out sp_out;

/* Open `path` (NULL or "-" = standard output) for writing at zstd `level`, 0 = raw. NULL
 * on error: SP_EUSAGE for a terminal, else SP_ESYSTEM. The result goes to sp_out_finish
 * or sp_out_abort. Uses as many threads as OpenMP would, at most 32. */
SP_MUST_CHECK sp_out *sp_out_open(const char *path, int level, sp_err *e);

/* Write n bytes. 0, or -1 (SP_ESYSTEM). What fails while a frame is compressed or written
 * shows in a later call, at the latest in sp_out_finish. */
SP_MUST_CHECK int sp_out_write(sp_out *out, const void *buf, size_t n, sp_err *e);

/* Write what is left, close, check everything, rename. Frees `out` in every case. 0, or
 * -1 (SP_ESYSTEM): then nothing is left under either name. Nothing written at all gives
 * one frame without content. */
SP_MUST_CHECK int sp_out_finish(sp_out *out, sp_err *e);

/* Give up: remove the temporary file and free `out` (NULL is allowed). */
void sp_out_abort(sp_out *out);

#endif
