/* token_target.h - what a token of a batch is scored against: a number a token, the
 * vocabulary entry that should come next, or one of these.
 */
#ifndef SP_TOKEN_TARGET_H
#define SP_TOKEN_TARGET_H

enum {
    SP_NO_TARGET = -1, /* the token is not scored */
    SP_SOFT = -2       /* the whole distribution of a reference model */
};

#endif
