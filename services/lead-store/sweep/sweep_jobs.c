#include "base/limits.h"
#include "base/text.h"
#include "core/cells.h"
#include "core/config.h"
#include "core/follow.h"
#include "sweep_pass.h"

enum {
    PAGE = 200,
    OWED_LATE_MS = 30 * SECOND_MS,   /* past the maximum wait */
    QUEUED_LATE_MS = 60 * SECOND_MS, /* past the pacing */
    ROUNDS_MAX = 5,                  /* jobs in a row that ended and left the work undone: then a person must look */
};

static struct metric revived = { .name = "parley_sweep_revived_total",
                                 .help = "jobs made for work that had none",
                                 .kind = METRIC_COUNTER,
                                 .label = "pass" };

/* Work of a row that should have a live job. */
struct wanted {
    const char *company_id, *lead_id, *conversation_id, *message_id, *job_id, *correlation_id;
    const char *channel, *account, *recipient, *cause;
    int64_t priority;
    moment since;
    const char *trouble; /* NULL: it is well */
};

typedef Pb__JobSpec *wanted_job(struct arena *arena, const struct wanted *wanted, const char *suffix);

/*
 * Asks for the same job again. A live one: well. New, because the key was unknown: well. Dead or refused: a person must
 * look. Completed, and the work still undone: the next suffix, which is again the same one for every later pass.
 */
static enum status wanted_ask(struct batch *batch, struct wanted **list, size_t count, wanted_job *make,
                              const char *pass, struct error *error)
{
    struct arena *arena = batch->arena;
    for (int round = 0; round < ROUNDS_MAX && count; round++) {
        Pb__JobSpec **jobs = ARENA_ARRAY(arena, Pb__JobSpec *, count);
        Pb__JobEnqueued **replies = NULL;
        for (size_t i = 0; i < count; i++)
            jobs[i] = make(arena, list[i], round ? text_format(arena, "s%d", round) : NULL);
        if (ask_enqueue(arena, jobs, count, &replies, error) == RETRY)
            return RETRY;
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
            if (!replies[i])
                list[i]->trouble = "no_job";
            else if (!replies[i]->existing)
                metric_add(&revived, pass, 1);
            else if (replies[i]->status == PB__JOB_STATUS__JOB_STATUS_DLQ)
                list[i]->trouble = "dead_lettered";
            else if (replies[i]->status == PB__JOB_STATUS__JOB_STATUS_COMPLETED)
                list[left++] = list[i];
        }
        count = left;
    }
    for (size_t i = 0; i < count; i++)
        list[i]->trouble = "no_effect";
    return OK;
}

struct wanted_page {
    struct wanted *list;
    size_t count;
};

static enum status page_ask(struct batch *batch, struct wanted_page *page, wanted_job *make, const char *pass,
                            struct error *error)
{
    struct wanted **list = ARENA_ARRAY(batch->arena, struct wanted *, page->count + 1);
    for (size_t i = 0; i < page->count; i++)
        list[i] = &page->list[i];
    return page->count ? wanted_ask(batch, list, page->count, make, pass, error) : OK;
}

static const struct statement owed_find = {
    .name = "sweep_owed",
    .sql =
        "select c.company_id, c.lead_id, c.id as conversation_id, m.id as message_id, m.job_id, m.correlation_id, c.owed_since as since "
        "from crm.conversations c join crm.companies k on k.id = c.company_id "
        "join crm.messages m on m.conversation_id = c.id and m.position = c.owed_position "
        "where c.owed_since is not null and c.owner = 'ai' and c.state = 'open' and c.owed_since < $1 "
        "  and c.owed_since < $1::timestamptz - make_interval(secs => coalesce(k.buffer_max_ms, $2::int) / 1000.0) "
        "  and c.owed_position > c.covered_position and (c.owed_since, c.id) > ($3::timestamptz, $4::uuid) "
        "order by c.owed_since, c.id limit $5",
};

static const struct cell wanted_cells[] = {
    CELL(wanted, company_id, CELL_TEXT),      CELL(wanted, lead_id, CELL_TEXT),
    CELL(wanted, conversation_id, CELL_TEXT), CELL(wanted, message_id, CELL_TEXT),
    CELL(wanted, job_id, CELL_TEXT),          CELL(wanted, correlation_id, CELL_TEXT),
    CELL(wanted, since, CELL_MOMENT),         { 0 },
};

