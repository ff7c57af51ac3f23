/* Who has waited for a person longer than the company allows: it is said once, and the AI answers where it may. */
#include "base/limits.h"
#include "base/text.h"
#include "conversation/conversation_view.h"
#include "conversation/handover.h"
#include "conversation/owed.h"
#include "core/cells.h"
#include "core/column.h"
#include "core/config.h"
#include "core/payload.h"
#include "sweep_pass.h"

enum { PAGE = 200, PAGES_MAX = 20 /* per second */ };

struct overdue {
    const char *id, *message_id, *correlation_id, *assignee, *reason;
    moment since;
    bool gives_back; /* the company wants it */
};

static const struct cell overdue_cells[] = {
    CELL(overdue, id, CELL_TEXT),
    CELL(overdue, message_id, CELL_TEXT),
    CELL(overdue, correlation_id, CELL_TEXT),
    CELL(overdue, assignee, CELL_TEXT),
    CELL(overdue, reason, CELL_TEXT),
    CELL(overdue, since, CELL_MOMENT),
    CELL(overdue, gives_back, CELL_BOOL),
    { 0 },
};

/* Waits of which nothing was said yet, in the words of their index; the shortest time that any company allows bounds
 * the walk, the company's own decides. */
#define UNSAID                                                                                                         \
    "c.state = 'open' and (c.owner = 'human' or c.escalated_at is not null) "                                          \
    "and (c.overdue_at is null or c.overdue_at < " PERSON_WAITS ") "

static const struct statement overdue_find = {
    .name = "sweep_person_overdue",
    .sql =
        "with allowed as (select id, make_interval(secs => coalesce((hand_over ->> 'person_deadline_ms')::bigint, $2::bigint) / 1000.0) as wait, "
        "                     coalesce((hand_over ->> 'give_back_overdue')::boolean, false) as gives_back from crm.companies "
        "                 where coalesce((hand_over ->> 'person_deadline_ms')::bigint, $2::bigint) > 0) "
        "select c.id, m.id as message_id, m.correlation_id, c.assignee, case when c.escalated_at is not null then c.escalation_reason end as reason, "
        "       " PERSON_WAITS " as since, a.gives_back "
        "from crm.conversations c join allowed a on a.id = c.company_id "
        "left join lateral (select id, correlation_id from crm.messages where conversation_id = c.id and position > c.covered_position "
        "                   and direction = 'inbound' and wants_answer order by position limit 1) m on true "
        "where " UNSAID "and " PERSON_WAITS " < $1::timestamptz - (select min(wait) from allowed) "
        "  and " PERSON_WAITS " < $1::timestamptz - a.wait order by " PERSON_WAITS ", c.id limit $3",
};

/* Held, and still in the wait that was found: each is said by one sweep only. */
static const struct statement overdue_say = {
    .name = "sweep_person_say",
    .sql = "update crm.conversations c set overdue_at = $3, updated_at = $3 "
           "from unnest($1::uuid[], $2::timestamptz[]) as v(id, since) "
           "where c.id = v.id and " UNSAID "and " PERSON_WAITS " < v.since + interval '1 ms' returning c.id",
};

/* What the AI, a rule or a budget gave to people stays theirs; what only nobody could answer the AI tries again. */
static bool may_give_back(const struct overdue *one, const struct held_conversation *conversation)
{
    static const char *const ours[] = { "ai_unavailable", "dead_lettered", "no_job", "no_effect" };
    bool again = text_empty(one->reason);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        again |= text_same(one->reason, ours[i]);
    return one->gives_back && again && text_same(conversation->owner, "human") &&
           conversation->owed_position > conversation->covered_position;
}

static void note_overdue(struct event_list *events, const struct held_conversation *conversation,
                         const struct overdue *one, bool given_back)
{
    struct payload payload = payload_start(events->batch->arena);
    payload_text(&payload, "conversation_id", conversation->id);
    payload_moment(&payload, "waiting_since_at", one->since);
    payload_text(&payload, "message_id", one->message_id);
    payload_text(&payload, "assignee", one->assignee);
    payload_text(&payload, "reason", one->reason);
    payload_bool(&payload, "given_back", given_back);
    event_note(events, (struct event_note){ .type = "conversation.overdue",
                                            .company_id = conversation->company_id,
                                            .lead_id = conversation->lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = "system",
                                            .correlation_id = one->correlation_id });
}

