#include "message.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/message_view.h"
#include "core/read.h"
#include "wire/pbrow.h"

static enum status unknown_message(struct error *error)
{
    return error_code(error, REJECT, "unknown_message", "there is no such message");
}

static const struct statement message_read = {
    .name = "message_read",
    .sql = MESSAGE_VIEW "from crm.messages m where m.company_id = $1 and m.id = $2",
};
/* Of a reply its turn, of a bump-up its own row; of an inbound the turn that covers it. */
static const struct statement message_why_read = {
    .name = "message_why_read",
    .sql =
        "select m.id as message_id, m.status, t.id as turn_id, coalesce(t.job_id, b.job_id) as job_id, coalesce(t.model, b.model) as model, "
        "       coalesce(t.provider, b.provider) as provider, coalesce(t.prompt_version, b.prompt_version) as prompt_version, "
        "       coalesce(t.prompt, b.prompt) as prompt, t.document_ids, coalesce(t.safety_checks, b.safety_checks) as safety_checks, array(select c.id from crm.messages c where c.conversation_id = t.conversation_id "
        "           and c.turn_id = t.id and c.direction = 'inbound' order by c.position) as covered_message_ids "
        "from crm.messages m left join crm.turns t on t.id = m.turn_id left join crm.bumpups b on b.id = m.id "
        "where m.company_id = $1 and m.id = $2",
};
static const struct statement message_sources_read = {
    .name = "message_sources_read",
    .sql = "select s.chunk_id, s.document_id, s.score, c.title, c.heading, c.text "
           "from crm.messages m join crm.turns t on t.id = m.turn_id "
           "cross join lateral jsonb_to_recordset(t.sources) as s(chunk_id uuid, document_id uuid, score float8) "
           "left join crm.ai_kb_chunks c on c.id = s.chunk_id and c.company_id = m.company_id "
           "where m.company_id = $1 and m.id = $2 and t.sources is not null order by s.score desc, s.chunk_id",
};
static const struct statement message_verdicts_read = {
    .name = "message_verdicts_read",
    .sql =
        "select created_at, verdict, reason, saw from (select * from crm.send_verdicts where company_id = $1 and message_id = $2 "
        "order by id desc limit $3) v order by id",
};

static enum status id_ask(struct item *item, struct db_step *step, const struct statement *statement,
                          struct error *error)
{
    const Pb__MessageGetRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_message(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = statement, .params = params };
    return OK;
}

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    return id_ask(item, step, &message_read, error);
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_message(error);
    Pb__Message *message = pbrow_read(item->arena, &pb__message__descriptor, rows, 0);
    item->reply = &message->base;
    return OK;
}

void message_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
}

static enum status why_ask(struct item *item, struct db_step *step, struct error *error)
{
    return id_ask(item, step, &message_why_read, error);
}

static enum status why_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_message(error);
    Pb__MessageWhy *why = pbrow_read(item->arena, &pb__message_why__descriptor, rows, 0);
    item->reply = &why->base;
    return OK;
}

static Pb__GateVerdict *verdict_of(struct arena *arena, const struct rows *rows, size_t row)
{
    Pb__GateVerdict *verdict = PB_NEW(arena, gate_verdict);
    PB_SET(verdict, at, rows_moment(rows, row, 0));
    verdict->verdict = (char *)rows_text(rows, row, 1);
    verdict->reason = (char *)rows_text(rows, row, 2);
    verdict->saw = pb_json(arena, rows_text(rows, row, 3));
    return verdict;
}

static enum status verdicts_read(struct batch *batch, struct item *item, struct error *error)
{
    Pb__MessageWhy *why = (Pb__MessageWhy *)item->reply;
    struct params *params = params_new(batch->arena);
    params_text(params, item->caller.company_id);
    params_text(params, why->message_id);
    params_int(params, PAGE_ITEMS_MAX);
    struct rows rows;
    TRY(db_run(batch->db, batch->arena, &message_verdicts_read, params, &rows, error));
    why->verdicts = ARENA_ARRAY(item->arena, Pb__GateVerdict *, rows.count + 1);
    why->n_verdicts = rows.count;
    for (size_t row = 0; row < rows.count; row++)
        why->verdicts[row] = verdict_of(item->arena, &rows, row);
    return OK;
}

static enum status sources_read(struct batch *batch, struct item *item, struct error *error)
{
    Pb__MessageWhy *why = (Pb__MessageWhy *)item->reply;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, item->caller.company_id);
    params_text(params, why->message_id);
    TRY(db_run(batch->db, batch->arena, &message_sources_read, params, &rows, error));
    why->n_sources = pbrow_read_all(item->arena, &pb__knowledge_source__descriptor, &rows, (void ***)&why->sources);
    return OK;
}

static enum status details_read(struct batch *batch, struct item *item, struct error *error)
{
    TRY(verdicts_read(batch, item, error));
    return sources_read(batch, item, error);
}

void message_why(struct batch *batch)
{
    read_run(batch, why_ask, why_tell);
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        struct item *item = batch->items[i];
        enum status status = item->status == OK ? details_read(batch, item, &error) : OK;
        if (status != OK)
            item_fail(item, status, "unavailable", "%s", error.text);
    }
}
