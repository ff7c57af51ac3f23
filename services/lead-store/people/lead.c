#include "lead.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/conversation_view.h"
#include "conversation/message_view.h"
#include "core/column.h"
#include "core/page.h"
#include "lead_view.h"
#include "wire/pbrow.h"

enum { LISTED_CONVERSATIONS_MAX = 20 }; /* of each lead of a list */

static enum status unknown_lead(struct error *error)
{
    return error_code(error, REJECT, "unknown_lead", "there is no such lead");
}

/* -- how a lead is reached, and what is said there: of all leads of a page in one statement each. A lead's own rows are
 * found first, by themselves (offset 0): a company's index in the wished order looks tempting, and is walked to its end
 */

static const struct statement lead_contacts_read = {
    .name = "lead_contacts_read",
    .sql =
        "select c.* from unnest($2::uuid[]) with ordinality as w(id, place) cross join lateral ( "
        "    select id, lead_id, channel, kind, value, address from crm.lead_contacts where company_id = $1 and lead_id = w.id "
        "    order by created_at, id limit $3) c order by w.place",
};
static const struct statement lead_conversations_read = {
    .name = "lead_conversations_read",
    .sql =
        "select c.* from unnest($2::uuid[]) with ordinality as w(id, place) cross join lateral ( "
        "    select id, lead_id, channel, phone, name, owner, owner = 'human' as human_intervention_required, state, epoch, window_ends_at, last_message_id, "
        "           last_position, assignee, " ESCALATION ", created_at, updated_at "
        "    from (select * from crm.conversations where lead_id = w.id offset 0) c where company_id = $1 "
        "    order by created_at desc, id desc limit $3) c order by w.place, c.created_at desc, c.id desc",
};

/* How many rows from `from` on are this lead's: they stand together, in the order of the leads. */
static size_t rows_of(const struct rows *rows, size_t from, const char *lead_id)
{
    int column = rows_column(rows, "lead_id");
    size_t end = from;
    while (end < rows->count && text_same(rows_text(rows, end, column), lead_id))
        end++;
    return end - from;
}

static void give_details(struct item *item, Pb__Lead **leads, size_t count, const struct rows *contact_rows,
                         const struct rows *conversation_rows)
{
    Pb__LeadContact **contacts;
    Pb__Conversation **conversations;
    size_t contact = 0, conversation = 0;
    pbrow_read_all(item->arena, &pb__lead_contact__descriptor, contact_rows, (void ***)&contacts);
    pbrow_read_all(item->arena, &pb__conversation__descriptor, conversation_rows, (void ***)&conversations);
    for (size_t i = 0; i < count; i++) {
        leads[i]->contacts = contacts + contact;
        leads[i]->n_contacts = rows_of(contact_rows, contact, leads[i]->id);
        contact += leads[i]->n_contacts;
        leads[i]->conversations = conversations + conversation;
        leads[i]->n_conversations = rows_of(conversation_rows, conversation, leads[i]->id);
        conversation += leads[i]->n_conversations;
    }
}

static void details_read(struct batch *batch, struct item *item, Pb__Lead **leads, size_t count, int64_t each_max)
{
    struct error error = { 0 };
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    COLUMN_TEXTS(params, count, i, leads[i]->id);
    params_int(params, each_max);
    struct db_step steps[] = { { .statement = &lead_contacts_read, .params = params },
                               { .statement = &lead_conversations_read, .params = params } };
    enum status status = db_run_all(batch->db, item->arena, steps, 2, &error);
    if (status == OK)
        give_details(item, leads, count, &steps[0].rows, &steps[1].rows);
    else
        item_fail(item, status, "unavailable", "%s", error.text);
}

/* -- store.lead.list */

/* Where the page begins; the newest where nothing is said. */
#define BEFORE                                                                                                         \
    "(l.created_at, l.id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')) "
#define NEWEST_FIRST "order by l.created_at desc, l.id desc "
#define SHOWN        "where l.company_id = $1 and l.merged_into is null "

/* Each by the index that has its page: one statement for all of them would be planned to walk through the company. */
static const struct statement lead_list_all = {
    .name = "lead_list_all",
    .sql = LEAD_VIEW "from crm.leads l " SHOWN "and " BEFORE NEWEST_FIRST "limit $4",
};
static const struct statement lead_list_stage = {
    .name = "lead_list_stage",
    .sql = LEAD_VIEW "from (select * from crm.leads l where stage_id = $5::uuid and " BEFORE NEWEST_FIRST
                     "offset 0) l " SHOWN NEWEST_FIRST "limit $4",
};
static const struct statement lead_list_phone = {
    .name = "lead_list_phone",
    .sql = LEAD_VIEW
    "from (select id from crm.leads where company_id = $1 and phone_number = $5 "
    "      union select lead_id from crm.lead_contacts where company_id = $1 and value = $5 offset 0) known "
    "cross join lateral (select * from crm.leads where id = known.id offset 0) l " SHOWN
    "and ($6::uuid is null or l.stage_id = $6::uuid) and " BEFORE NEWEST_FIRST "limit $4",
};

