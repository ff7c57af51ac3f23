/*
 * whatsapp_cloud_template - templates as Meta tells of them, and how one is filled. Pure.
 */
#pragma once
#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "wire/pb.h"

struct whatsapp_cloud_template_page {
    Pb__Template **items;
    size_t count;
    const char *after; /* cursor of the next page; NULL: this was the last */
};
/* An answer of GET /{version}/{waba}/message_templates. RETRY: Meta is unwell; REJECT: token or account. */
enum status whatsapp_cloud_template_page_read(struct arena *arena, long http_status, const char *body, size_t bytes,
                                              struct whatsapp_cloud_template_page *out, struct error *error);

/* A piece of a webhook whose field tells of a template. */
bool whatsapp_cloud_template_field(const char *field);
/* REJECT: it names no template. */
enum status whatsapp_cloud_template_update_read(struct arena *arena, const char *body, size_t bytes,
                                                Pb__TemplateUpdateRequest *out, struct error *error);

/* "template":{...} of a send; parameters as TemplateUse has them. REJECT: what Meta would refuse. */
enum status whatsapp_cloud_template_write(struct buffer *out, const char *name, const char *language,
                                          const char *parameters_json, struct error *error);

/*
 * The text that a person will read: the body with its parameters in it. REJECT template_parameters: too many, too few,
 * unknown names, or none that the template's header or buttons need.
 */
enum status whatsapp_cloud_template_fill(struct arena *arena, const char *text, const char *components_json,
                                         const char *parameters_json, const char **out, struct error *error);
