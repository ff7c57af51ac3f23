#include "jobs.h"

#include "base/text.h"
#include "service/topology.h"
#include "transcode.h"
#include "wire/pb.h"

static Pb__JobSpec *spec_of(const struct exchange *exchange, const Pb__JobCreateRequest *request)
{
    Pb__JobSpec *spec = PB_NEW(exchange->arena, job_spec);
    spec->company_id = arena_text(exchange->arena, exchange->caller.company_id);
    spec->task = request->task;
    spec->idempotency_key = request->idempotency_key;
    spec->params = request->params == NULL ? pb_json(exchange->arena, "{}") : request->params;
    spec->has_priority = request->has_priority;
    spec->priority = request->priority;
    spec->has_run_at = request->has_run_at;
    spec->run_at = request->run_at;
    spec->correlation_id = arena_text(exchange->arena, exchange->caller.correlation_id);
    spec->traceparent = arena_text(exchange->arena, exchange->caller.traceparent);
    return spec;
}

void jobs_create(struct exchange *exchange)
{
    struct error error = { 0 };
    ProtobufCMessage *request = NULL;
    void *reply = NULL;
    EXCHANGE_TRY(exchange, transcode_request(exchange, &pb__job_create_request__descriptor, &request, &error));
    const Pb__JobSpec *spec = spec_of(exchange, (const Pb__JobCreateRequest *)request);
    EXCHANGE_TRY(exchange, ask_one(exchange->arena, &JOBS_ENQUEUE, &exchange->caller, spec, &reply, &error));
    const Pb__JobEnqueued *enqueued = reply;
    Pb__JobCreated *created = PB_NEW(exchange->arena, job_created);
    created->job_id = enqueued->job_id;
    created->has_status = enqueued->has_status;
    created->status = enqueued->status;
    exchange_json(exchange, enqueued->existing ? 200 : 202, &created->base);
}

enum status jobs_stats_prepare(struct exchange *exchange, ProtobufCMessage *request, struct error *error)
{
    const char *named = NULL;
    TRY(web_query(exchange->request, "company_id", &named, error));
    if (exchange->key.every_company && named == NULL)
        PB_SET((Pb__JobStatsRequest *)request, every_company, true);
    return OK;
}