/* Either spelling of a phone; an address as it is. What is no phone at all is nobody's. */
static const char *phone_wanted(struct arena *arena, const char *phone)
{
    struct error error;
    char *number;
    if (text_empty(phone))
        return NULL;
    return text_phone(arena, phone, &number, &error) == OK ? number : text_trim(arena, phone);
}

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__LeadListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    if (!text_empty(request->stage_id) && !ident_valid(request->stage_id))
        return error_code(error, REJECT, "bad_value", "stage_id must be a UUID");
    const char *phone = phone_wanted(item->arena, request->phone);
    bool by_stage = !text_empty(request->stage_id);
    struct params *params = page_params(item, &page);
    params_int(params, page.limit + 1);
    if (phone)
        params_text(params, phone);
    if (phone || by_stage)
        params_text_if(params, request->stage_id);
    *step = (struct db_step){ .statement = phone      ? &lead_list_phone
                                           : by_stage ? &lead_list_stage
                                                      : &lead_list_all,
                              .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    return page_reply(item, PB_NEW(item->arena, lead_list), rows, rows->count, error);
}

void lead_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        const Pb__LeadList *reply = (const Pb__LeadList *)item->reply;
        if (item->status == OK)
            details_read(batch, item, reply->items, reply->n_items, LISTED_CONVERSATIONS_MAX);
    }
}

/* -- store.lead.get: a merged lead is its survivor */

static const struct statement lead_get_read = {
    .name = "lead_get_read",
    .sql = LEAD_VIEW
    "from crm.leads l where l.company_id = $1 and l.id = (select coalesce(merged_into, id) from crm.leads where id = $2)",
};
static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__LeadGetRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_lead(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = &lead_get_read, .params = params };
    return OK;
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_lead(error);
    Pb__Lead *lead = pbrow_read(item->arena, &pb__lead__descriptor, rows, 0);
    item->reply = &lead->base;
    return OK;
}

void lead_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        Pb__Lead *lead = (Pb__Lead *)item->reply;
        if (item->status == OK)
            details_read(batch, item, &lead, 1, PAGE_ITEMS_MAX);
    }
}

/* -- store.lead.messages, newest first: by the moment of arrival here, within one moment by position */

static const struct statement lead_messages_read = {
    .name = "lead_messages_read",
    .sql =
        "select w.found, p.* from (select exists (select from crm.leads where id = $2 and company_id = $1) as found) w left join lateral (" MESSAGE_VIEW
        "from crm.messages m where m.lead_id = $2 and m.company_id = $1 "
        "  and ($3::timestamptz is null or (m.created_at, m.position, m.id) < ($3::timestamptz, $4::bigint, $5::uuid)) "
        "order by m.created_at desc, m.position desc, m.id desc limit $6) p on w.found",
};
static const struct statement lead_events_read = {
    .name = "lead_events_read",
    .sql =
        "select w.found, p.* from (select exists (select from crm.leads where id = $2 and company_id = $1) as found) w left join lateral ("
        "select e.id, e.type, e.entity_type, e.entity_id, e.payload, e.actor, e.correlation_id, e.occurred_at, e.admitted_at, e.n "
        "from (select * from crm.events where lead_id = $2 and ($3 = 0 or n < $3) order by n desc limit $4) e "
        "where e.company_id = $1 order by e.n desc) p on w.found",
};

static enum status lead_page(struct item *item, struct page *page, struct error *error)
{
    const Pb__MessageListRequest *request = item->message;
    TRY(page_read(item, page, error));
    return ident_valid(text_or(request->lead_id, "")) ? OK : unknown_lead(error);
}

static enum status messages_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__MessageListRequest *request = item->message;
    struct page page;
    TRY(lead_page(item, &page, error));
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->lead_id);
    params_moment(params, page.from.at);
    params_int(params, page.from.position);
    params_text(params, page.from.id);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &lead_messages_read, .params = params };
    return OK;
}

static enum status messages_tell(struct item *item, const struct rows *rows, struct error *error)
{
    bool found;
    size_t count = page_rows(rows, &found);
    if (!found)
        return unknown_lead(error);
    return page_reply(item, PB_NEW(item->arena, message_list), rows, count, error);
}

void lead_messages(struct batch *batch)
{
    read_run(batch, messages_ask, messages_tell);
}

/* -- store.lead.events, newest first */

static enum status events_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__MessageListRequest *request = item->message;
    struct page page;
    TRY(lead_page(item, &page, error));
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->lead_id);
    params_int(params, page.from.position);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &lead_events_read, .params = params };
    return OK;
}

static enum status events_tell(struct item *item, const struct rows *rows, struct error *error)
{
    Pb__LeadEventList *reply = PB_NEW(item->arena, lead_event_list);
    const void *last;
    bool found;
    size_t count = page_rows(rows, &found);
    if (!found)
        return unknown_lead(error);
    TRY(page_items(item, &reply->base, rows, count, &last, error));
    if (last) {
        const struct cursor cursor = { .position = rows_int(rows, reply->n_items - 1, rows_column(rows, "n")) };
        reply->next_cursor = cursor_text(item->arena, &cursor);
    }
    return OK;
}

void lead_events(struct batch *batch)
{
    read_run(batch, events_ask, events_tell);
}
