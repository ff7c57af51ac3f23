/* Who may say and hear what: the users of nats-server, one per service, from the same declarations as everything else.
 */
#include <ctype.h>

#include "base/text.h"
#include "service/topology.h"

enum { SUBJECTS_MAX = 16 };

/* What one service does on the bus, beyond what all do (inbox, $SRV, capacity and quarantine of what it takes). */
struct role {
    const char *service;
    const struct subject *takes[6];
    const struct subject *serves[SUBJECTS_MAX], *asks[SUBJECTS_MAX];
    const struct subject *hears[8], *nudges[8];
    const char *door;                         /* all requests of this kind are its to answer */
    const char *publishes[4];                 /* subjects of streams */
    const char *reads;                        /* a stream whose messages it reads and deletes by sequence */
    bool anything_of_store, anything_of_jobs; /* asks all of store.>, jobs.> */
};

static const struct role roles[] = {
    { .service = "gateway",
      .asks = { &INGEST_QUARANTINE_REPLAY, &KNOWLEDGE_SEARCH },
      .anything_of_store = true,
      .anything_of_jobs = true,
      .hears = { &NUDGE_KEYS, &NUDGE_EVENTS, &NUDGE_TYPING, &NUDGE_MODEL, &EVENTS_OF_JOBS },
      .nudges = { &NUDGE_KEYS },
      .publishes = { "inbound.>", "$SRV.>" } },
    { .service = "ingest",
      .takes = { &INBOUND_MESSAGE, &INBOUND_RECEIPT },
      .serves = { &INGEST_QUARANTINE_REPLAY },
      .asks = { &STORE_INBOUND_RECORD, &STORE_RECEIPT_APPLY, &STORE_TEMPLATE_UPDATE, &JOBS_ENQUEUE },
      .publishes = { "inbound.>" },
      .reads = "QUARANTINE" },
    { .service = "lead-store",
      .door = "store.>",
      .anything_of_jobs = true,
      .hears = { &NUDGE_RELAY },
      .nudges = { &NUDGE_CONVERSATION, &NUDGE_RELAY, &NUDGE_EVENTS, &NUDGE_TYPING, &NUDGE_KEYS },
      .publishes = { "events.>" } },
    { .service = "scheduler",
      .door = "jobs.*",
      .hears = { &JOBS_CAPACITY, &NUDGE_DISPATCH },
      .nudges = { &NUDGE_DISPATCH },
      .publishes = { "work.>", "events.>" } },
    { .service = "ai-engage",
      .takes = { &WORK_AI_ENGAGE, &WORK_BUMPUP },
      .asks = { &STORE_TURN_OPEN, &STORE_TURN_COMMIT, &STORE_USAGE_RECORD, &STORE_SAFETY_RECORD, &STORE_BUMPUP_OPEN,
                &STORE_BUMPUP_COMMIT, &JOBS_ENQUEUE, &JOBS_FINISH },
      .hears = { &NUDGE_CONVERSATION },
      .nudges = { &NUDGE_MODEL } },
    { .service = "summary",
      .takes = { &WORK_AI_SUMMARY },
      .asks = { &STORE_SUMMARY_OPEN, &STORE_SUMMARY_COMMIT, &STORE_USAGE_RECORD, &JOBS_FINISH },
      .nudges = { &NUDGE_MODEL } },
    { .service = "channel-whatsapp-cloud",
      .takes = { &WORK_SEND_WHATSAPP_CLOUD, &WORK_MARK_WHATSAPP_CLOUD, &WORK_TEMPLATE_SYNC },
      .asks = { &STORE_MESSAGE_MARK, &STORE_SEND_AUTHORIZE, &STORE_SEND_SETTLE, &STORE_TEMPLATE_ACCOUNTS,
                &STORE_TEMPLATE_RECORD, &JOBS_FINISH } },
    { .service = "media",
      .takes = { &WORK_MEDIA_FETCH },
      .asks = { &STORE_MEDIA_FIND, &STORE_MEDIA_SETTLE, &STORE_MEDIA_REMOVE, &JOBS_FINISH } },
    { .service = "knowledge",
      .takes = { &WORK_KB_INDEX },
      .serves = { &KNOWLEDGE_SEARCH },
      .asks = { &STORE_KNOWLEDGE_READ, &STORE_KNOWLEDGE_INDEX, &STORE_KNOWLEDGE_SEARCH, &STORE_USAGE_RECORD,
                &JOBS_FINISH } },
    { .service = NULL },
};

