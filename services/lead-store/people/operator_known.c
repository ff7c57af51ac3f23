/* What a person's message refers to, read in one statement each for all of the request. */
#include "base/ident.h"
#include "base/text.h"
#include "core/column.h"
#include "inbox/canned.h"
#include "operator_post.h"

static const struct statement operator_known = {
    .name = "operator_known",
    .sql =
        "select v.n, m.conversation_id, m.lead_id, m.reply_to, m.message_text is not distinct from v.text "
        "    and m.media_info is not distinct from v.media::jsonb and m.sender_id is not distinct from v.sender as same "
        "from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[]) with ordinality "
        "    as v(id, company_id, text, media, sender, n) "
        "join crm.messages m on m.id = v.id and m.company_id = v.company_id",
};
/* Our id or the provider's, among the messages of the person who is meant. */
static const struct statement operator_quoted = {
    .name = "operator_quoted",
    .sql =
        "select v.n, coalesce(m.external_id, '') from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[]) with ordinality "
        "    as v(external_id, id, lead_id, company_id, n) "
        "join crm.messages m on m.lead_id = v.lead_id and m.company_id = v.company_id and (m.id = v.id or m.external_id = v.external_id)",
};

static enum status known_read(struct posting *posting, struct error *error)
{
    struct params *params = params_new(posting->batch->arena);
    const struct post *list = posting->list;
    COLUMN_TEXTS(params, posting->count, i, list[i].id);
    COLUMN_TEXTS(params, posting->count, i, list[i].item->caller.company_id);
    COLUMN_TEXTS(params, posting->count, i, list[i].text);
    COLUMN_TEXTS(params, posting->count, i, list[i].media);
    COLUMN_TEXTS(params, posting->count, i, text_or(list[i].request->operator_, NULL));
    struct rows rows;
    TRY(db_run(posting->batch->db, posting->batch->arena, &operator_known, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++) {
        struct post *post = &posting->list[rows_int(&rows, row, 0) - 1];
        post->known = true;
        post->known_conversation_id = rows_text(&rows, row, 1);
        post->known_lead_id = rows_text(&rows, row, 2);
        post->known_quoted = rows_text(&rows, row, 3);
        post->same = rows_bool(&rows, row, 4);
    }
    return OK;
}

/* A file of our own is named by our id; Meta's ids are no UUIDs. */
static const struct statement operator_media = {
    .name = "operator_media",
    .sql = "select v.n from unnest($1::uuid[], $2::uuid[]) with ordinality as v(id, company_id, n) "
           "cross join lateral (select id from crm.media where id = v.id and company_id = v.company_id limit 1) f",
};

static const char *own_file(const struct post *post)
{
    const Pb__Media *media = post->request->media;
    return media && ident_valid(text_or(media->id, "")) ? media->id : NULL;
}

static enum status files_read(struct posting *posting, struct error *error)
{
    struct params *params = params_new(posting->batch->arena);
    struct rows rows;
    size_t own = 0;
    for (size_t i = 0; i < posting->count; i++)
        own += posting->list[i].unknown_file = own_file(&posting->list[i]) != NULL;
    if (own == 0)
        return OK;
    COLUMN_TEXTS(params, posting->count, i, own_file(&posting->list[i]));
    COLUMN_TEXTS(params, posting->count, i, posting->list[i].item->caller.company_id);
    TRY(db_run(posting->batch->db, posting->batch->arena, &operator_media, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        posting->list[rows_int(&rows, row, 0) - 1].unknown_file = false;
    return OK;
}

static const char *first_lead(const struct posting *posting, size_t index)
{
    const struct ids *leads = &posting->handover.targets[index].leads;
    return leads->count ? leads->list[0] : NULL;
}

static enum status quoted_read(struct posting *posting, struct error *error)
{
    struct params *params = params_new(posting->batch->arena);
    const struct post *list = posting->list;
    COLUMN_TEXTS(params, posting->count, i, text_or(list[i].request->messageid, NULL));
    COLUMN_TEXTS(params, posting->count, i,
                 ident_valid(text_or(list[i].request->messageid, "")) ? list[i].request->messageid : NULL);
    COLUMN_TEXTS(params, posting->count, i, first_lead(posting, i));
    COLUMN_TEXTS(params, posting->count, i, list[i].item->caller.company_id);
    struct rows rows;
    TRY(db_run(posting->batch->db, posting->batch->arena, &operator_quoted, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        posting->list[rows_int(&rows, row, 0) - 1].quoted = rows_text(&rows, row, 1);
    return OK;
}

enum status posting_know(struct posting *posting, struct error *error)
{
    TRY(files_read(posting, error));
    TRY(template_uses_read(posting->batch, posting->templates, posting->count, error));
    for (size_t i = 0; i < posting->count; i++) {
        struct post *post = &posting->list[i];
        if (post->template->asked)
            post->text = post->template->text;
        if (post->request->canned_reply_id)
            TRY(canned_text(posting->batch, &post->item->caller, post->request->canned_reply_id, first_lead(posting, i),
                            post->request->operator_, &post->text, error));
    }
    TRY(known_read(posting, error));
    return quoted_read(posting, error);
}