static Pb__JobSpec *owed_job(struct arena *arena, const struct wanted *wanted, const char *suffix)
{
    return follow_engage_job(arena, &(struct follow_engage){ .company_id = wanted->company_id,
                                                             .lead_id = wanted->lead_id,
                                                             .conversation_id = wanted->conversation_id,
                                                             .message_id = wanted->message_id,
                                                             .job_id = suffix ? NULL : wanted->job_id,
                                                             .suffix = suffix,
                                                             .correlation_id = wanted->correlation_id });
}

/* No job will answer these: a person does. */
static enum status owed_give_up(struct batch *batch, const struct wanted_page *page, struct error *error)
{
    struct abandoned *list = ARENA_ARRAY(batch->arena, struct abandoned, page->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct wanted *wanted = &page->list[i];
        if (wanted->trouble)
            list[count++] =
                (struct abandoned){ wanted->conversation_id, wanted->correlation_id, wanted->trouble, wanted->since };
    }
    return sweep_hand_over(batch, list, count, error);
}

enum status sweep_owed(struct batch *batch, struct error *error)
{
    static struct sweep_cursor cursor;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now - OWED_LATE_MS);
    params_int(params, config_buffer_max_ms);
    sweep_cursor_params(&cursor, params);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &owed_find, params, &rows, error));
    sweep_cursor_move(&cursor, &rows, PAGE, "since", "conversation_id");
    struct wanted_page page = { cells_read(batch->arena, &rows, wanted_cells, sizeof(struct wanted)), rows.count };
    TRY(page_ask(batch, &page, owed_job, "owed", error));
    return owed_give_up(batch, &page, error);
}

static const struct statement queued_find = {
    .name = "sweep_queued",
    .sql =
        "select m.company_id, m.lead_id, m.conversation_id, m.id as message_id, m.correlation_id, m.updated_at as since, m.created_at, m.channel, a.account, "
        "       t.address as recipient, m.cause, m.priority "
        "from crm.messages m join crm.channel_accounts a on a.id = m.channel_account_id join crm.conversations c on c.id = m.conversation_id "
        "left join crm.lead_contacts t on t.id = c.contact_id "
        "where m.status = 'queued' and m.created_at < $1 and m.updated_at < $1 and (m.created_at, m.id) > ($2::timestamptz, $3::uuid) "
        "order by m.created_at, m.id limit $4",
};

static const struct cell queued_cells[] = {
    CELL(wanted, company_id, CELL_TEXT),     CELL(wanted, lead_id, CELL_TEXT), CELL(wanted, conversation_id, CELL_TEXT),
    CELL(wanted, message_id, CELL_TEXT),     CELL(wanted, channel, CELL_TEXT), CELL(wanted, account, CELL_TEXT),
    CELL(wanted, recipient, CELL_TEXT),      CELL(wanted, cause, CELL_TEXT),   CELL(wanted, priority, CELL_INT),
    CELL(wanted, correlation_id, CELL_TEXT), CELL(wanted, since, CELL_MOMENT), { 0 },
};

static Pb__JobSpec *queued_job(struct arena *arena, const struct wanted *wanted, const char *suffix)
{
    return follow_send_job(arena, &(struct follow_send){ .company_id = wanted->company_id,
                                                         .message_id = wanted->message_id,
                                                         .channel = wanted->channel,
                                                         .account = wanted->account,
                                                         .recipient = text_or(wanted->recipient, ""),
                                                         .automated = !text_same(wanted->cause, "operator"),
                                                         .priority = (int32_t)wanted->priority,
                                                         .suffix = suffix,
                                                         .correlation_id = wanted->correlation_id });
}

static enum status queued_flag(struct event_list *events, void *context, struct error *error)
{
    const struct wanted_page *page = context;
    struct flag *flags = ARENA_ARRAY(events->batch->arena, struct flag, page->count + 1);
    size_t count = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct wanted *wanted = &page->list[i];
        if (wanted->trouble)
            flags[count++] =
                (struct flag){ wanted->conversation_id, wanted->message_id, wanted->trouble, wanted->since };
    }
    return sweep_flag(events, flags, count, error);
}

enum status sweep_queued(struct batch *batch, struct error *error)
{
    static struct sweep_cursor cursor;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_moment(params, batch->now - QUEUED_LATE_MS - config_pacing_ms);
    sweep_cursor_params(&cursor, params);
    params_int(params, PAGE);
    TRY(db_run(batch->db, batch->arena, &queued_find, params, &rows, error));
    sweep_cursor_move(&cursor, &rows, PAGE, "created_at", "message_id");
    struct wanted_page page = { cells_read(batch->arena, &rows, queued_cells, sizeof(struct wanted)), rows.count };
    if (!page.count)
        return OK;
    TRY(page_ask(batch, &page, queued_job, "queued", error));
    return sweep_transaction(batch, queued_flag, &page, error);
}
