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

/* n bytes, uninitialised. */
void *sp_xmalloc(size_t n);
/* n elements of `size` bytes: zeroed, uninitialised. A product that overflows dies too.
 */
void *sp_xcalloc(size_t n, size_t size);
void *sp_xarray(size_t n, size_t size);
/* p, which may be NULL, resized to n bytes. */
void *sp_xrealloc(void *p, size_t n);
/* A copy of s; a new string. */
char *sp_xstrdup(const char *s);
char *sp_xasprintf(const char *fmt, ...) SP_PRINTF(1, 2);

/* Growing arrays: anything that appends in a loop should use these instead of a realloc
 * of its own.
 *
 *     struct { item *v; size_t n, cap; } list = {0};
 *     SP_PUSH(list.v, list.n, list.cap) = (item){...};
 *     free(list.v);
 *
 * sp_xgrow returns the array p (NULL at first), which has space for *cap elements of
 * `size` bytes, moved to where it has space for at least `need`, and updates *cap. The
 * capacity at least doubles, so that n appends copy fewer than 2 n elements; it starts at
 * 16. New elements are not initialised. */
void *sp_xgrow(void *p, size_t *cap, size_t need, size_t size);
/* A new last element of the array p of n elements, with space for cap, as something to
 * assign to; n counts it. All three arguments must be variables (or fields), and what is
 * assigned must not use them: C leaves open which side comes first. */
#define SP_PUSH(p, n, cap) \
    (*((p) = sp_xgrow((p), &(cap), (n) + 1, sizeof *(p)), &(p)[(n)++]))

/* n floats, 64-byte aligned: uninitialised, or zeroed. Large ones (from 8 MiB on) ask for
 * huge pages. */
float *sp_xfloats(size_t n);
float *sp_xfloats0(size_t n);

#endif
