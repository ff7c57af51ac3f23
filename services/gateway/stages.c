#include "stages.h"

#include "base/ident.h"
#include "base/text.h"
#include "transcode.h"
#include "wire/pb.h"

static enum status id_fix(struct exchange *exchange, const char *noun, char **id, struct error *error)
{
    const char *key = NULL;
    TRY(transcode_idempotency_key(exchange, &key, error));
    if (key != NULL)
        *id = ident_named(exchange->arena, noun, exchange->caller.company_id, key, NULL);
    return OK;
}

static enum status another_body(struct error *error)
{
    return error_code(error, REJECT, "idempotency_mismatch", "The same Idempotency-Key came with another body before.");
}

enum status stage_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    return id_fix(exchange, "stage", &((Pb__StageCreateRequest *)request)->id, error);
}

enum status pipeline_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    return id_fix(exchange, "new_pipeline", &((Pb__PipelineCreateRequest *)request)->id, error);
}

enum status stage_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                         struct error *error)
{
    const Pb__StageCreateRequest *wanted = (const Pb__StageCreateRequest *)request;
    const Pb__Stage *found = (const Pb__Stage *)reply;
    (void)exchange;
    if (text_same(wanted->name, found->name) && (!wanted->has_position || wanted->position == found->position) &&
        (!wanted->pipeline_id || text_same(wanted->pipeline_id, found->pipeline_id)))
        return OK;
    return another_body(error);
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
    return same ? OK : another_body(error);
}
