/* gate.c - see gate.h.
 *
 * The activation is chosen outside the loops, so that the compiler makes vectors of each (fmath.h
 * has the functions, in plain arithmetic). `simd` says that no element depends on another.
 *
 * With out = act(g) u and d = dL/dout:
 *
 *     dL/dg = d act'(g) u      dL/du = d act(g)
 *
 * dup holds d at first and dL/du at last, so dgate is computed before dup changes.
 */
#include "engine/gate.h"

#include "tensor/fmath.h"

/* Elements up to which a second thread costs more than it gains. */
#define ONE_THREAD 16384

void sp_gate_forward(sp_act act, float *out, const float *gate, const float *up, int64_t n)
{
    if (act == SP_ACT_SILU) {
#pragma omp parallel for simd if (n > ONE_THREAD)
        for (int64_t i = 0; i < n; i++) out[i] = sp_silu(gate[i]) * up[i];
    } else {
#pragma omp parallel for simd if (n > ONE_THREAD)
        for (int64_t i = 0; i < n; i++) out[i] = sp_gelu_tanh(gate[i]) * up[i];
    }
}

void sp_gate_backward(sp_act act, float *dgate, float *dup, const float *gate, const float *up,
                      int64_t n)
{
    if (act == SP_ACT_SILU) {
#pragma omp parallel for simd if (n > ONE_THREAD)
        for (int64_t i = 0; i < n; i++) {
            dgate[i] = dup[i] * up[i] * sp_silu_grad(gate[i]); /* before dup is overwritten */
            dup[i] *= sp_silu(gate[i]);
        }
    } else {
#pragma omp parallel for simd if (n > ONE_THREAD)
        for (int64_t i = 0; i < n; i++) {
            dgate[i] = dup[i] * up[i] * sp_gelu_tanh_grad(gate[i]);
            dup[i] *= sp_gelu_tanh(gate[i]);
        }
    }
}
