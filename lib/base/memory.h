/* memory.h - memory that is there, or the program ends: every function dies with
 * SP_ESYSTEM ("out of memory ...") instead of returning NULL.
 *
 * All results belong to the caller, who releases them with free(). A size of zero gives
 * a valid pointer to nothing.
 */
#ifndef SP_MEMORY_H
#define SP_MEMORY_H

#include "base/error.h"

#include <stddef.h>

void *sp_xmalloc(size_t n); /* n bytes, uninitialised */
void *sp_xcalloc(size_t n,
                 size_t size);          /* n * size bytes, zeroed; checked for overflow */
void *sp_xarray(size_t n, size_t size); /* n * size bytes, uninitialised; checked too */
void *sp_xrealloc(void *p, size_t n);   /* p, which may be NULL, resized to n bytes */
char *sp_xstrdup(const char *s);
char *sp_xasprintf(const char *fmt, ...) SP_PRINTF(1, 2);

/* n floats, 64-byte aligned: uninitialised, or zeroed. Large ones (from 8 MiB on) ask for
 * huge pages. */
float *sp_xfloats(size_t n);
float *sp_xfloats0(size_t n);

#endif
