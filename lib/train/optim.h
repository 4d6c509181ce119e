/* optim.h - optimizer steps on flat arrays, and learning-rate schedules. */
#ifndef SP_OPTIM_H
#define SP_OPTIM_H

#include "base/base.h"
#include "tensor/dtype.h"

typedef enum { SP_ADAMW, SP_SGD } sp_optim_kind;
#define SP_OPTIM_CHOICES "adamw|sgd"
typedef enum { SP_CONSTANT, SP_LINEAR, SP_COSINE } sp_schedule;
#define SP_SCHEDULE_CHOICES "constant|linear|cosine"

typedef struct {
    sp_optim_kind kind;
    double beta1, beta2, eps, weight_decay;
} sp_optim;

/* The two moments of n weights: F32, or BF16 with stochastic rounding (plain rounding
 * would lose the small changes of v), whose random bits are a pure function of (key,
 * step, index). NULL for SGD. */
typedef struct {
    void *m, *v;
    sp_dtype dtype;
    uint64_t key;
} sp_moments;

/* Step number t (from 1) with learning rate lr on n weights with gradient g. AdamW
 * (Loshchilov & Hutter), decoupled decay: w -= lr*wd*w;  m = b1*m + (1-b1)*g;  v = b2*v +
 * (1-b2)*g^2;  w -= lr * (m/(1-b1^t)) / (sqrt(v/(1-b2^t)) + eps) SGD: w -= lr*wd*w; w -=
 * lr*g. */
void sp_optim_step(const sp_optim *o, float *w, const float *g, const sp_moments *mo,
                   size_t n, double lr, int64_t t, bool decay);

/* Multiplier of the learning rate at step s of total (from 0), as in Hugging Face's
 * schedulers: linear warm-up from 0 over `warmup` steps, then constant, linear to 0, or
 * half a cosine to 0. */
double sp_schedule_at(sp_schedule kind, int64_t s, int64_t warmup, int64_t total);

#endif
