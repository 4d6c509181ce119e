/* transpose.h - the transpose of a block of a matrix, for packing. */
#ifndef SP_TRANSPOSE_H
#define SP_TRANSPOSE_H

#include <stdint.h>

/* Write the transpose of `from` (rows, cols), whose rows lie ldf floats apart, to `to`
 * (cols, rows), whose rows lie ldt floats apart. They must not overlap. */
void sp_transpose(float *to, int64_t ldt, const float *from, int64_t ldf, int64_t rows,
                  int64_t cols);

#endif
