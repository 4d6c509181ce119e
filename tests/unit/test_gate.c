/* test_gate.c - the gate of the MLP against its definition in double, and its gradient against
 * differences of that.
 */
#include "engine/gate.h"
#include "operands.h"

static double activation(sp_act act, double g)
{
    if (act == SP_ACT_SILU) return g / (1 + exp(-g));
    return 0.5 * g * (1 + tanh(sqrt(2 / M_PI) * (g + 0.044715 * g * g * g)));
}

static double derivative(sp_act act, double g)
{
    const double h = 1e-5;
    return (activation(act, g + h) - activation(act, g - h)) / (2 * h);
}

static void check(sp_act act, int64_t n)
{
    float *gate = random_floats(n, 1), *up = random_floats(n, 2), *d = random_floats(n, 3),
          *out = sp_xfloats((size_t)n), *dgate = sp_xfloats((size_t)n), *dup = copy_floats(d, n);
    for (int64_t i = 0; i < n; i++) gate[i] *= 3;
    sp_gate_forward(act, out, gate, up, n);
    sp_gate_backward(act, dgate, dup, gate, up, n);
    for (int64_t i = 0; i < n; i++) {
        double g = (double)gate[i], u = (double)up[i], di = (double)d[i];
        expect_near("out", (double)out[i], activation(act, g) * u, 1e-6 * (1 + fabs(g * u)));
        expect_near("dgate", (double)dgate[i], di * u * derivative(act, g),
                    2e-6 * (1 + fabs(di * u)));
        expect_near("dup", (double)dup[i], di * activation(act, g), 1e-6 * (1 + fabs(di * g)));
    }
    free(gate), free(up), free(d), free(out), free(dgate), free(dup);
}

/* Also enough for threads. */
static void silu(void **state)
{
    (void)state;
    check(SP_ACT_SILU, 19);
    check(SP_ACT_SILU, 20000);
}

static void gelu(void **state)
{
    (void)state;
    check(SP_ACT_GELU_TANH, 19);
    check(SP_ACT_GELU_TANH, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(silu), cmocka_unit_test(gelu)};
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
