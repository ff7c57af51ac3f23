/*
 * topology - every stream, consumer and subject of the house, beside the type of what travels there.
 *
 * An address and its type are declared together and can't disagree. No subject, stream or consumer name stands anywhere
 * else. Streams are created by their owner at start; `infra/nats` permissions of each service's user are generated from
 * the same table.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "net/bus.h"
#include "wire/pb.h"

enum carrier {
    CARRIER_STREAM, /* one message per item, pulled, acked when handled */
    CARRIER_WORK,   /* a stream message that is one dispatch of a job; its result goes to jobs.finish before the ack */
    CARRIER_CALL,   /* core request/reply, CallBatch in, AnswerBatch out */
    CARRIER_NUDGE,  /* core, best effort, everybody hears it */
};

struct subject {
    const char *name; /* what is subscribed to; may end in wildcards */
    enum carrier carrier;
    const char *stream;                                /* of stream and work */
    const char *consumer;                              /* durable; of stream and work */
    const char *task;                                  /* of work: the task's name */
    const ProtobufCMessageDescriptor *request, *reply; /* work: what the params are read into (JSON), or NULL */
};

/* INBOUND */
extern const struct subject INBOUND_MESSAGE; /* inbound.message.*  RawInbound */
extern const struct subject INBOUND_RECEIPT; /* inbound.receipt.*  RawInbound */

/* WORK: message is the JobDispatch */
extern const struct subject WORK_AI_ENGAGE;
extern const struct subject WORK_SEND_WHATSAPP_CLOUD;
extern const struct subject WORK_MARK_WHATSAPP_CLOUD;
extern const struct subject WORK_MEDIA_FETCH;
extern const struct subject WORK_KB_INDEX;
extern const struct subject WORK_AI_SUMMARY, WORK_BUMPUP;
extern const struct subject WORK_TEMPLATE_SYNC;

/* lead-store */
extern const struct subject STORE_INBOUND_RECORD, STORE_RECEIPT_APPLY;
extern const struct subject STORE_TURN_OPEN, STORE_TURN_COMMIT;
extern const struct subject STORE_SEND_AUTHORIZE, STORE_SEND_SETTLE;
extern const struct subject STORE_CONVERSATION_TAKE, STORE_CONVERSATION_GIVE_BACK, STORE_OPERATOR_POST;
extern const struct subject STORE_CONVERSATION_LIST, STORE_CONVERSATION_GET, STORE_CONVERSATION_MESSAGES;
extern const struct subject STORE_CONVERSATION_PATCH, STORE_CONVERSATION_READ, STORE_CONVERSATION_TYPING;
extern const struct subject STORE_MESSAGE_MARK, STORE_NOTE_ADD, STORE_NOTE_LIST;
extern const struct subject STORE_CANNED_REPLY_CREATE, STORE_CANNED_REPLY_LIST, STORE_CANNED_REPLY_GET,
    STORE_CANNED_REPLY_PATCH, STORE_CANNED_REPLY_DELETE;
extern const struct subject STORE_LEAD_LIST, STORE_LEAD_GET, STORE_LEAD_PATCH, STORE_LEAD_MESSAGES, STORE_LEAD_EVENTS;
extern const struct subject STORE_CONSENT_RECORD, STORE_CONSENT_LIST;
extern const struct subject STORE_MESSAGE_GET, STORE_MESSAGE_WHY, STORE_SAFETY_LIST;
extern const struct subject STORE_COMPANY_GET, STORE_COMPANY_PATCH;
extern const struct subject STORE_COMPANY_CREATE, STORE_API_KEY_CREATE, STORE_API_KEY_LIST, STORE_API_KEY_REVOKE;
extern const struct subject STORE_EVENT_FIND, STORE_EVENT_PAGE;
extern const struct subject STORE_CHANNEL_ACCOUNT_CREATE, STORE_CHANNEL_ACCOUNT_LIST, STORE_ACCESS_READ, STORE_STATS;
extern const struct subject STORE_PIPELINE_LIST, STORE_STAGE_GET, STORE_STAGE_CREATE, STORE_STAGE_PATCH,
    STORE_STAGE_DELETE;
