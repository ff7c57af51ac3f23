/*
 * template_use - a person's message made from a template: found, checked and filled while somebody is there to correct
 * it.
 */
#pragma once
#include "service/service.h"

struct template_use {
    const Pb__TemplateUse *asked; /* NULL: the message is none of a template's */
    const char *company_id;
    const char *id;       /* found */
    const char *text;     /* the body with its parameters in it: what the person will read */
    struct error refused; /* code "" : well */
};

/* Length and presence of its members. */
enum status template_use_check(const Pb__TemplateUse *asked, struct error *error);
/* Fills in what was found; a use that is refused says why. */
enum status template_uses_read(struct batch *batch, struct template_use *list, size_t count, struct error *error);
/* Queues it on the message's row, which the transaction has just written. */
void template_use_write(struct batch *batch, const char *message_id, const struct template_use *use);