struct saying {
    const struct overdue *list;
    size_t count;
    Pb__JobSpec **jobs; /* of what the AI answers now */
    size_t job_count;
};

static enum status hold_all(struct handover *handover, const struct saying *saying, struct error *error)
{
    struct ids ids = { .arena = handover->batch->arena };
    for (size_t i = 0; i < saying->count; i++)
        ids_add(&ids, saying->list[i].id);
    handover->held = (struct held){ .batch = handover->batch };
    hold_conversations(&handover->held, &ids);
    return hold_read(&handover->held, error);
}

static enum status say_all(struct batch *batch, const struct saying *saying, struct ids *said, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    COLUMN_UUIDS(params, saying->count, i, saying->list[i].id);
    COLUMN_MOMENTS(params, saying->count, i, saying->list[i].since);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &overdue_say, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        ids_add(said, rows_text(&rows, row, 0));
    return OK;
}

static enum status jobs_make(struct saying *saying, const struct held *held, const struct ids *given_back,
                             struct error *error)
{
    struct newest_owed newest;
    TRY(newest_owed_read(held, given_back, &newest, error));
    for (size_t i = 0; i < given_back->count; i++) {
        const struct held_conversation *conversation = held_conversation(held, given_back->list[i]);
        const char *epoch = text_format(held->batch->arena, "%lld", (long long)conversation->epoch);
        Pb__JobSpec *job = newest_owed_job(&newest, conversation,
                                           &(struct caller){ .company_id = conversation->company_id }, epoch, 0);
        if (job)
            saying->jobs[saying->job_count++] = job;
    }
    return OK;
}

static enum status overdue_work(struct event_list *events, void *context, struct error *error)
{
    struct saying *saying = context;
    struct batch *batch = events->batch;
    struct handover handover = { .batch = batch, .events = { .batch = batch } };
    struct ids said = { .arena = batch->arena }, given_back = { .arena = batch->arena };
    saying->job_count = 0;
    TRY(hold_all(&handover, saying, error));
    TRY(say_all(batch, saying, &said, error));
    for (size_t i = 0; i < saying->count; i++) {
        const struct overdue *one = &saying->list[i];
        struct held_conversation *conversation = held_conversation(&handover.held, one->id);
        if (!ids_has(&said, one->id))
            continue;
        bool gives_back = may_give_back(one, conversation);
        note_overdue(&handover.events, conversation, one, gives_back);
        if (!gives_back)
            continue;
        handover_give_back(&handover, conversation, "system", text_or(one->correlation_id, ""));
        ids_add(&given_back, one->id);
    }
    TRY(jobs_make(saying, &handover.held, &given_back, error));
    handover_write(&handover);
    return OK;
}

static enum status overdue_page(struct batch *batch, size_t *found, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now);
    params_int(params, config_person_deadline_ms);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &overdue_find, params, &rows, error));
    *found = rows.count;
    if (!rows.count)
        return OK;
    struct saying saying = { .list = cells_read(batch->arena, &rows, overdue_cells, sizeof(struct overdue)),
                             .count = rows.count,
                             .jobs = ARENA_ARRAY(batch->arena, Pb__JobSpec *, rows.count) };
    TRY(sweep_transaction(batch, overdue_work, &saying, error));
    return saying.job_count ? ask_enqueue(batch->arena, saying.jobs, saying.job_count, NULL, error) : OK;
}

/* What was said of is none of the next page's. */
enum status sweep_person(struct batch *batch, struct error *error)
{
    size_t found = PAGE;
    for (size_t page = 0; page < PAGES_MAX && found == PAGE; page++)
        TRY(overdue_page(batch, &found, error));
    return OK;
}
