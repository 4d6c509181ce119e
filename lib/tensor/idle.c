/* idle.c - see idle.h. */
#include "tensor/idle.h"

#include <string.h>

bool sp_idle_name(const char *name, bool tied)
{
    static const char frequencies[] = ".rotary_emb.inv_freq";
    size_t n = strlen(name), s = sizeof frequencies - 1;
    return (n > s && !strcmp(name + n - s, frequencies)) || (tied && !strcmp(name, SP_HEAD_NAME));
}
