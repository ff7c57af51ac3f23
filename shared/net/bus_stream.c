/* JetStream management: streams and consumers as declared, never replaced by an older declaration. */
#include "net/bus_private.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000, SUBJECTS_MAX = 16, DESCRIPTION_BYTES = 64, WAIT_MS = 2500, SETTLE_MS = 300 };

static jsOptions *options(jsOptions *out)
{
    jsOptions_Init(out);
    out->Wait = WAIT_MS;
    return out;
}

static enum status refused(natsStatus problem, jsErrCode code, const char *name, struct error *error)
{
    if (problem == NATS_OK)
        return OK;
    if (code == JSStreamNotFoundErr)
        return error_code(error, RETRY, "no_stream", "%s: there is no such stream", name);
    if (code == JSConsumerNotFoundErr)
        return error_code(error, RETRY, "consumer_gone", "%s: there is no such consumer", name);
    const char *why = nats_GetLastError(NULL);
    return error_code(error, RETRY, "bus_error", "%s: %s", name, why && *why ? why : natsStatus_GetText(problem));
}

static void describe(int version, char out[DESCRIPTION_BYTES])
{
    snprintf(out, DESCRIPTION_BYTES, "parley declaration %d", version);
}

static int version_of(const jsStreamConfig *config)
{
    int version = 0;
    return config->Description && sscanf(config->Description, "parley declaration %d", &version) == 1 ? version : 0;
}

/* subjects holds what config points to. */
static void compose_stream(const struct bus_stream *stream, const char *subjects[SUBJECTS_MAX],
                           char description[DESCRIPTION_BYTES], jsStreamConfig *config)
{
    jsStreamConfig_Init(config);
    int count = 0;
    while (stream->subjects[count]) {
        assert(count < SUBJECTS_MAX);
        subjects[count] = stream->subjects[count];
        count++;
    }
    describe(stream->version, description);
    config->Name = stream->name;
    config->Description = description;
    config->Subjects = subjects;
    config->SubjectsLen = count;
    config->Retention = stream->work_queue ? js_WorkQueuePolicy : js_LimitsPolicy;
    config->Storage = js_FileStorage;
    config->Discard = stream->discard_old ? js_DiscardOld : js_DiscardNew;
    config->MaxAge = stream->age_ms_max * NS_PER_MS;
    config->MaxBytes = stream->bytes_max > 0 ? stream->bytes_max : -1;
    config->Duplicates = stream->duplicates_ms * NS_PER_MS;
    config->Replicas = stream->replicas > 0 ? stream->replicas : 1;
}

static bool same_subjects(const jsStreamConfig *a, const jsStreamConfig *b)
{
    if (a->SubjectsLen != b->SubjectsLen)
        return false;
    for (int i = 0; i < a->SubjectsLen; i++)
        if (strcmp(a->Subjects[i], b->Subjects[i]) != 0)
            return false;
    return true;
}

static bool same_stream(const jsStreamConfig *a, const jsStreamConfig *b)
{
    return a->MaxAge == b->MaxAge && a->MaxBytes == b->MaxBytes && a->Duplicates == b->Duplicates &&
           a->Replicas == b->Replicas && a->Discard == b->Discard && version_of(a) == version_of(b) &&
           same_subjects(a, b);
}

enum status bus_stream_ensure(struct bus *bus, const struct bus_stream *stream, bool *created, struct error *error)
{
    const char *subjects[SUBJECTS_MAX];
    char description[DESCRIPTION_BYTES];
    jsStreamConfig config;
    jsStreamInfo *info = NULL;
    jsOptions wait;
    jsErrCode code = 0;
    *created = false;
    if (!bus_connection_up(bus))
        return bus_away(error);
    compose_stream(stream, subjects, description, &config);
    natsStatus problem = js_GetStreamInfo(&info, bus->jetstream, stream->name, options(&wait), &code);
    if (problem == NATS_OK && version_of(info->Config) <= stream->version && !same_stream(info->Config, &config))
        problem = js_UpdateStream(NULL, bus->jetstream, &config, options(&wait), &code);
    else if (problem == NATS_NOT_FOUND || code == JSStreamNotFoundErr) {
        /* nats-server says a deleted stream is gone before its files are: one made meanwhile would lose its own. */
        nats_Sleep(SETTLE_MS);
        code = 0;
        problem = js_AddStream(NULL, bus->jetstream, &config, options(&wait), &code);
        *created = problem == NATS_OK;
    }
    jsStreamInfo_Destroy(info);
    return refused(problem, code, stream->name, error);
}

static void compose_consumer(const struct bus_consumer *consumer, jsConsumerConfig *config)
{
    jsConsumerConfig_Init(config);
    config->Durable = consumer->name;
    config->AckPolicy = js_AckExplicit;
    config->DeliverPolicy = js_DeliverAll;
    config->FilterSubject = consumer->filter;
    config->AckWait = consumer->ack_wait_ms * NS_PER_MS;
    config->MaxAckPending = consumer->ack_pending_max;
    config->MaxDeliver = -1;
}

