/* input.h - what both readers (in.h, file.h) share: how to tell zstd from raw bytes, and
 * whose fault a file is that cannot be opened.
 */
#ifndef SP_INPUT_H
#define SP_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* Do the n bytes at p begin a zstd frame, or a skippable one? Four bytes are needed to
 * tell; fewer are raw. */
bool sp_is_zstd(const void *p, size_t n);

/* The exit code for an input whose open(2) failed with errno `err`: SP_ESYSTEM where the
 * machine is at fault (memory, descriptors, I/O), else SP_EINPUT. */
int sp_open_code(int err);

#endif