extern const struct subject STORE_CHANNEL_ACCOUNT_CREATE, STORE_CHANNEL_ACCOUNT_LIST, STORE_STATS;
extern const struct subject STORE_SAFETY_RECORD, STORE_MEDIA_DELETE, STORE_MEDIA_REMOVE;
extern const struct subject STORE_PIPELINE_LIST, STORE_PIPELINE_GET, STORE_PIPELINE_CREATE, STORE_PIPELINE_PATCH,
    STORE_PIPELINE_DELETE, STORE_STAGE_GET, STORE_STAGE_CREATE, STORE_STAGE_PATCH, STORE_STAGE_DELETE;
extern const struct subject STORE_AI_MODEL_CREATE, STORE_AI_MODEL_PATCH, STORE_AI_MODEL_DELETE, STORE_AI_MODEL_GET,
    STORE_AI_MODEL_LIST, STORE_AI_PROMPT_LIST, STORE_AI_PROMPT_GET, STORE_USAGE_RECORD, STORE_USAGE_READ;
extern const struct subject STORE_MEDIA_FIND, STORE_MEDIA_SETTLE, STORE_MEDIA_GET, STORE_MEDIA_CREATE;
extern const struct subject STORE_KNOWLEDGE_PUT, STORE_KNOWLEDGE_LIST, STORE_KNOWLEDGE_GET, STORE_KNOWLEDGE_DELETE;
extern const struct subject STORE_KNOWLEDGE_SETTINGS_GET, STORE_KNOWLEDGE_SETTINGS_PATCH;
extern const struct subject STORE_KNOWLEDGE_READ, STORE_KNOWLEDGE_INDEX, STORE_KNOWLEDGE_SEARCH;

/* knowledge */
extern const struct subject
    KNOWLEDGE_SEARCH; /* as the store's, with the vector of the query where a provider makes it */
extern const struct subject STORE_SUMMARY_ASK, STORE_SUMMARY_OPEN, STORE_SUMMARY_COMMIT;
extern const struct subject STORE_BUMPUP_ASK, STORE_BUMPUP_OPEN, STORE_BUMPUP_COMMIT;
extern const struct subject STORE_TEMPLATE_LIST, STORE_TEMPLATE_ACCOUNTS, STORE_TEMPLATE_RECORD, STORE_TEMPLATE_UPDATE;

/* scheduler */
extern const struct subject JOBS_ENQUEUE, JOBS_FINISH, JOBS_GET, JOBS_LIST, JOBS_STATS, JOBS_REPLAY;

/* ingest */
extern const struct subject INGEST_QUARANTINE_REPLAY;

/* nudges */
extern const struct subject NUDGE_CONVERSATION; /* ConversationNudge: something changed in a conversation */
extern const struct subject NUDGE_RELAY;        /* Empty: events were written */
extern const struct subject NUDGE_EVENTS;       /* EventsNudge: the relay has published them */
extern const struct subject NUDGE_TYPING;       /* TypingNudge: somebody writes in a conversation */
extern const struct subject NUDGE_MODEL;        /* ModelNudge: a provider is passed over, or well again */
extern const struct subject NUDGE_DISPATCH;     /* Empty: jobs became due */
extern const struct subject NUDGE_KEYS;         /* Empty: API keys or channel accounts changed */
extern const struct subject EVENTS_OF_JOBS;     /* Event: the scheduler's own, heard as they are published */
extern const struct subject JOBS_CAPACITY;      /* jobs.capacity.>  JobCapacity */

/* Names built from parts, in the arena. */
const char *topology_inbound_subject(struct arena *arena, const struct subject *subject,
                                     Pb__Channel channel);                    /* of INBOUND_* */
const char *topology_work_subject(struct arena *arena, const char *task);     /* work.<task> */
const char *topology_capacity_subject(struct arena *arena, const char *task); /* jobs.capacity.<task> */
const char *topology_event_subject(struct arena *arena, const char *company_id,
                                   const char *type); /* events.<company>.<entity>.<verb> */
const char *topology_quarantine_subject(struct arena *arena, const char *subject); /* quarantine.<subject> */

/* Streams by owner ("ingest", "lead-store", "scheduler"); consumers by stream. The skeleton ensures both. */
extern const struct bus_stream *const TOPOLOGY_STREAMS[]; /* NULL-terminated */
const char *topology_owner(const struct bus_stream *stream);
extern const struct bus_consumer TOPOLOGY_CONSUMERS[]; /* ends with name NULL */

/* The authorization block of nats-server's configuration: a user per service, passwords from the server's environment
 * (NATS_PASSWORD_<SERVICE>). */
struct buffer;
void topology_permissions(struct buffer *out);
