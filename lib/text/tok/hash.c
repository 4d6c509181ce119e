/* hash.c - see hash.h.
 *
 * Only the allocation is here; the search is written out in each table, because the tables compare
 * keys in different ways. A table of less than 2 MiB comes from the heap, a larger one is aligned
 * to huge pages and takes a whole number of them.
 */
#include "text/tok/hash.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *tok_table_new(size_t n, size_t size, int byte)
{
    const size_t huge = 2u << 20;
    size_t bytes = (n * size + huge - 1) / huge * huge;
    if (n * size < huge) return memset(sp_xarray(n, size), byte, n * size);
    void *p = aligned_alloc(huge, bytes);
    if (!p) sp_die(SP_ESYSTEM, "out of memory (%zu bytes asked for)", bytes);
    /* Probes jump all over the table. Huge pages halve the time to load Gemma; it is no harm if
     * the system refuses them. */
    madvise(p, bytes, MADV_HUGEPAGE);
    return memset(p, byte, n * size);
}
