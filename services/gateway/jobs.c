#include "jobs.h"

#include <openssl/sha.h>

#include "base/ident.h"
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
    return spec;
}

/* A key fixes the id together with what is asked for: another id under a known key is another body. */
static void name_job(struct arena *arena, Pb__JobSpec *spec)
{
    ProtobufCBinaryData packed;
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (text_empty(spec->idempotency_key))
        return;
    pb_pack(arena, spec, &packed);
    SHA256(packed.data, packed.len, digest);
    spec->id = ident_named(arena, "job", text_hex(arena, digest, sizeof digest), NULL);
}

static void add_trace(const struct exchange *exchange, Pb__JobSpec *spec)
{
    spec->correlation_id = arena_text(exchange->arena, exchange->caller.correlation_id);
    spec->traceparent = arena_text(exchange->arena, exchange->caller.traceparent);
}

/* The header promises the same answer to the same body; a key in the body only names the job. */
static enum status check_same(const struct exchange *exchange, const Pb__JobSpec *spec, const Pb__JobEnqueued *enqueued,
                              struct error *error)
{
    if (!enqueued->existing || web_header(exchange->request, "Idempotency-Key") == NULL ||
        text_same(enqueued->job_id, spec->id))
        return OK;
    return transcode_other_body(error);
}

void jobs_create(struct exchange *exchange)
{
    struct error error = { 0 };
    ProtobufCMessage *request = NULL;
    void *reply = NULL;
    EXCHANGE_TRY(exchange, transcode_request(exchange, &pb__job_create_request__descriptor, &request, &error));
    Pb__JobSpec *spec = spec_of(exchange, (const Pb__JobCreateRequest *)request);
    name_job(exchange->arena, spec);
    add_trace(exchange, spec);
    EXCHANGE_TRY(exchange, ask_one(exchange->arena, &JOBS_ENQUEUE, &exchange->caller, spec, &reply, &error));
    const Pb__JobEnqueued *enqueued = reply;
    EXCHANGE_TRY(exchange, check_same(exchange, spec, enqueued, &error));
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
