/* strings.h - Python's work on strings, shared by filters and methods. */
#ifndef SP_TEXT_JINJA_STRINGS_H
#define SP_TEXT_JINJA_STRINGS_H

#include "text/jinja/value.h"

/* s without white space (chars undefined or none) or without the characters of `chars` at
 * its left and right end. */
jinja_value jinja_strip(jinja_heap *h, jinja_value s, jinja_value chars, bool left,
                        bool right);
/* Every `from` replaced by `to`, the first `count` times (count < 0: always). */
jinja_value jinja_replace(jinja_heap *h, jinja_value s, jinja_value from, jinja_value to,
                          int64_t count);
typedef enum {
    JINJA_UPPER,
    JINJA_LOWER,
    JINJA_CAPITALIZE,
    JINJA_TITLE,      /* every letter behind something that is no letter (str.title) */
    JINJA_TITLE_WORDS /* every letter behind white space or one of -({[< (the filter
                         title) */
} jinja_case;
/* Only for text whose letters are ASCII; an error for others, whose case is not known
 * here. */
jinja_value jinja_to_case(jinja_heap *h, jinja_value s, jinja_case to);
/* The parts between separators (undefined or none: runs of white space), split at most
 * `most` times (< 0: everywhere), counted from the right if from_right. */
jinja_value jinja_split(jinja_heap *h, jinja_value s, jinja_value separator, int64_t most,
                        bool from_right);
jinja_value jinja_lines(jinja_heap *h, jinja_value s, bool keep_ends);
/* The elements as text with `between` between them. */
jinja_value jinja_join(jinja_heap *h, jinja_value elements, jinja_value between);

#endif
