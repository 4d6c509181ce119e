/* steps.c - see steps.h. Only lists; what each kind does stands where it is run. */
#include "text/tok/steps.h"

#include "base/memory.h"

#include <stdlib.h>

/* A reader adds the step first and then fills it in. If a setting turns out to be bad, the
 * half-filled step stays in the list, and tok_steps_free releases what it owns. */
tok_step *tok_steps_add(tok_steps *s, tok_kind kind)
{
    SP_PUSH(s->v, s->n, s->cap) = (tok_step){.kind = kind};
    return &s->v[s->n - 1];
}

void tok_steps_free(tok_steps *s)
{
    for (size_t i = 0; i < s->n; i++) {
        tok_str_free(&s->v[i].a);
        tok_str_free(&s->v[i].b);
        tok_regex_free(s->v[i].re);
    }
    free(s->v);
    *s = (tok_steps){0};
}
