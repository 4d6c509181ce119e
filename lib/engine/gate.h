/* gate.h - the gate of the MLP: act(gate) * up, element by element, and its gradient. */
#ifndef SP_GATE_H
#define SP_GATE_H

#include "engine/config.h"

/* out[i] = act(gate[i]) * up[i] for n elements. */
void sp_gate_forward(sp_act act, float *out, const float *gate, const float *up,
                     int64_t n);

/* Gradients of gate and up. On entry dup holds d_i = dL/d out[i]; on return dgate[i] =
 * d_i act'(gate[i]) up[i] and dup[i] = d_i act(gate[i]). */
void sp_gate_backward(sp_act act, float *dgate, float *dup, const float *gate,
                      const float *up, int64_t n);

#endif
