/* roles.h - what a token of a conversation belongs to. */
#ifndef SP_ROLES_H
#define SP_ROLES_H

enum {
    SP_ROLE_TEMPLATE = 0, /* the template's own text, and the system turn */
    SP_ROLE_QUESTION = 1, /* the text of a user turn */
    SP_ROLE_ANSWER = 2    /* the text of an assistant turn, and the token that ends it */
};

#endif
