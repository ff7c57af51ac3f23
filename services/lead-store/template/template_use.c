#include "template_use.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud_template.h"
#include "core/column.h"
#include "core/payload.h"

enum { PARAMETERS_BYTES_MAX = 16 * 1024 };

enum status template_use_check(const Pb__TemplateUse *asked, struct error *error)
{
    if (text_empty(asked->name) || text_empty(asked->language))
        return error_code(error, REJECT, "missing_field", "a template has a name and a language");
    if (strlen(asked->name) > NAME_BYTES_MAX || strlen(asked->language) > KEY_BYTES_MAX ||
        (asked->parameters && strlen(pb_json_text(asked->parameters)) > PARAMETERS_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "a member of template is too long");
    return OK;
}

static const struct statement template_use_read = {
    .name = "template_use_read",
    .sql =
        "select v.n, t.id, t.state, t.text, t.components from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as v(company_id, name, language, n) "
        "cross join lateral (select * from crm.templates where company_id = v.company_id and channel = 'whatsapp_cloud' and name = v.name "
        "    and language = v.language limit 1) t",
};

static const char *parameters_of(const struct template_use *use)
{
    return use->asked->parameters ? pb_json_text(use->asked->parameters) : "[]";
}

static void fill(struct arena *arena, struct template_use *use, const struct rows *rows, size_t row)
{
    const char *state = rows_text(rows, row, 2);
    use->id = rows_text(rows, row, 1);
    use->refused = (struct error){ 0 };
    if (!text_same(state, "approved"))
        error_code(&use->refused, REJECT, "template_not_approved", "the template is %s", state);
    else
        whatsapp_cloud_template_fill(arena, rows_text(rows, row, 3), rows_text(rows, row, 4), parameters_of(use),
                                     &use->text, &use->refused);
}

enum status template_uses_read(struct batch *batch, struct template_use *list, size_t count, struct error *error)
{
    struct params *params = params_new(batch->arena);
    struct template_use **asked = ARENA_ARRAY(batch->arena, struct template_use *, count + 1);
    struct rows rows;
    size_t some = 0;
    for (size_t i = 0; i < count; i++)
        if (list[i].asked)
            asked[some++] = &list[i];
    if (!some)
        return OK;
    for (size_t i = 0; i < some; i++)
        error_code(&asked[i]->refused, REJECT, "unknown_template", "there is no such template in that language");
    COLUMN_TEXTS(params, some, i, asked[i]->company_id);
    COLUMN_TEXTS(params, some, i, asked[i]->asked->name);
    COLUMN_TEXTS(params, some, i, asked[i]->asked->language);
    TRY(db_run(batch->db, batch->arena, &template_use_read, params, &rows, error));
    for (size_t row = 0; row < rows.count; row++)
        fill(batch->arena, asked[rows_int(&rows, row, 0) - 1], &rows, row);
    return OK;
}

static const struct statement template_use_note = {
    .name = "template_use_note",
    .sql = "update crm.messages set template_id = $2, extra_metadata = $3::jsonb where id = $1",
};

void template_use_write(struct batch *batch, const char *message_id, const struct template_use *use)
{
    struct params *params = params_new(batch->arena);
    struct payload metadata = payload_start(batch->arena);
    payload_json(&metadata, "template_params", parameters_of(use));
    params_text(params, message_id);
    params_text(params, use->id);
    params_text(params, payload_end(&metadata));
    db_queue(batch->db, batch->arena, &template_use_note, params, NULL);
}
