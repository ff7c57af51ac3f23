#include "arrival.h"
#include "base/ident.h"
#include "base/text.h"
#include "company/company.h"
#include "core/config.h"
#include "core/transaction.h"

#include <stdio.h>
#include <string.h>

/*
 * $1 channels, $2 accounts ('': the company's own), $3 companies (null: the account tells). An account that is named
 * must exist and be the company's; the company's own is its oldest real one, else its placeholder.
 */
static const struct statement place_find = {
    .name = "place_find",
    .sql =
        "select w.n, a.id as account_id, a.account, c.id as company_id, c.buffer_ms, c.buffer_max_ms, p.id as pipeline_id, s.id as stage_id, "
        "       c.buffer_ms is not null as own_buffer, c.buffer_max_ms is not null as own_buffer_max, "
        "       nullif(c.opt_out_words, '{}') as opt_out_words, (c.ai_policy #>> '{loops,quick_ms}')::numeric::bigint as quick_ms "
        "from unnest($1::text[], $2::text[], $3::uuid[]) with ordinality as w(channel, account, company_id, n) "
        "left join lateral (select x.id, x.account, x.company_id from crm.channel_accounts x "
        "                   where w.account <> '' and x.account <> '' and x.channel = w.channel and x.account = w.account "
        "                     and x.company_id = coalesce(w.company_id, x.company_id) "
        "                   union all "
        "                   (select x.id, x.account, x.company_id from crm.channel_accounts x "
        "                    where w.account = '' and x.company_id = w.company_id and x.channel = w.channel "
        "                    order by x.account = '', x.created_at, x.id limit 1)) as a on true "
        "left join lateral (select * from crm.companies where id = coalesce(a.company_id, w.company_id) limit 1) as c on true "
        "left join lateral (select id from crm.pipelines where company_id = c.id order by is_default desc, created_at limit 1) as p on true "
        "left join lateral (select id from crm.stages where pipeline_id = p.id order by position limit 1) as s on true",
};

/* The company's own place on a channel where it has no account: what comes in is kept, nothing leaves. */
static const struct statement place_hold = {
    .name = "place_hold",
    .sql =
        "insert into crm.channel_accounts (id, company_id, channel, account, created_at, updated_at) "
        "select u.id, u.company_id, u.channel, '', $4, $4 "
        "from unnest($1::uuid[], $2::uuid[], $3::text[]) as u(id, company_id, channel) order by u.id on conflict do nothing",
};

/* The different places of a batch; a batch has few. */
struct places {
    struct map *by_key;
    struct place **all;
    const char **asked_accounts, **asked_companies;
    const char **keys;
    size_t count;
    struct rows rows;
    bool foreseen; /* account ids are from memory until arrivals_placed */
};

/*
 * Which account a place was, last time, on this thread: enough to ask for what is known there in the same round trip.
 * The place itself is read anew each time.
 */
enum { MEMORY_SLOTS = 64, KEY_BYTES = 160 };
static _Thread_local struct {
    char key[KEY_BYTES], account_id[IDENT_BYTES];
} memory[MEMORY_SLOTS];

static size_t memory_slot(const char *key)
{
    uint32_t hash = 2166136261u;
    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash % MEMORY_SLOTS;
}

static const char *remembered(const char *key)
{
    size_t slot = memory_slot(key);
    return strcmp(memory[slot].key, key) == 0 ? memory[slot].account_id : NULL;
}

static void remember(const char *key, const char *account_id)
{
    size_t slot = memory_slot(key);
    bool fits = account_id && strlen(key) < KEY_BYTES && strlen(account_id) < IDENT_BYTES;
    snprintf(memory[slot].key, KEY_BYTES, "%s", fits ? key : "");
    snprintf(memory[slot].account_id, IDENT_BYTES, "%s", fits ? account_id : "");
}

static struct place *place_ask(struct recording *recording, struct places *places, const struct arrival *arrival)
{
    struct arena *arena = recording->batch->arena;
    const char *channel = channel_word(arrival->message->channel), *account = text_or(arrival->message->account, "");
    const char *key = text_format(arena, "%s|%s|%s", channel, account, arrival->company_id);
    void **slot = map_at(places->by_key, key);
    if (*slot)
        return *slot;
    struct place *place = ARENA_NEW(arena, struct place);
    place->channel = channel;
    places->keys[places->count] = key;
    places->asked_accounts[places->count] = account;
    places->asked_companies[places->count] = text_empty(arrival->company_id) ? NULL : arrival->company_id;
    places->all[places->count++] = place;
    return *slot = place;
}

static void places_collect(struct recording *recording, struct places *places)
{
    struct arena *arena = recording->batch->arena;
    places->by_key = map_new(arena, recording->count);
    places->all = ARENA_ARRAY(arena, struct place *, recording->count);
    places->asked_accounts = ARENA_ARRAY(arena, const char *, recording->count);
    places->asked_companies = ARENA_ARRAY(arena, const char *, recording->count);
    places->keys = ARENA_ARRAY(arena, const char *, recording->count);
    for (size_t i = 0; i < recording->count; i++)
        recording->arrivals[i].place = place_ask(recording, places, &recording->arrivals[i]);
}

