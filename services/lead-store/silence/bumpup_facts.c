#include "bumpup_facts.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/outbound.h"
#include "core/cells.h"
#include "core/column.h"

const char *bumpup_refusal(const struct bumpup_facts *facts)
{
    const struct {
        bool well;
        const char *word;
    } rules[] = {
        { facts->open, "closed" },
        { !facts->human && facts->same_epoch, "human_owner" },
        { facts->silent, "not_silent" },
        { !facts->bumped, "bumped_already" },
        { !facts->opted_out, "opted_out" },
        { facts->consent, "no_consent" },
        { facts->account, "no_account" },
        { facts->reachable, "unreachable" },
        { facts->in_window || facts->template_approved, "no_template" },
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (!rules[i].well)
            return rules[i].word;
    return NULL;
}

/* -- before the locks */

static const struct statement bumpup_find = {
    .name = "bumpup_find",
    .sql =
        "select v.n, c.id as conversation_id, c.lead_id from unnest($1::uuid[], $2::uuid[]) with ordinality as v(id, company_id, n) "
        "cross join lateral (select id, lead_id from crm.conversations where id = v.id and company_id = v.company_id limit 1) c",
};

enum status bumpups_hold(struct bumpup_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct params *params = params_new(arena);
    struct ids leads = { .arena = arena };
    struct rows rows;
    COLUMN_TEXTS(params, work->count, i, work->list[i].conversation_id);
    COLUMN_TEXTS(params, work->count, i, work->list[i].item->caller.company_id);
    TRY(db_run(work->batch->db, arena, &bumpup_find, params, &rows, error));
    work->held = (struct held){ .batch = work->batch };
    work->conversations = (struct ids){ .arena = arena };
    for (size_t row = 0; row < rows.count; row++) {
        ids_add(&work->conversations, rows_text(&rows, row, 1));
        ids_add(&leads, rows_text(&rows, row, 2));
    }
    hold_leads(&work->held, &leads);
    hold_conversations(&work->held, &work->conversations);
    hold_reach(&work->held, &work->conversations);
    return OK;
}

/* -- under them */

/* What was written elsewhere counts from the newest message here that the job knew of. */
static const struct statement bumpup_look = {
    .name = "bumpup_look",
    .sql =
        "select v.n, d.id as message_id, l.contact_name, o.name as company_name, t.id as template_id, t.text as template_text, t.placeholders, "
        "       coalesce(t.state = 'approved', false) as template_approved, "
        "       coalesce(coalesce(l.consent -> 'marketing', u.consent -> 'marketing') = 'true', false) as consent, "
        "       exists (select from crm.messages x where x.lead_id = c.lead_id and x.conversation_id <> c.id and x.created_at > m.created_at) as elsewhere, "
        "       exists (select from crm.bumpups b join crm.messages y on y.id = b.id where b.lead_id = c.lead_id and y.conversation_id = c.id "
        "               and y.position > c.covered_position and y.status not in ('cancelled', 'held', 'failed')) as bumped, "
        "       array(select b.text from crm.bumpups b where b.lead_id = c.lead_id order by b.created_at desc limit $5) as earlier, "
        "       (select count(*) from crm.bumpups b where b.lead_id = c.lead_id) as earlier_all "
        "from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[]) with ordinality as v(job_id, company_id, conversation_id, position, n) "
        "cross join lateral (select * from crm.conversations where id = v.conversation_id and company_id = v.company_id limit 1) c "
        "cross join lateral (select * from crm.leads where id = c.lead_id limit 1) l "
        "cross join lateral (select * from crm.companies where id = c.company_id limit 1) o "
        "left join lateral (select * from crm.messages where conversation_id = c.id and position = v.position limit 1) m on true "
        "left join lateral (select id from crm.bumpups where job_id = v.job_id and company_id = v.company_id limit 1) d on true "
        "left join lateral (select * from crm.templates where id = o.bumpup_template_id limit 1) t on true "
        "left join lateral (select consent from crm.users where id = l.user_id limit 1) u on true",
};

struct look {
    const char *message_id, *contact_name, *company_name, *template_id, *template_text;
    int64_t n, earlier_all;
    bool template_approved, consent, elsewhere, bumped;
};
static const struct cell look_cells[] = {
    CELL(look, message_id, CELL_TEXT),    CELL(look, contact_name, CELL_TEXT),
    CELL(look, company_name, CELL_TEXT),  CELL(look, template_id, CELL_TEXT),
    CELL(look, template_text, CELL_TEXT), CELL(look, n, CELL_INT),
    CELL(look, earlier_all, CELL_INT),    CELL(look, template_approved, CELL_BOOL),
    CELL(look, consent, CELL_BOOL),       CELL(look, elsewhere, CELL_BOOL),
    CELL(look, bumped, CELL_BOOL),        { 0 },
};

static bool in_window(const struct held_conversation *conversation, moment now)
{
    return !text_same(conversation->channel, "whatsapp_cloud") ||
           now < conversation->window_ends_at - SERVICE_WINDOW_MARGIN_MS;
}

static struct bumpup_facts facts_of(const struct bumpup *bumpup, const struct look *look, moment now)
{
    const struct held_conversation *conversation = bumpup->conversation;
    const struct reach *reach = conversation->reach;
    return (struct bumpup_facts){
        .open = text_same(conversation->state, "open"),
        .human = text_same(conversation->owner, "human"),
        .same_epoch = bumpup->epoch < 0 || conversation->epoch == bumpup->epoch,
        .silent = conversation->last_position == bumpup->position &&
                  conversation->owed_position <= conversation->covered_position && !look->elsewhere,
        .bumped = look->bumped,
        .opted_out = bumpup->lead->opted_out_at != 0,
        .consent = look->consent,
        .account = reach_has_account(reach) && text_starts(conversation->channel, "whatsapp"),
        .reachable = !text_empty(reach->address) && !reach->unreachable_at,
        .in_window = in_window(conversation, now),
        .template_approved = look->template_approved,
    };
}

enum status bumpups_read(struct bumpup_batch *work, struct error *error)
{
    struct arena *arena = work->batch->arena;
    struct params *params = params_new(arena);
    struct rows rows;
    COLUMN_TEXTS(params, work->count, i, work->list[i].job_id);
    COLUMN_TEXTS(params, work->count, i, work->list[i].item->caller.company_id);
    COLUMN_TEXTS(params, work->count, i, work->list[i].conversation_id);
    COLUMN_INTS(params, work->count, i, work->list[i].position);
    params_int(params, BUMPUPS_REMEMBERED);
    TRY(db_run(work->batch->db, arena, &bumpup_look, params, &rows, error));
    const struct look *looks = cells_read(arena, &rows, look_cells, sizeof *looks);
    for (size_t row = 0; row < rows.count; row++) {
        const struct look *look = &looks[row];
        struct bumpup *bumpup = &work->list[look->n - 1];
        struct held_conversation *conversation =
            held_conversation(&work->held, text_lower(arena, bumpup->conversation_id));
        bumpup->lead = conversation ? held_lead(&work->held, conversation->lead_id) : NULL;
        if (!bumpup->lead)
            return error_code(error, RETRY, "again", "two people have just become one");
        bumpup->conversation = conversation;
        bumpup->message_id = look->message_id;
        bumpup->contact_name = look->contact_name;
        bumpup->company_name = look->company_name;
        bumpup->template_id = look->template_id;
        bumpup->template_text = look->template_text;
        bumpup->placeholder_count =
            rows_texts(&rows, row, rows_column(&rows, "placeholders"), arena, &bumpup->placeholders);
        bumpup->earlier_count = rows_texts(&rows, row, rows_column(&rows, "earlier"), arena, &bumpup->earlier);
        bumpup->earlier_all = (size_t)look->earlier_all;
        bumpup->facts = facts_of(bumpup, look, work->batch->now);
    }
    return OK;
}

const char *bumpup_opening(const struct bumpup *bumpup)
{
    static const char *const openings[] = { "following_up", "checking_in", "circling_back" };
    unsigned char bytes[16];
    ident_bytes(bumpup->lead->id, bytes);
    return openings[(bytes[15] + bumpup->earlier_all) % 3];
}

Pb__JobSpec *bumpup_job(struct arena *arena, const struct bumpup *bumpup)
{
    struct outbound outbound = { .id = bumpup->message_id,
                                 .conversation = bumpup->conversation,
                                 .caller = &bumpup->item->caller,
                                 .sender_type = "ai",
                                 .priority = PRIORITY_BUMPUP };
    return outbound_job(arena, &outbound);
}
