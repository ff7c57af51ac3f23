#include "templates.h"

#include "base/ident.h"
#include "base/text.h"
#include "service/topology.h"
#include "transcode.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

/* One job a second, whoever asks; with a key one for ever, by a name that has room in a job's whatever the key is. */
void templates_sync(struct exchange *exchange)
{
    struct error error = { 0 };
    ProtobufCMessage *request = NULL;
    const char *key = NULL;
    void *reply = NULL;
    EXCHANGE_TRY(exchange, transcode_request(exchange, &pb__template_sync_request__descriptor, &request, &error));
    EXCHANGE_TRY(exchange, transcode_idempotency_key(exchange, &key, &error));
    Pb__JobSpec *spec = PB_NEW(exchange->arena, job_spec);
    spec->company_id = arena_text(exchange->arena, exchange->caller.company_id);
    spec->task = arena_text(exchange->arena, WORK_TEMPLATE_SYNC.task);
    spec->params = pb_json(exchange->arena, "{}");
    spec->idempotency_key =
        key ? text_format(exchange->arena, "template_sync_%s", ident_named(exchange->arena, "template_sync", key, NULL))
            : text_format(exchange->arena, "template_sync_%s_s%lld", spec->company_id,
                          (long long)(moment_now() / SECOND_MS));
    spec->correlation_id = arena_text(exchange->arena, exchange->caller.correlation_id);
    spec->traceparent = arena_text(exchange->arena, exchange->caller.traceparent);
    EXCHANGE_TRY(exchange, ask_one(exchange->arena, &JOBS_ENQUEUE, &exchange->caller, spec, &reply, &error));
    const Pb__JobEnqueued *enqueued = reply;
    Pb__TemplateSyncReply *answer = PB_NEW(exchange->arena, template_sync_reply);
    answer->job_id = enqueued->job_id;
    answer->status = arena_text(exchange->arena, pbjson_enum_word(&pb__job_status__descriptor, (int)enqueued->status));
    exchange_json(exchange, 202, &answer->base);
}
