/* protobuf.h - a cursor over a message in protobuf's wire format.
 *
 * A message is a row of fields: a tag (number << 3 | type) and a value. Of a submessage
 * or a string the value is its bytes, which the caller may walk with a cursor of their
 * own.
 */
#ifndef TOK_PROTOBUF_H
#define TOK_PROTOBUF_H

#include <stdbool.h>
#include <stdint.h>

/* What is left of a message; borrowed. */
typedef struct {
    const unsigned char *p, *end;
} tok_pb;

typedef struct {
    uint64_t number;
    uint64_t value; /* of an integer, or the bits of a float */
    tok_pb bytes;   /* of a string or submessage; p = NULL when it is neither */
} tok_pb_field;

/* Read the next field.
 *    1: it is in *f
 *    0: the message has ended
 *   -1: broken */
int tok_pb_next(tok_pb *c, tok_pb_field *f);

#endif
