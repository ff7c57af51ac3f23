#include "template.h"

#include "channels/whatsapp_cloud_template.h"
#include "record.h"

/* Changes are few: each is told alone, and repeats change nothing. */
void template_changed(struct item *item, const Pb__RawInbound *raw)
{
    const struct caller caller = record_caller(item, raw);
    Pb__TemplateUpdateRequest *request = PB_NEW(item->arena, template_update_request);
    void *reply = NULL;
    item->status = whatsapp_cloud_template_update_read(item->arena, (const char *)raw->body.data, raw->body.len,
                                                       request, &item->error);
    if (item->status == OK)
        item->status = ask_one(item->arena, &STORE_TEMPLATE_UPDATE, &caller, request, &reply, &item->error);
    if (item->status != OK)
        return;
    const Pb__TemplateUpdated *updated = reply;
    if (updated->n_jobs > 0)
        item->status = ask_enqueue(item->arena, updated->jobs, updated->n_jobs, NULL, &item->error);
}
