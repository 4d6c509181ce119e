/* file.h - random access to a regular file, mapped into memory: raw, or zstd cut into
 * frames of known size.
 *
 * A zstd file is indexed by a walk over its block headers, so its whole size is known,
 * and a cut or an appended byte is found, before anything is decompressed.
 */
#ifndef SP_FILE_H
#define SP_FILE_H

#include "base/base.h"

typedef struct sp_file sp_file;

/* Open `path` ("-" = stdin). Returns 1 and *f; 0 when only sequential reading will do (a
 * pipe, or zstd frames that are huge or do not tell their size); -1 on error. */
int sp_file_open(sp_file **f, const char *path, sp_err *e);
uint64_t sp_file_size(const sp_file *f); /* of the data, decompressed */
/* n bytes at `at`; reaching over the end is an error ("truncated"). Whole frames are
 * decompressed in parallel; several threads may read at a time. 0 or -1. */
int sp_file_read(sp_file *f, uint64_t at, void *buf, size_t n, sp_err *e);
/* Decompress what no read has touched, so that every checksum has been seen. 0 or -1. */
int sp_file_verify(sp_file *f, sp_err *e);
/* the data in place, NULL when compressed */
const uint8_t *sp_file_map(const sp_file *f);
void sp_file_close(sp_file *f);

#endif
