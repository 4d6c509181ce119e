/* dtype.c - see dtype.h: one table, indexed by the enum. */
#include "tensor/dtype.h"

#include <strings.h>

/* Name and bytes an element of each dtype. Designated initialisers keep the entries right whatever
 * the order of the enum. */
static const struct {
    const char *name;
    size_t size;
} dtypes[SP_NDTYPES] = {
    [SP_BOOL] = {"BOOL", 1}, [SP_U8] = {"U8", 1},   [SP_I8] = {"I8", 1},     [SP_U16] = {"U16", 2},
    [SP_I16] = {"I16", 2},   [SP_U32] = {"U32", 4}, [SP_I32] = {"I32", 4},   [SP_U64] = {"U64", 8},
    [SP_I64] = {"I64", 8},   [SP_F16] = {"F16", 2}, [SP_BF16] = {"BF16", 2}, [SP_F32] = {"F32", 4},
    [SP_F64] = {"F64", 8},
};

const char *sp_dtype_name(sp_dtype d) { return dtypes[d].name; }
size_t sp_dtype_size(sp_dtype d) { return dtypes[d].size; }

/* A linear search is enough: the table has thirteen entries, and a header is parsed once. */
int sp_dtype_parse(const char *name)
{
    for (int d = 0; d < SP_NDTYPES; d++)
        if (!strcasecmp(name, dtypes[d].name)) return d;
    return -1;
}
