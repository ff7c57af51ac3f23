/* store.conversation.list, .get, .messages */
#include "inbox.h"

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "conversation/conversation_view.h"
#include "conversation/message_view.h"
#include "core/page.h"
#include "wire/pbjson.h"
#include "wire/pbrow.h"

static enum status unknown_conversation(struct error *error)
{
    return error_code(error, REJECT, "unknown_conversation", "there is no such conversation");
}

/* -- the newest message of each, in one statement for a page */

static const struct statement inbox_last = {
    .name = "inbox_last",
    .sql = MESSAGE_VIEW "from unnest($2::uuid[]) as w(id) join crm.messages m on m.id = w.id where m.company_id = $1",
};

static enum status last_read(struct batch *batch, const struct item *item, Pb__Conversation **list, size_t count,
                             struct error *error)
{
    const char **ids = ARENA_ARRAY(item->arena, const char *, count + 1);
    struct params *params = params_new(item->arena);
    struct rows rows;
    Pb__Message **messages = NULL;
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        if (list[i]->last_message_id)
            ids[wanted++] = list[i]->last_message_id;
    params_text(params, item->caller.company_id);
    params_texts(params, ids, wanted);
    TRY(db_run(batch->db, batch->arena, &inbox_last, params, &rows, error));
    size_t found = pbrow_read_all(item->arena, &pb__message__descriptor, &rows, (void ***)&messages);
    for (size_t i = 0; i < count; i++)
        for (size_t m = 0; m < found; m++)
            if (text_same(messages[m]->id, list[i]->last_message_id))
                list[i]->last_message = messages[m];
    return OK;
}

/* -- store.conversation.list */

#define LIST_FILTERS                                                                                                   \
    "  and ($4::text is null or c.state = $4) and ($5::text is null or c.owner = $5) "                                 \
    "  and ($6::text is null or c.assignee is not distinct from nullif($6, 'none')) "                                  \
    "  and ($10::boolean is null or (" OVERDUE " is not null) = $10) "                                                 \
    "  and ($7::text is null or c.channel = $7) and ($8::uuid is null or c.lead_id = $8) "
#define WAITING_FROM                                                                                                   \
    CONVERSATION_FROM                                                                                                  \
    "where c.company_id = $1 and c.state = 'open' and (c.owner = 'human' or c.escalated_at is not null) " LIST_FILTERS \
    "  and " PERSON_WAITS " is not null "

static const struct statement inbox_newest = {
    .name = "inbox_newest",
    .sql = CONVERSATION_VIEW CONVERSATION_FROM
    "where c.company_id = $1 and ($2::timestamptz is null or (c.created_at, c.id) < ($2::timestamptz, $3::uuid)) " LIST_FILTERS
    "order by c.created_at desc, c.id desc limit $9",
};
static const struct statement inbox_waiting_oldest = {
    .name = "inbox_waiting_oldest",
    .sql = CONVERSATION_VIEW WAITING_FROM "and ($2::timestamptz is null or (" PERSON_WAITS
                                          ", c.id) > ($2::timestamptz, $3::uuid)) "
                                          "order by " PERSON_WAITS ", c.id limit $9",
};
static const struct statement inbox_waiting_newest = {
    .name = "inbox_waiting_newest",
    .sql = CONVERSATION_VIEW WAITING_FROM "and ($2::timestamptz is null or (" PERSON_WAITS
                                          ", c.id) < ($2::timestamptz, $3::uuid)) "
                                          "order by " PERSON_WAITS " desc, c.id desc limit $9",
};

static bool one_of(const char *word, const char *a, const char *b)
{
    return text_empty(word) || text_same(word, a) || text_same(word, b);
}

static enum status list_check(const Pb__ConversationListRequest *request, struct error *error)
{
    if (!one_of(request->state, "open", "closed"))
        return error_code(error, REJECT, "bad_value", "'state' must be open or closed.");
    if (!one_of(request->owner, "ai", "human"))
        return error_code(error, REJECT, "bad_value", "'owner' must be ai or human.");
    if (!one_of(request->order, "oldest", "newest"))
        return error_code(error, REJECT, "bad_value", "'order' must be oldest or newest.");
    if (!request->waiting && !text_empty(request->order))
        return error_code(error, REJECT, "bad_value", "'order' is for waiting ones: all others come newest first.");
    if (!text_empty(request->lead_id) && !ident_valid(request->lead_id))
        return error_code(error, REJECT, "bad_value", "'lead_id' must be a UUID.");
    return OK;
}

static const struct statement *list_statement(const Pb__ConversationListRequest *request)
{
    if (!request->waiting)
        return &inbox_newest;
    return text_same(request->order, "newest") ? &inbox_waiting_newest : &inbox_waiting_oldest;
}

