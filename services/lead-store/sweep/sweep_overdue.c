/* The watchdog: whoever waits for the AI past the deadline, or where no job will ever answer, gets a person. */
#include "base/limits.h"
#include "base/text.h"
#include "conversation/escalation.h"
#include "core/cells.h"
#include "core/config.h"
#include "sweep_pass.h"

enum { PAGE = 200, PAGES_MAX = 20 /* per second */ };

struct handing {
    const struct abandoned *list;
    size_t count;
    struct caller *callers; /* in step with the list */
    struct escalation *escalations;
    size_t escalation_count;
};

/* Still the AI's, and still waiting for what it waited for when it was found. */
static bool waits(const struct held_conversation *conversation, moment since)
{
    return conversation && text_same(conversation->state, "open") && text_same(conversation->owner, "ai") &&
           conversation->owed_position > conversation->covered_position && conversation->owed_since <= since;
}

static enum status hand_over_work(struct event_list *events, void *context, struct error *error)
{
    struct handing *handing = context;
    struct batch *batch = events->batch;
    struct held held = { .batch = batch };
    struct ids ids = { .arena = batch->arena };
    for (size_t i = 0; i < handing->count; i++)
        ids_add(&ids, handing->list[i].conversation_id);
    hold_conversations(&held, &ids);
    hold_reach(&held, &ids);
    TRY(hold_read(&held, error));
    handing->escalation_count = 0;
    for (size_t i = 0; i < handing->count; i++) {
        const struct abandoned *one = &handing->list[i];
        struct held_conversation *conversation = held_conversation(&held, one->conversation_id);
        if (!waits(conversation, one->since))
            continue;
        handing->callers[i] = (struct caller){ .company_id = conversation->company_id,
                                               .correlation_id = text_or(one->correlation_id, "") };
        struct escalation *escalation = &handing->escalations[handing->escalation_count++];
        *escalation = (struct escalation){
            .conversation = conversation, .caller = &handing->callers[i], .reason = one->reason, .by = "system"
        };
        escalation_take(batch->arena, escalation, batch->now);
    }
    escalations_save(&held, handing->escalations, handing->escalation_count, events);
    return OK;
}

/* The notices' sends, and calls that are in vain. A send that gets lost here is the next pass's. */
static enum status handed_follow(struct batch *batch, const struct handing *handing, struct error *error)
{
    Pb__JobSpec **jobs = ARENA_ARRAY(batch->arena, Pb__JobSpec *, handing->escalation_count + 1);
    size_t count = 0;
    for (size_t i = 0; i < handing->escalation_count; i++) {
        escalation_nudge(batch->arena, &handing->escalations[i]);
        Pb__JobSpec *job = escalation_job(&handing->escalations[i]);
        if (job)
            jobs[count++] = job;
    }
    return count ? ask_enqueue(batch->arena, jobs, count, NULL, error) : OK;
}

enum status sweep_hand_over(struct batch *batch, const struct abandoned *list, size_t count, struct error *error)
{
    if (!count)
        return OK;
    struct handing handing = { .list = list, .count = count };
    handing.callers = ARENA_ARRAY(batch->arena, struct caller, count);
    handing.escalations = ARENA_ARRAY(batch->arena, struct escalation, count);
    TRY(sweep_transaction(batch, hand_over_work, &handing, error));
    return handed_follow(batch, &handing, error);
}

/* The shortest time that any company allows bounds the walk along the index; the company's own decides. */
static const struct statement overdue_find = {
    .name = "sweep_overdue",
    .sql =
        "with allowed as (select id, make_interval(secs => (coalesce(buffer_max_ms, $2::int) + "
        "                     coalesce((hand_over ->> 'deadline_ms')::bigint, $3::bigint)) / 1000.0) as wait from crm.companies) "
        "select c.id as conversation_id, c.owed_since as since, m.correlation_id "
        "from crm.conversations c join allowed a on a.id = c.company_id "
        "left join lateral (select correlation_id from crm.messages where conversation_id = c.id and position = c.owed_position limit 1) m on true "
        "where c.owed_since is not null and c.owner = 'ai' and c.state = 'open' "
        "  and c.owed_since < $1::timestamptz - (select min(wait) from allowed) and c.owed_since < $1::timestamptz - a.wait "
        "order by c.owed_since, c.id limit $4",
};

static const struct cell abandoned_cells[] = {
    CELL(abandoned, conversation_id, CELL_TEXT),
    CELL(abandoned, correlation_id, CELL_TEXT),
    CELL(abandoned, since, CELL_MOMENT),
    { 0 },
};

static enum status overdue_page(struct batch *batch, size_t *found, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now);
    params_int(params, config_buffer_max_ms);
    params_int(params, config_hand_over_deadline_ms);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &overdue_find, params, &rows, error));
    struct abandoned *list = cells_read(batch->arena, &rows, abandoned_cells, sizeof *list);
    for (size_t i = 0; i < rows.count; i++)
        list[i].reason = "ai_unavailable";
    *found = rows.count;
    return sweep_hand_over(batch, list, rows.count, error);
}

/* Those of one page are a person's afterwards: the next page has others. */
enum status sweep_overdue(struct batch *batch, struct error *error)
{
    size_t found = PAGE;
    for (size_t page = 0; page < PAGES_MAX && found == PAGE; page++)
        TRY(overdue_page(batch, &found, error));
    return OK;
}
