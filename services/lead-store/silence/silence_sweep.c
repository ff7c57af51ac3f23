/* Who has been silent long enough: found by an index, asked for under a key of that silence, looked at again when the
 * next thing is due. */
#include "silence_sweep.h"
#include "core/cells.h"
#include "core/column.h"
#include "core/follow.h"
#include "silence_rules.h"

enum { PAGE = 200 };

struct silent {
    const char *conversation_id, *company_id, *lead_id;
    moment silence_at, last_at, stage_since;
    bool open, may_bump;
    int64_t last_position, summarised_position, bumped_position;
    int64_t summary_after_minutes, bumpup_after_days, stuck_after_days;
    struct silence_verdict verdict;
};
static const struct cell silent_cells[] = {
    CELL(silent, conversation_id, CELL_TEXT),
    CELL(silent, company_id, CELL_TEXT),
    CELL(silent, lead_id, CELL_TEXT),
    CELL(silent, silence_at, CELL_MOMENT),
    CELL(silent, last_at, CELL_MOMENT),
    CELL(silent, stage_since, CELL_MOMENT),
    CELL(silent, open, CELL_BOOL),
    CELL(silent, may_bump, CELL_BOOL),
    CELL(silent, last_position, CELL_INT),
    CELL(silent, summarised_position, CELL_INT),
    CELL(silent, bumped_position, CELL_INT),
    CELL(silent, summary_after_minutes, CELL_INT),
    CELL(silent, bumpup_after_days, CELL_INT),
    CELL(silent, stuck_after_days, CELL_INT),
    { 0 },
};

/* Only where the gate would let a bump-up go is a model asked for one. Lateral queries are fences: each row is found by
 * its key. */
static const struct statement silent_find = {
    .name = "silent_find",
    .sql =
        "select c.id as conversation_id, c.company_id, c.lead_id, c.silence_at, c.state = 'open' as open, c.last_position, "
        "       c.summarised_position, c.bumped_position, coalesce(m.created_at, c.created_at) as last_at, "
        "       o.summary_after_minutes, o.bumpup_after_days, s.stuck_after_days, "
        "       coalesce(l.stage_changed_at, l.created_at) as stage_since, "
        "       c.owner = 'ai' and c.owed_position <= c.covered_position and c.channel like 'whatsapp%' and l.opted_out_at is null "
        "       and coalesce(coalesce(l.consent -> 'marketing', u.consent -> 'marketing') = 'true', false) "
        "       and coalesce(t.state = 'approved', false) and p.unreachable_at is null as may_bump "
        "from (select * from crm.conversations where silence_at <= $1 order by silence_at, id limit $2) c "
        "cross join lateral (select * from crm.companies where id = c.company_id limit 1) o "
        "cross join lateral (select * from crm.leads where id = c.lead_id limit 1) l "
        "cross join lateral (select substring(ai_config ->> 'bumpup_after_days' from '^[0-9]{1,3}$')::int as stuck_after_days "
        "                    from crm.stages where id = l.stage_id limit 1) s "
        "left join lateral (select created_at from crm.messages where lead_id = c.lead_id order by created_at desc, id desc limit 1) m on true "
        "left join lateral (select state from crm.templates where id = o.bumpup_template_id limit 1) t on true "
        "left join lateral (select consent from crm.users where id = l.user_id limit 1) u on true "
        "left join lateral (select unreachable_at from crm.lead_contacts where id = c.contact_id limit 1) p on true",
};

/* What the AI's next answer has set meanwhile stays. */
static const struct statement silent_settle = {
    .name = "silent_settle",
    .sql =
        "with held as (select c.id, v.* from crm.conversations c join unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], "
        "                  $5::bigint[]) as v(conversation_id, seen_at, look_at, summarised_position, bumped_position) on c.id = v.conversation_id "
        "              where c.silence_at = v.seen_at order by c.id for no key update of c) "
        "update crm.conversations c set silence_at = held.look_at, "
        "    summarised_position = greatest(c.summarised_position, held.summarised_position), "
        "    bumped_position = greatest(c.bumped_position, held.bumped_position) from held where c.id = held.id",
};

static void judge(struct silent *silent, moment now)
{
    const struct silence_facts facts = {
        .now = now,
        .last_at = silent->last_at,
        .open = silent->open,
        .last_position = silent->last_position,
        .summarised_position = silent->summarised_position,
        .bumped_position = silent->bumped_position,
        .summary_after_ms = silent->summary_after_minutes * MINUTE_MS,
        .may_bump = silent->may_bump,
        .bumpup_after_ms = silent->bumpup_after_days * DAY_MS,
        .stuck_after_ms = silent->stuck_after_days * DAY_MS,
        .stage_since = silent->stage_since,
    };
    silent->verdict = silence_judge(&facts);
}

static size_t jobs_make(struct arena *arena, const struct silent *silent, Pb__JobSpec **jobs)
{
    size_t count = 0;
    const struct follow_silence follow = { .company_id = silent->company_id,
                                           .lead_id = silent->lead_id,
                                           .conversation_id = silent->conversation_id,
                                           .position = silent->last_position };
    if (silent->verdict.summarise)
        jobs[count++] = follow_summary_job(arena, &follow);
    if (silent->verdict.bump)
        jobs[count++] = follow_bumpup_job(arena, &follow);
    return count;
}

static void settle(struct batch *batch, const struct silent *list, size_t count)
{
    struct params *params = params_new(batch->arena);
    COLUMN_TEXTS(params, count, i, list[i].conversation_id);
    COLUMN_MOMENTS(params, count, i, list[i].silence_at);
    COLUMN_MOMENTS(params, count, i, list[i].verdict.look_at);
    COLUMN_INTS(params, count, i, list[i].verdict.summarise ? list[i].last_position : 0);
    COLUMN_INTS(params, count, i, list[i].verdict.bump ? list[i].last_position : 0);
    db_queue(batch->db, batch->arena, &silent_settle, params, NULL);
}

/* Asked for first and noted then: what dies between is asked for again, under the same keys. */
enum status silence_sweep(struct batch *batch, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &silent_find, params, &rows, error));
    struct silent *list = cells_read(batch->arena, &rows, silent_cells, sizeof *list);
    Pb__JobSpec **jobs = ARENA_ARRAY(batch->arena, Pb__JobSpec *, 2 * rows.count + 1);
    size_t job_count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        judge(&list[i], batch->now);
        job_count += jobs_make(batch->arena, &list[i], jobs + job_count);
    }
    if (job_count && ask_enqueue(batch->arena, jobs, job_count, NULL, error) == RETRY)
        return RETRY;
    if (!rows.count)
        return OK;
    TRY(db_begin(batch->db, error));
    settle(batch, list, rows.count);
    enum status status = db_commit(batch->db, error);
    if (status != OK)
        db_rollback(batch->db);
    return status;
}