static void place_fill(struct arena *arena, struct place *place, const struct rows *rows, size_t row)
{
    place->account_id = rows_text(rows, row, rows_column(rows, "account_id"));
    place->account = rows_text(rows, row, rows_column(rows, "account"));
    place->company_id = rows_text(rows, row, rows_column(rows, "company_id"));
    place->pipeline_id = rows_text(rows, row, rows_column(rows, "pipeline_id"));
    place->stage_id = rows_text(rows, row, rows_column(rows, "stage_id"));
    place->opt_out_word_count = rows_texts(rows, row, rows_column(rows, "opt_out_words"), arena, &place->opt_out_words);
    const char *quick_ms = rows_text(rows, row, rows_column(rows, "quick_ms"));
    place->quick_ms = quick_ms ? rows_int(rows, row, rows_column(rows, "quick_ms")) : config_loop_quick_ms;
    bool own = rows_bool(rows, row, rows_column(rows, "own_buffer")),
         own_max = rows_bool(rows, row, rows_column(rows, "own_buffer_max"));
    place->buffer_ms = own ? (int32_t)rows_int(rows, row, rows_column(rows, "buffer_ms")) : -1;
    place->buffer_max_ms = own_max ? (int32_t)rows_int(rows, row, rows_column(rows, "buffer_max_ms")) : -1;
}

static void places_ask(struct recording *recording, struct places *places)
{
    struct arena *arena = recording->batch->arena;
    struct params *params = params_new(arena);
    const char **channels = ARENA_ARRAY(arena, const char *, places->count);
    for (size_t i = 0; i < places->count; i++)
        channels[i] = places->all[i]->channel;
    params_texts(params, channels, places->count);
    params_texts(params, places->asked_accounts, places->count);
    params_texts(params, places->asked_companies, places->count);
    db_queue(recording->batch->db, arena, &place_find, params, &places->rows);
}

static void places_take(struct arena *arena, struct places *places)
{
    int n = rows_column(&places->rows, "n");
    for (size_t row = 0; row < places->rows.count; row++) {
        size_t place = (size_t)rows_int(&places->rows, row, n) - 1;
        place_fill(arena, places->all[place], &places->rows, row);
        remember(places->keys[place], places->all[place]->account_id);
    }
}

static enum status places_find(struct recording *recording, struct places *places, struct error *error)
{
    places_ask(recording, places);
    TRY(db_flush(recording->batch->db, error));
    places_take(recording->batch->arena, places);
    return OK;
}

static bool places_foresee(struct recording *recording, struct places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        const char *account_id = remembered(places->keys[i]);
        if (!account_id)
            return false;
        places->all[i]->account_id = arena_text(recording->batch->arena, account_id);
    }
    return true;
}

static enum status places_hold(struct recording *recording, const char *const *company_ids, const char *const *channels,
                               size_t count, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    const char **ids = ARENA_ARRAY(arena, const char *, count);
    for (size_t i = 0; i < count; i++)
        ids[i] = ident_named(arena, "channel_account", company_ids[i], channels[i], NULL);
    struct params *params = params_new(arena);
    params_texts(params, ids, count);
    params_texts(params, company_ids, count);
    params_texts(params, channels, count);
    params_moment(params, recording->batch->now);
    return db_run(recording->batch->db, arena, &place_hold, params, NULL, error);
}

/* Companies that a caller named and nobody knows, and own places that nobody needed so far. */
static enum status places_make(struct recording *recording, struct places *places, bool *made, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    const char **companies = ARENA_ARRAY(arena, const char *, places->count),
               **channels = ARENA_ARRAY(arena, const char *, places->count);
    const char **unknown = ARENA_ARRAY(arena, const char *, places->count);
    size_t count = 0, unknown_count = 0;
    for (size_t i = 0; i < places->count; i++) {
        const struct place *place = places->all[i];
        const char *company_id = text_or(places->asked_companies[i], place->company_id);
        if (company_id && !(place->company_id && place->stage_id))
            unknown[unknown_count++] = company_id;
        if (company_id && !place->account_id && text_empty(places->asked_accounts[i])) {
            companies[count] = company_id;
            channels[count++] = place->channel;
        }
    }
    *made = count || unknown_count;
    if (unknown_count)
        TRY(company_ensure(recording->batch, unknown, unknown_count, error));
    return count ? places_hold(recording, companies, channels, count, error) : OK;
}

static void place_check(struct arrival *arrival)
{
    if (!arrival->place->account_id)
        item_fail(arrival->item, REJECT, "unknown_account", "no company has this account on this channel");
    else if (!arrival->place->stage_id)
        item_fail(arrival->item, REJECT, "no_pipeline", "the company has no pipeline with a stage");
}

static void places_check(struct recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        if (recording->arrivals[i].item->status == OK)
            place_check(&recording->arrivals[i]);
}

enum status arrivals_place(struct recording *recording, struct error *error)
{
    struct places *places = recording->places = ARENA_NEW(recording->batch->arena, struct places);
    bool made;
    places_collect(recording, places);
    places->foreseen = places_foresee(recording, places);
    if (places->foreseen) {
        places_ask(recording, places);
        return OK;
    }
    TRY(places_find(recording, places, error));
    TRY(places_make(recording, places, &made, error));
    if (made)
        TRY(places_find(recording, places, error));
    places_check(recording);
    return OK;
}

/* An account that changed hands, or a company that lost its stages: what was asked on the strength of it is void. */
enum status arrivals_placed(struct recording *recording, struct error *error)
{
    struct places *places = recording->places;
    if (!places->foreseen)
        return OK;
    const char **ids = ARENA_ARRAY(recording->batch->arena, const char *, places->count);
    for (size_t i = 0; i < places->count; i++)
        ids[i] = places->all[i]->account_id;
    places_take(recording->batch->arena, places);
    for (size_t i = 0; i < places->count; i++)
        if (!places->all[i]->stage_id || !text_same(places->all[i]->account_id, ids[i])) {
            remember(places->keys[i], NULL);
            return error_code(error, RETRY, TRANSACTION_AGAIN, "an account is another than before");
        }
    return OK;
}
