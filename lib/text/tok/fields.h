/* fields.h - cuts a JSON object into the texts of its values, without building a tree. */
#ifndef TOK_FIELDS_H
#define TOK_FIELDS_H

#include "text/jscan.h"

#include <jansson.h>

/* One value that is wanted. */
typedef struct tok_field {
    const char *name;
    struct tok_field *inner; /* it is an object: these are wanted of it */
    /* otherwise its text, borrowed; NULL = it is not there */
    char *p;
    size_t n;
    int64_t count; /* if it is a list or an object: elements at most */
} tok_field;

/* Find the wanted values of the object at the cursor and pass over the others. `fields`
 * ends with a row whose name is NULL, which serves as scratch. Of a name that comes twice
 * the last counts. `what` names the object in messages.
 *    0: the cursor is behind the object
 *   -1: not an object, or not valid JSON (*e) */
int tok_fields_cut(sp_js *s, tok_field *fields, const char *what,
                   sp_err *e) SP_MUST_CHECK;

/* Build the tree of a value; a value that is not there gives NULL without an error. New
 * reference.
 *    0: *out is set
 *   -1: not valid JSON (*e) */
int tok_field_parse(const tok_field *f, json_t **out, sp_err *e) SP_MUST_CHECK;

/* A cursor over the value; over nothing when it is not there. */
sp_js tok_field_cursor(const tok_field *f);

#endif
