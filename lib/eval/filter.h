/* filter.h - another program as a filter: JSON lines in on its standard input, objects
 * out on its standard output. */
#ifndef SP_FILTER_H
#define SP_FILTER_H

#include "base/base.h"

#include <jansson.h>

/* Run `sh -c command` on the objects of `in` (array), one a line, and return the array of
 * objects that it prints (new reference). NULL on error: it cannot be started, ends with
 * a status other than 0, or prints a line that is no object. */
json_t *sp_filter(const char *command, const json_t *in, sp_err *e);

/* The same for a filter that answers each object with one: what it prints is merged into
 * the objects of `items`. Another number of lines is an error. 0 or -1. */
SP_MUST_CHECK int sp_filter_update(const char *command, json_t *items, sp_err *e);

#endif