static enum status list_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__ConversationListRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    TRY(list_check(request, error));
    struct params *params = page_params(item, &page);
    params_text(params, text_or(request->state, NULL));
    params_text(params, text_or(request->owner, NULL));
    params_text(params, text_or(request->assignee, NULL));
    params_text(params,
                request->has_channel ? pbjson_enum_word(&pb__channel__descriptor, (int)request->channel) : NULL);
    params_text(params, text_or(request->lead_id, NULL));
    params_int(params, page.limit + 1);
    if (request->has_overdue)
        params_bool(params, request->overdue);
    else
        params_null(params);
    *step = (struct db_step){ .statement = list_statement(request), .params = params };
    return OK;
}

static enum status list_tell(struct item *item, const struct rows *rows, struct error *error)
{
    const Pb__ConversationListRequest *request = item->message;
    Pb__ConversationList *reply = PB_NEW(item->arena, conversation_list);
    TRY(page_reply(item, &reply->base, rows, rows->count, error));
    if (reply->next_cursor && request->waiting) { /* in the order of their waiting */
        const Pb__Conversation *last = reply->items[reply->n_items - 1];
        reply->next_cursor = cursor_text(item->arena, &(struct cursor){ .at = last->waiting_since_at, .id = last->id });
    }
    return OK;
}

void inbox_list(struct batch *batch)
{
    read_run(batch, list_ask, list_tell);
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        struct item *item = batch->items[i];
        Pb__ConversationList *reply = (Pb__ConversationList *)item->reply;
        if (item->status != OK)
            continue;
        enum status status = last_read(batch, item, reply->items, reply->n_items, &error);
        if (status != OK)
            item_fail(item, status, "unavailable", "%s", error.text);
    }
}

/* -- store.conversation.get */

static const struct statement inbox_one = {
    .name = "inbox_one",
    .sql = CONVERSATION_VIEW CONVERSATION_FROM "where c.company_id = $1 and c.id = $2",
};

static enum status get_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__ConversationGetRequest *request = item->message;
    TRY(read_company(item, error));
    if (!ident_valid(text_or(request->id, "")))
        return unknown_conversation(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->id);
    *step = (struct db_step){ .statement = &inbox_one, .params = params };
    return OK;
}

static enum status get_tell(struct item *item, const struct rows *rows, struct error *error)
{
    if (!rows->count)
        return unknown_conversation(error);
    Pb__Conversation *conversation = pbrow_read(item->arena, &pb__conversation__descriptor, rows, 0);
    item->reply = &conversation->base;
    return OK;
}

void inbox_get(struct batch *batch)
{
    read_run(batch, get_ask, get_tell);
    for (size_t i = 0; i < batch->count; i++) {
        struct error error = { 0 };
        struct item *item = batch->items[i];
        Pb__Conversation *conversation = (Pb__Conversation *)item->reply;
        if (item->status != OK)
            continue;
        enum status status = last_read(batch, item, &conversation, 1, &error);
        if (status != OK)
            item_fail(item, status, "unavailable", "%s", error.text);
    }
}

/* -- store.conversation.messages, newest first */

static const struct statement inbox_messages_read = {
    .name = "inbox_messages_read",
    .sql =
        "select w.found, p.* from (select exists (select from crm.conversations where id = $2 and company_id = $1) as found) w "
        "left join lateral (" MESSAGE_VIEW "from crm.messages m where m.conversation_id = $2 and m.company_id = $1 "
        "  and ($3 = 0 or m.position < $3) order by m.position desc limit $4) p on w.found",
};

static enum status messages_ask(struct item *item, struct db_step *step, struct error *error)
{
    const Pb__ConversationMessagesRequest *request = item->message;
    struct page page;
    TRY(page_read(item, &page, error));
    if (!ident_valid(text_or(request->conversation_id, "")))
        return unknown_conversation(error);
    struct params *params = params_new(item->arena);
    params_text(params, item->caller.company_id);
    params_text(params, request->conversation_id);
    params_int(params, page.from.position);
    params_int(params, page.limit + 1);
    *step = (struct db_step){ .statement = &inbox_messages_read, .params = params };
    return OK;
}

static enum status messages_tell(struct item *item, const struct rows *rows, struct error *error)
{
    bool found;
    size_t count = page_rows(rows, &found);
    if (!found)
        return unknown_conversation(error);
    return page_reply(item, PB_NEW(item->arena, message_list), rows, count, error);
}

void inbox_messages(struct batch *batch)
{
    read_run(batch, messages_ask, messages_tell);
}
