#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/column.h"
#include "core/transaction.h"
#include "identity.h"

static const struct statement contact_find = {
    .name = "contact_find",
    .sql =
        "select w.n, c.id, c.lead_id, c.address, c.unreachable_at is not null as unreachable "
        "from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as w(account_id, kind, value, n) "
        "cross join lateral (select * from crm.lead_contacts where channel_account_id = w.account_id and kind = w.kind "
        "                    and value = w.value limit 1) as c",
};

static void identity_fill(struct identity *identity, const struct rows *rows, size_t row)
{
    identity->contact_id = rows_text(rows, row, 1);
    identity->lead_id = rows_text(rows, row, 2);
    identity->changed = rows_bool(rows, row, 4) || !text_same(identity->address, rows_text(rows, row, 3));
}

void identities_ask(struct recording *recording, struct identity **wanted, size_t count, struct rows *rows)
{
    struct arena *arena = recording->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, count, i, wanted[i]->account_id);
    COLUMN_WORDS(params, count, i, wanted[i]->kind);
    COLUMN_WORDS(params, count, i, wanted[i]->value);
    db_queue(recording->batch->db, arena, &contact_find, params, rows);
}

void identities_take(struct identity **wanted, const struct rows *rows)
{
    for (size_t row = 0; row < rows->count; row++)
        identity_fill(wanted[rows_int(rows, row, 0) - 1], rows, row);
}

/* The names of keys that have no row yet can be locked all the same; in one order, or two writers wait for each other.
 */
static const struct statement identity_lock = {
    .name = "identity_lock",
    .sql = "select count(pg_advisory_xact_lock(k.hash)) "
           "from (select distinct hashtextextended(key, 0) as hash from unnest($1::text[]) as key order by 1) as k",
};

void identities_lock(struct recording *recording, struct identity **unknown, size_t count)
{
    struct params *params = params_new(recording->batch->arena);
    COLUMN_WORDS(params, count, i, unknown[i]->key);
    db_queue(recording->batch->db, recording->batch->arena, &identity_lock, params, NULL);
}

static const struct statement lead_lock = {
    .name = "lead_lock",
    .sql =
        "select l.* from unnest($1::uuid[]) as v(id) cross join lateral ( "
        "    select id, company_id, contact_name, phone_number, opted_out_at, created_at, merged_into from crm.leads "
        "    where id = v.id for no key update) as l",
};

static enum status person_fill(struct recording *recording, const struct rows *rows, size_t row, struct error *error)
{
    struct person *person = map_find(recording->people, rows_text(rows, row, 0));
    person->company_id = rows_text(rows, row, 1);
    person->name = rows_text(rows, row, 2);
    person->phone = rows_text(rows, row, 3);
    person->opted_out_at = rows_moment(rows, row, 4);
    person->created_at = rows_moment(rows, row, 5);
    if (rows_text(rows, row, 6))
        return error_code(error, RETRY, TRANSACTION_AGAIN, "a lead was merged meanwhile");
    return OK;
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct person *const *)a)->id, (*(struct person *const *)b)->id);
}

void people_ask(struct recording *recording, struct rows *rows)
{
    size_t count = recording->person_count;
    struct person **list = recording->person_list;
    *rows = (struct rows){ 0 };
    if (!count)
        return;
    struct params *params = params_new(recording->batch->arena);
    qsort(list, count, sizeof(struct person *), by_id);
    COLUMN_UUIDS(params, count, i, list[i]->id);
    db_queue(recording->batch->db, recording->batch->arena, &lead_lock, params, rows);
}

enum status people_take(struct recording *recording, const struct rows *rows, struct error *error)
{
    for (size_t row = 0; row < rows->count; row++)
        TRY(person_fill(recording, rows, row, error));
    return OK;
}

static const struct statement lead_insert = {
    .name = "lead_insert",
    .sql =
        "insert into crm.leads (id, company_id, pipeline_id, stage_id, phone_number, contact_name, created_at, updated_at) "
        "select u.*, $7, $7 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[]) as u",
};

