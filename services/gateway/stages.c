#include "stages.h"

#include "base/ident.h"
#include "base/text.h"
#include "transcode.h"
#include "wire/pb.h"

enum status stage_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    Pb__StageCreateRequest *stage = (Pb__StageCreateRequest *)request;
    const char *key = NULL;
    TRY(transcode_idempotency_key(exchange, &key, error));
    if (key != NULL)
        stage->id = ident_named(exchange->arena, "stage", exchange->caller.company_id, key, NULL);
    return OK;
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
    return error_code(error, REJECT, "idempotency_mismatch", "The same Idempotency-Key came with another body before.");
}
