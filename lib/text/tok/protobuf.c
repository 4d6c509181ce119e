/* protobuf.c - see protobuf.h. Example, the field bos_id = 300 of a message:
 *
 *     C8 02    tag: 0x48 | 0x02 << 7 = 328 = 41 << 3 | 0: field 41, an integer
 *     AC 02    value: 0x2C | 0x02 << 7 = 300
 */
#include "text/tok/protobuf.h"

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static bool varint(tok_pb *c, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && c->p < c->end; shift += 7) {
        unsigned b = *c->p++;
        *out |= (uint64_t)(b & 0x7F) << shift;
        if (b < 0x80) return true;
    }
    return false;
}

/* n bytes, the lowest first. */
static bool fixed(tok_pb *c, int n, uint64_t *out)
{
    if (c->end - c->p < n) return false;
    *out = 0;
    for (int i = 0; i < n; i++) *out |= (uint64_t)*c->p++ << 8 * i;
    return true;
}

int tok_pb_next(tok_pb *c, tok_pb_field *f)
{
    uint64_t tag, n;
    if (c->p == c->end) return 0;
    if (!varint(c, &tag)) return -1;
    *f = (tok_pb_field){.number = tag >> 3};
    switch (tag & 7) { /* groups, types 3 and 4, have died out */
    case 0: return varint(c, &f->value) ? 1 : -1;
    case 1: return fixed(c, 8, &f->value) ? 1 : -1;
    case 5: return fixed(c, 4, &f->value) ? 1 : -1;
    case 2:
        if (!varint(c, &n) || n > (uint64_t)(c->end - c->p)) return -1;
        f->bytes = (tok_pb){c->p, c->p + n};
        c->p += n;
        return 1;
    default: return -1;
    }
}
