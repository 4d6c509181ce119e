/* tests.h - the tests (value is name) of chat templates. */
#ifndef SP_TEXT_JINJA_TESTS_H
#define SP_TEXT_JINJA_TESTS_H

#include "text/jinja/call.h"

/* v is name(args). A name that is not known is an error. */
bool jinja_test(jinja_heap *h, const char *name, jinja_value v, const jinja_args *args);

#endif