static void leads_insert(struct recording *recording, struct person **people, size_t count)
{
    struct arena *arena = recording->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_UUIDS(params, count, i, people[i]->id);
    COLUMN_UUIDS(params, count, i, people[i]->company_id);
    COLUMN_UUIDS(params, count, i, people[i]->pipeline_id);
    COLUMN_UUIDS(params, count, i, people[i]->stage_id);
    COLUMN_WORDS(params, count, i, people[i]->phone);
    COLUMN_WORDS(params, count, i, people[i]->name);
    params_moment(params, recording->batch->now);
    db_queue(recording->batch->db, arena, &lead_insert, params, NULL);
}

static const struct statement contact_insert = {
    .name = "contact_insert",
    .sql =
        "insert into crm.lead_contacts (id, company_id, lead_id, channel_account_id, channel, kind, value, address, created_at, updated_at) "
        "select u.*, $2, $2 from unnest($1::crm.contact_row[]) as u",
};

/* One that came into being meanwhile fails the transaction (23505), which is run again. */
static void contacts_insert(struct recording *recording, struct identity **contacts, size_t count)
{
    struct arena *arena = recording->batch->arena;
    struct params *params = params_new(arena);
    struct records *rows = records_new(arena, count);
    RECORD_UUIDS(rows, i, contacts[i]->contact_id);
    RECORD_UUIDS(rows, i, contacts[i]->place->company_id);
    RECORD_UUIDS(rows, i, contacts[i]->lead_id);
    RECORD_UUIDS(rows, i, contacts[i]->account_id);
    RECORD_TEXTS(rows, i, contacts[i]->channel);
    RECORD_TEXTS(rows, i, contacts[i]->kind);
    RECORD_TEXTS(rows, i, contacts[i]->value);
    RECORD_TEXTS(rows, i, contacts[i]->address);
    params_records(params, rows, "crm.contact_row");
    params_moment(params, recording->batch->now);
    db_queue(recording->batch->db, arena, &contact_insert, params, NULL);
}

/* Who writes can be reached, at the address as the provider spells it now. */
static const struct statement contact_touch = {
    .name = "contact_touch",
    .sql = "update crm.lead_contacts c set address = u.address, unreachable_at = null, updated_at = $3 "
           "from unnest($1::uuid[], $2::text[]) as u(id, address) where c.id = u.id",
};

static void contacts_touch(struct recording *recording, struct identity **contacts, size_t count)
{
    struct arena *arena = recording->batch->arena;
    struct params *params = params_new(arena);
    COLUMN_TEXTS(params, count, i, contacts[i]->contact_id);
    COLUMN_TEXTS(params, count, i, contacts[i]->address);
    params_moment(params, recording->batch->now);
    db_queue(recording->batch->db, arena, &contact_touch, params, NULL);
}

void people_write(struct recording *recording)
{
    struct arena *arena = recording->batch->arena;
    struct person **people = ARENA_ARRAY(arena, struct person *, recording->person_count);
    struct identity **fresh = ARENA_ARRAY(arena, struct identity *, recording->identity_count);
    struct identity **changed = ARENA_ARRAY(arena, struct identity *, recording->identity_count);
    size_t count = 0, fresh_count = 0, changed_count = 0;
    for (size_t i = 0; i < recording->person_count; i++)
        if (recording->person_list[i]->created)
            people[count++] = recording->person_list[i];
    for (size_t i = 0; i < recording->identity_count; i++) {
        struct identity *identity = &recording->identities[i];
        if (identity->created)
            fresh[fresh_count++] = identity;
        else if (identity->changed)
            changed[changed_count++] = identity;
    }
    if (count)
        leads_insert(recording, people, count);
    if (fresh_count)
        contacts_insert(recording, fresh, fresh_count);
    if (changed_count)
        contacts_touch(recording, changed, changed_count);
}