enum status bus_consumer_ensure(struct bus *bus, const struct bus_consumer *consumer, bool *created,
                                struct error *error)
{
    jsConsumerConfig config;
    jsConsumerInfo *info = NULL;
    jsOptions wait;
    jsErrCode code = 0;
    *created = false;
    if (!bus_connection_up(bus))
        return bus_away(error);
    compose_consumer(consumer, &config);
    natsStatus problem =
        js_GetConsumerInfo(&info, bus->jetstream, consumer->stream, consumer->name, options(&wait), &code);
    bool missing = code == JSConsumerNotFoundErr || (problem == NATS_NOT_FOUND && code != JSStreamNotFoundErr);
    bool differs = problem == NATS_OK &&
                   (info->Config->AckWait != config.AckWait || info->Config->MaxAckPending != config.MaxAckPending);
    if (missing || differs) {
        code = 0;
        problem = js_AddConsumer(NULL, bus->jetstream, consumer->stream, &config, options(&wait), &code);
        *created = missing && problem == NATS_OK;
    }
    jsConsumerInfo_Destroy(info);
    return refused(problem, code, consumer->name, error);
}

/* {"total":1,"offset":0,"limit":1024,"consumers":["ingest-message"]} */
static bool names(const char *text, size_t bytes, const char *wanted)
{
    cJSON *tree = cJSON_ParseWithLength(text, bytes);
    const cJSON *name;
    bool found = false;
    cJSON_ArrayForEach (name, cJSON_GetObjectItemCaseSensitive(tree, "consumers")) {
        const char *one = cJSON_GetStringValue(name);
        found = found || (one && strcmp(one, wanted) == 0);
    }
    cJSON_Delete(tree);
    return found;
}

/*
 * By the list of names. Who asks for a consumer's state has its pending messages counted, and nats-server 2.9 then
 * forgets what it knew of them: with several subjects in one stream it walks through a whole block of messages for each
 * one that it delivers, until it knows again. Asked once a second, that was a seventh of its time.
 */
enum status bus_consumer_there(struct bus *bus, const struct bus_consumer *consumer, bool *there, struct error *error)
{
    char subject[BUS_SUBJECT_BYTES_MAX];
    natsMsg *answer = NULL;
    *there = false;
    if (!bus_connection_up(bus))
        return bus_away(error);
    snprintf(subject, sizeof subject, "$JS.API.CONSUMER.NAMES.%s", consumer->stream);
    struct bus_publish question = { .subject = subject, .data = "" };
    TRY(bus_ask(bus, &question, WAIT_MS, &answer, error));
    *there = names(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer), consumer->name);
    bus_message_done(answer);
    return OK;
}

enum status bus_stream_state(struct bus *bus, const char *stream, struct bus_stream_state *out, struct error *error)
{
    jsStreamInfo *info = NULL;
    jsOptions wait;
    jsErrCode code = 0;
    if (!bus_connection_up(bus))
        return bus_away(error);
    natsStatus problem = js_GetStreamInfo(&info, bus->jetstream, stream, options(&wait), &code);
    if (problem == NATS_NOT_FOUND)
        code = JSStreamNotFoundErr;
    if (problem == NATS_OK)
        *out =
            (struct bus_stream_state){ info->State.Msgs, info->State.Bytes, info->State.FirstSeq, info->State.LastSeq };
    jsStreamInfo_Destroy(info);
    return refused(problem, code, stream, error);
}

enum status bus_consumer_state(struct bus *bus, const struct bus_consumer *consumer, struct bus_consumer_state *out,
                               struct error *error)
{
    jsConsumerInfo *info = NULL;
    jsOptions wait;
    jsErrCode code = 0;
    if (!bus_connection_up(bus))
        return bus_away(error);
    natsStatus problem =
        js_GetConsumerInfo(&info, bus->jetstream, consumer->stream, consumer->name, options(&wait), &code);
    if (problem == NATS_NOT_FOUND)
        code = JSConsumerNotFoundErr;
    if (problem == NATS_OK)
        *out = (struct bus_consumer_state){ info->AckFloor.Stream, (uint64_t)info->NumAckPending, info->NumPending };
    jsConsumerInfo_Destroy(info);
    return refused(problem, code, consumer->name, error);
}

enum status bus_stream_read(struct bus *bus, struct arena *arena, const char *stream, uint64_t sequence,
                            struct bus_message *out, struct error *error)
{
    natsMsg *message = NULL;
    jsOptions wait;
    jsErrCode code = 0;
    *out = (struct bus_message){ .data = NULL };
    if (!bus_connection_up(bus))
        return bus_away(error);
    natsStatus problem = js_GetMsg(&message, bus->jetstream, stream, sequence, options(&wait), &code);
    if (code == JSNoMessageFoundErr || (problem == NATS_NOT_FOUND && code != JSStreamNotFoundErr))
        return OK;
    if (problem == NATS_OK) {
        bus_message_from(arena, message, out);
        out->sequence = natsMsg_GetSequence(message);
        out->published_at = natsMsg_GetTime(message) / NS_PER_MS;
    }
    bus_message_done(message);
    return refused(problem, code, stream, error);
}

enum status bus_stream_delete_message(struct bus *bus, const char *stream, uint64_t sequence, struct error *error)
{
    jsOptions wait;
    jsErrCode code = 0;
    if (!bus_connection_up(bus))
        return bus_away(error);
    natsStatus problem = js_DeleteMsg(bus->jetstream, stream, sequence, options(&wait), &code);
    if (code == JSNoMessageFoundErr)
        return OK;
    return refused(problem, code, stream, error);
}
