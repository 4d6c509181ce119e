/* foreign.h - files that are not what they were taken for: what they are instead, by
 * their first bytes, and what to do about it.
 *
 * Downloads leave pointers, web pages and links to nothing where a file should be;
 * programs of other systems put a mark in front of their text.
 */
#ifndef SP_FOREIGN_H
#define SP_FOREIGN_H

#include "base/error.h"

#include <stddef.h>

/* As many first bytes as are needed to tell. */
#define SP_FOREIGN_BYTES 8

/* What a file is that begins with the n bytes at p, as words to follow "is": "a Git LFS
 * pointer ('git lfs pull' fetches the file itself)". NULL where that is not known.
 * Borrowed for ever. */
const char *sp_foreign(const void *p, size_t n);

/* The length of the UTF-8 byte order mark at p, 3, or 0 where the n bytes begin without
 * one. */
size_t sp_bom(const void *p, size_t n);

/* Fill *e for an input `path` whose open(2) or stat(2) failed with errno `err`; gives -1.
 * The message says of a link to nothing where it leads; the code is that of
 * sp_open_code. */
int sp_fail_open(sp_err *e, const char *path, int err);

#endif
