/* dtype.h - element types of tensors: those that safetensors knows.
 *
 * The order of the enum is part of its meaning: the floating types come last, BOOL first.
 */
#ifndef SP_DTYPE_H
#define SP_DTYPE_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    SP_BOOL, /* one byte an element; any value but 0 counts as 1 */
    SP_U8,
    SP_I8,
    SP_U16,
    SP_I16,
    SP_U32,
    SP_I32,
    SP_U64,
    SP_I64,
    SP_F16,  /* IEEE 754 binary16 */
    SP_BF16, /* the upper half of an F32 */
    SP_F32,
    SP_F64,
    SP_NDTYPES /* how many there are, and no dtype itself */
} sp_dtype;

/* The name that safetensors gives it: "F32". d < SP_NDTYPES. */
const char *sp_dtype_name(sp_dtype d);
/* The dtype of that name, in upper or lower case, or -1 where there is none. */
int sp_dtype_parse(const char *name);
/* Bytes an element. d < SP_NDTYPES. */
size_t sp_dtype_size(sp_dtype d);
/* Is it F16, BF16, F32 or F64? */
static inline bool sp_dtype_is_float(sp_dtype d) { return d >= SP_F16 && d < SP_NDTYPES; }

#endif
