#include "stages.h"

#include "base/text.h"
#include "transcode.h"
#include "wire/pb.h"

enum status stage_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                         struct error *error)
{
    const Pb__StageCreateRequest *wanted = (const Pb__StageCreateRequest *)request;
    const Pb__Stage *found = (const Pb__Stage *)reply;
    (void)exchange;
    if (text_same(wanted->name, found->name) && (!wanted->has_position || wanted->position == found->position) &&
        (!wanted->pipeline_id || text_same(wanted->pipeline_id, found->pipeline_id)))
        return OK;
    return transcode_other_body(error);
}

enum status pipeline_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error)
{
    const Pb__PipelineCreateRequest *wanted = (const Pb__PipelineCreateRequest *)request;
    const Pb__Pipeline *found = (const Pb__Pipeline *)reply;
    bool same = text_same(wanted->name, found->name) && (!wanted->n_stages || wanted->n_stages == found->n_stages);
    (void)exchange;
    for (size_t i = 0; same && i < wanted->n_stages; i++)
        same = text_same(wanted->stages[i], found->stages[i]->name);
    return same ? OK : transcode_other_body(error);
}
