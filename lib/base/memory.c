/* memory.c - see memory.h.
 *
 * Every function asks the C library for one byte where zero are wanted, because it may answer zero
 * with NULL, which would be taken for a lack of memory.
 */
#include "base/memory.h"

#include "base/arith.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* p as it is, unless it is NULL where n > 0 bytes were asked for. */
static void *checked(void *p, size_t n)
{
    if (!p && n) sp_die(SP_ESYSTEM, "out of memory (%zu bytes asked for)", n);
    return p;
}

void *sp_xmalloc(size_t n) { return checked(malloc(n ? n : 1), n); }

/* n * size, which must not overflow. */
static size_t product(size_t n, size_t size)
{
    uint64_t bytes;
    if (!sp_mul(n, size, &bytes))
        sp_die(SP_ESYSTEM, "out of memory (%zu x %zu bytes asked for)", n, size);
    return bytes;
}

void *sp_xcalloc(size_t n, size_t size)
{
    size_t bytes = product(n, size);
    return checked(calloc(1, bytes ? bytes : 1), bytes);
}

void *sp_xrealloc(void *p, size_t n) { return checked(realloc(p, n ? n : 1), n); }

void *sp_xarray(size_t n, size_t size) { return sp_xmalloc(product(n, size)); }

char *sp_xstrdup(const char *s) { return checked(strdup(s), strlen(s) + 1); }

char *sp_xasprintf(const char *fmt, ...)
{
    char *s;
    va_list ap;
    va_start(ap, fmt);
    if (vasprintf(&s, fmt, ap) < 0) sp_die(SP_ESYSTEM, "out of memory");
    va_end(ap);
    return s;
}

#define FIRST 16 /* elements of an array that begins to grow */

/* Doubling moves n elements less than n times in all: 16 + 32 + ... + n/2. */
void *sp_xgrow(void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap) return p;
    size_t grown = SP_MAX(need, SP_MAX(*cap <= SIZE_MAX / 2 ? 2 * *cap : 0, FIRST));
    *cap = grown;
    return sp_xrealloc(p, product(grown, size));
}

#define HUGE_PAGE  ((size_t)2 << 20)
#define HUGE_FROM  ((size_t)8 << 20) /* arrays from this size on lie in huge pages */
#define CACHE_LINE ((size_t)64)

/* Aligned to a cache line, for loads of whole vectors, and a large array to a huge page.
 * aligned_alloc(3) wants a size that is a multiple of the alignment. */
float *sp_xfloats(size_t n)
{
    uint64_t bytes;
    /* HUGE_PAGE less, so that rounding up cannot overflow */
    if (!sp_mul(n, sizeof(float), &bytes) || bytes > SIZE_MAX - HUGE_PAGE)
        sp_die(SP_ESYSTEM, "out of memory (%zu floats)", n);
    size_t align = bytes >= HUGE_FROM ? HUGE_PAGE : CACHE_LINE;
    bytes = (SP_MAX(bytes, 1) + align - 1) / align * align;
    void *p = checked(aligned_alloc(align, bytes), bytes);
    /* To fault memory in by small pages costs as much as using it. The kernel may refuse. */
    if (align == HUGE_PAGE) madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

float *sp_xfloats0(size_t n)
{
    float *p = sp_xfloats(n);
    memset(p, 0, n * sizeof *p);
    return p;
}