static void allow(struct buffer *out, const char *subject)
{
    char last = out->bytes ? out->text[out->bytes - 1] : '[';
    buffer_format(out, "%s\"%s\"", last == '[' ? "" : ", ", subject);
}

static void allow_all(struct buffer *out, const struct subject *const *subjects)
{
    for (; *subjects; subjects++)
        allow(out, (*subjects)->name);
}

/* By sequence. */
static void allow_reading(struct buffer *out, const char *stream)
{
    static const char *const verbs[] = { "GET", "DELETE" };
    for (size_t i = 0; i < 2; i++)
        allow(out, text_format(out->arena, "$JS.API.STREAM.MSG.%s.%s", verbs[i], stream));
}

static void allow_owner(struct buffer *out, const struct role *role)
{
    static const char *const verbs[] = { "INFO", "CREATE", "UPDATE" };
    for (const struct bus_stream *const *stream = TOPOLOGY_STREAMS; *stream; stream++)
        for (size_t i = 0; text_same(topology_owner(*stream), role->service) && i < 3; i++)
            allow(out, text_format(out->arena, "$JS.API.STREAM.%s.%s", verbs[i], (*stream)->name));
    if (role->reads)
        allow_reading(out, role->reads);
    for (const struct bus_stream *const *stream = TOPOLOGY_STREAMS; *stream; stream++)
        if ((*stream)->work_queue && text_same(topology_owner(*stream), role->service)) {
            allow_reading(out, (*stream)->name);
            allow(out, text_format(out->arena, "$JS.API.CONSUMER.INFO.%s.*", (*stream)->name));
        }
}

static void allow_taking(struct buffer *out, const struct subject *subject)
{
    static const char *const verbs[] = { "INFO", "DURABLE.CREATE", "MSG.NEXT" };
    for (size_t i = 0; i < 3; i++)
        allow(out, text_format(out->arena, "$JS.API.CONSUMER.%s.%s.%s", verbs[i], subject->stream, subject->consumer));
    allow(out, text_format(out->arena, "$JS.API.CONSUMER.NAMES.%s", subject->stream));
    allow(out, text_format(out->arena, "$JS.API.CONSUMER.CREATE.%s.%s.>", subject->stream, subject->consumer));
    allow(out, text_format(out->arena, "$JS.ACK.%s.%s.>", subject->stream, subject->consumer));
    allow(out, topology_quarantine_subject(out->arena, subject->name));
    if (subject->task)
        allow(out, topology_capacity_subject(out->arena, subject->task));
}

static void add_publish(struct buffer *out, const struct role *role)
{
    buffer_add(out, "        publish: [");
    allow(out, "_INBOX.>"); /* answers */
    for (const char *const *subject = role->publishes; *subject; subject++)
        allow(out, *subject);
    if (role->anything_of_store)
        allow(out, "store.>");
    if (role->anything_of_jobs)
        allow(out, "jobs.*");
    allow_all(out, role->asks);
    allow_all(out, role->nudges);
    allow_owner(out, role);
    for (const struct subject *const *subject = role->takes; *subject; subject++)
        allow_taking(out, *subject);
    buffer_add(out, "]\n");
}

static void add_subscribe(struct buffer *out, const struct role *role)
{
    buffer_add(out, "        subscribe: [");
    allow(out, text_format(out->arena, "_INBOX.%s.>", role->service));
    allow(out, "$SRV.>");
    if (role->door)
        allow(out, role->door);
    allow_all(out, role->serves);
    allow_all(out, role->hears);
    buffer_add(out, "]\n");
}

/* "ai-engage" -> "NATS_PASSWORD_AI_ENGAGE", which nats-server reads from its environment. */
static const char *password_name(struct arena *arena, const char *service)
{
    char *name = text_format(arena, "NATS_PASSWORD_%s", service);
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    return name;
}

void topology_permissions(struct buffer *out)
{
    buffer_add(out, "authorization {\n  users: [\n");
    for (const struct role *role = roles; role->service; role++) {
        buffer_format(out, "    {\n      user: \"%s\", password: $%s\n      permissions: {\n", role->service,
                      password_name(out->arena, role->service));
        add_publish(out, role);
        add_subscribe(out, role);
        buffer_add(out, "      }\n    }\n");
    }
    buffer_add(out, "  ]\n}\n");
}
