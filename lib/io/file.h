/* file.h - random access to a regular file, raw or zstd, by any number of threads.
 *
 * The file is mapped into memory. Of a zstd file every frame is known from its header
 * (frames.h), so that a read decompresses only the frames it touches.
 */
#ifndef SP_FILE_H
#define SP_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sp_file sp_file;

/* Open `path` ("-" = standard input).
 *   1   *f is open; the caller closes it
 *   0   the input can only be read from front to back (io/in.h): it is a pipe, a device
 * or empty, or its zstd frames are huge or do not tell their size. *f is unchanged -1 it
 * cannot be opened; or it is zstd and cut, corrupt, or goes on after the last frame
 * (SP_EINPUT) */
SP_MUST_CHECK int sp_file_open(sp_file **f, const char *path, sp_err *e);

uint64_t sp_file_size(const sp_file *f); /* bytes of data, decompressed */

/* Read n bytes of the data, from byte `at` on, into buf. Many frames, or much of a raw
 * file, are read in parallel. 0, or -1: the data end before at + n, or a frame is corrupt
 * (SP_EINPUT); a read error (SP_ESYSTEM). */
SP_MUST_CHECK int sp_file_read(sp_file *f, uint64_t at, void *buf, size_t n, sp_err *e);

/* Decompress the frames that no read has touched, so that every checksum has been
 * compared. Raw files have none. 0, or -1: a frame is corrupt (SP_EINPUT). */
SP_MUST_CHECK int sp_file_verify(sp_file *f, sp_err *e);

/* The data in place, sp_file_size bytes, NULL when compressed. Valid until close. */
const uint8_t *sp_file_map(const sp_file *f);

void sp_file_close(sp_file *f); /* NULL is allowed */

#endif
