/* input.c - see input.h. */
#include "io/input.h"

#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <zstd.h>

/* The magic numbers of RFC 8878: one for frames, sixteen for frames that are to be skipped. They
 * are stored with the least significant byte first. */
bool sp_is_zstd(const void *p, size_t n)
{
    const uint8_t *b = p;
    if (n < 4) return false;
    uint32_t magic =
        (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

/* Errors of open(2) that another path would not avoid. */
int sp_open_code(int err)
{
    return err == ENOMEM || err == EMFILE || err == ENFILE || err == EIO ? SP_ESYSTEM : SP_EINPUT;
}
