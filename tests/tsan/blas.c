/* blas.c - the one product that the engine takes from OpenBLAS, with accesses that the thread
 * sanitizer follows: each element of A and B is read once and each of C written once in
 * instrumented code. The arithmetic between is not instrumented: it would take ten times as long
 * and show nothing more.
 */
#include <cblas.h>
#include <stdlib.h>

/* X (rows, cols) as a dense copy, transposed if asked for. */
static double *copied(const float *x, int rows, int cols, int ld, int transpose)
{
    double *y = malloc(sizeof *y * (size_t)rows * (size_t)cols + 1);
    if (!y) abort();
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) y[i * cols + j] = transpose ? x[j * ld + i] : x[i * ld + j];
    return y;
}

__attribute__((no_sanitize_thread)) static double dot(const double *a, const double *b, int k)
{
    double sum = 0;
    for (int l = 0; l < k; l++) sum += a[l] * b[l];
    return sum;
}

void cblas_sgemm(enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE ta, enum CBLAS_TRANSPOSE tb,
                 blasint m, blasint n, blasint k, float alpha, const float *a, blasint lda,
                 const float *b, blasint ldb, float beta, float *c, blasint ldc)
{
    if (order != CblasRowMajor) abort();
    double *rows = copied(a, m, k, lda, ta == CblasTrans);
    double *columns = copied(b, n, k, ldb, tb != CblasTrans);
    for (blasint i = 0; i < m; i++)
        for (blasint j = 0; j < n; j++) {
            float *to = &c[i * ldc + j];
            double ab = alpha * dot(&rows[i * k], &columns[j * k], k);
            *to = (float)(ab + (beta != 0 ? (double)beta * *to : 0));
        }
    free(rows);
    free(columns);
}
