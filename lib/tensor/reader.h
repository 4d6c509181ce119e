/* reader.h - one safetensors file, open for reading: its header, and the bytes of its
 * tensors. src.h puts the files of a checkpoint together.
 *
 * There are three kinds of input, told apart when it is opened:
 *   in place      a regular file, raw or zstd in small frames: any order, any thread
 *   reopened      a regular file, zstd in one huge frame: any order, but going back means
 *                 decompressing it again from the start
 *   forward only  a pipe
 */
#ifndef SP_READER_H
#define SP_READER_H

#include "tensor/header.h"

typedef struct sp_reader sp_reader;

/* Open `path` ("-" = standard input) and check its header. in_place: refuse the other two
 * kinds. The caller closes the result. NULL on error: SP_EINPUT, where it cannot be
 * opened also SP_ESYSTEM. A file in place must have the size that its header says. */
SP_MUST_CHECK sp_reader *sp_reader_open(const char *path, bool in_place, sp_err *e);

const char *sp_reader_file(const sp_reader *r); /* the path's last part */
/* The tensors, *n of them, in the order of their bytes. */
const sp_tinfo *sp_reader_tensors(const sp_reader *r, size_t *n);
const sp_meta *sp_reader_meta(const sp_reader *r);
bool sp_reader_seekable(const sp_reader *r); /* not forward only */
bool sp_reader_parallel(const sp_reader *r); /* in place */

/* Copy n bytes of tensor t, one of the above, from its byte `at` on. 0 or -1 (SP_EINPUT:
 * cut or corrupt; or the pipe is past them, and then the message names the tensor it has
 * come to). */
SP_MUST_CHECK int sp_reader_read(sp_reader *r, const sp_tinfo *t, uint64_t at, void *buf,
                                 size_t n, sp_err *e);

/* The bytes of tensor t in memory, aligned for its dtype; NULL where the file is not raw
 * and in place, the tensor is empty, or it lies on another address than its dtype wants.
 * Valid until close. */
const void *sp_reader_map(const sp_reader *r, const sp_tinfo *t);

/* Go through what has not been read, comparing checksums, and prove that the file ends
 * where its header says. 0 or -1. */
SP_MUST_CHECK int sp_reader_end(sp_reader *r, sp_err *e);

void sp_reader_close(sp_reader *r); /* NULL is allowed */

#endif
