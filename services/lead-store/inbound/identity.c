#include "identity.h"

#include <string.h>

#include "base/ident.h"
#include "base/text.h"

struct sender *sender_root(struct sender *sender)
{
    while (sender->same_as)
        sender = sender->same_as;
    return sender;
}

static struct identity *identity_at(struct recording *recording, struct map *known, const struct arrival *arrival,
                                    const char *kind, const char *value, const char *address)
{
    const char *key = text_format(recording->batch->arena, "%s|%s|%s", arrival->place->account_id, kind, value);
    void **slot = map_at(known, key);
    if (*slot)
        return *slot;
    struct identity *identity = &recording->identities[recording->identity_count++];
    *identity = (struct identity){ .key = key,
                                   .account_id = arrival->place->account_id,
                                   .place = arrival->place,
                                   .channel = arrival->place->channel,
                                   .kind = kind,
                                   .value = value,
                                   .address = address };
    return *slot = identity;
}

/* What ties a key to the sender ties all senders of that key together. */
static void identity_join(struct arrival *arrival, struct identity *identity, const char *address)
{
    if (!text_empty(address))
        identity->address = address;
    arrival->identities[arrival->identity_count++] = identity;
    if (!identity->sender)
        identity->sender = arrival->sender;
    struct sender *mine = sender_root(arrival->sender), *theirs = sender_root(identity->sender);
    if (mine != theirs)
        mine->same_as = theirs;
}

static void identities_of(struct recording *recording, struct map *known, struct arrival *arrival)
{
    struct arena *arena = recording->batch->arena;
    const Pb__InboundMessage *message = arrival->message;
    arrival->sender = ARENA_NEW(arena, struct sender);
    arrival->sender->first = arrival;
    arrival->identity_count = 0;
    arrival->identities = ARENA_ARRAY(arena, struct identity *, message->n_identities + 1);
    for (size_t i = 0; i < message->n_identities; i++) {
        const Pb__Identity *given = message->identities[i];
        const char *address = text_or(given->address, given->value);
        identity_join(arrival, identity_at(recording, known, arrival, given->kind, given->value, address),
                      given->address);
    }
    const char *moved_to = message->number_changed_to;
    if (!text_empty(moved_to)) {
        const char *digits = *moved_to == '+' ? moved_to + 1 : moved_to;
        identity_join(arrival, identity_at(recording, known, arrival, "phone", moved_to, digits), NULL);
    }
}

static void identities_collect(struct recording *recording)
{
    size_t keys_max = 0;
    for (size_t i = 0; i < recording->count; i++)
        keys_max += recording->arrivals[i].message->n_identities + 1;
    struct map *known = map_new(recording->batch->arena, keys_max);
    recording->identities = ARENA_ARRAY(recording->batch->arena, struct identity, keys_max);
    for (size_t i = 0; i < recording->count; i++)
        if (arrival_new(&recording->arrivals[i]))
            identities_of(recording, known, &recording->arrivals[i]);
}

static struct person *person_add(struct recording *recording, const char *id)
{
    void **slot = map_at(recording->people, id);
    if (*slot)
        return *slot;
    struct person *person = ARENA_NEW(recording->batch->arena, struct person);
    person->id = id;
    recording->person_list[recording->person_count++] = person;
    return *slot = person;
}

static struct person *person_create(struct recording *recording, const struct arrival *arrival)
{
    struct person *person = person_add(recording, ident_fresh(recording->batch->arena));
    person->company_id = arrival->place->company_id;
    person->pipeline_id = arrival->place->pipeline_id;
    person->stage_id = arrival->place->stage_id;
    person->name = "";
    person->created_at = recording->batch->now;
    person->correlation_id = arrival->correlation_id;
    person->created = true;
    return person;
}

static bool person_older(const struct person *a, const struct person *b)
{
    if (a->created_at != b->created_at)
        return a->created_at < b->created_at;
    return strcmp(a->id, b->id) < 0;
}

/* One more key of the sender led to a person: the first, the same, or one to be merged with. */
static enum status sender_meets(struct recording *recording, struct sender *sender, struct person *person,
                                struct error *error)
{
    if (!sender->person)
        sender->person = person;
    if (sender->person == person)
        return OK;
    struct person *into = person_older(sender->person, person) ? sender->person : person;
    struct person *from = into == person ? sender->person : person;
    TRY(person_merge(recording, into, from, error));
    recording->merged = true;
    for (size_t i = 0; i < recording->identity_count; i++)
        if (text_same(recording->identities[i].lead_id, from->id))
            recording->identities[i].lead_id = into->id;
    *map_at(recording->people, from->id) = into;
    sender->person = into;
    return OK;
}

static enum status senders_meet(struct recording *recording, struct error *error)
{
    for (size_t i = 0; i < recording->identity_count; i++) {
        struct identity *identity = &recording->identities[i];
        if (identity->lead_id)
            TRY(sender_meets(recording, sender_root(identity->sender), map_find(recording->people, identity->lead_id),
                             error));
    }
    return OK;
}

/* Keys without a contact get one, of the sender's person. */
static void identities_complete(struct recording *recording)
{
    for (size_t i = 0; i < recording->identity_count; i++) {
        struct identity *identity = &recording->identities[i];
        struct sender *sender = sender_root(identity->sender);
        if (!sender->person)
            sender->person = person_create(recording, sender->first);
        else
            sender->person = map_find(recording->people, sender->person->id);
        identity->lead_id = sender->person->id;
        if (identity->contact_id)
            continue;
        identity->contact_id = ident_fresh(recording->batch->arena);
        identity->created = true;
    }
}

/* Name and number as the newest message has them. What the business wrote on its phone says nothing about the customer.
 */
static void person_describe(struct person *person, const struct arrival *arrival)
{
    const char *name = arrival->message->contact_name, *phone = person->phone;
    if (!text_empty(name) && !arrival->message->echo && !text_same(name, person->name)) {
        person->name = name;
        person->changed = true;
    }
    for (size_t i = 0; i < arrival->identity_count && !phone; i++)
        if (text_same(arrival->identities[i]->kind, "phone"))
            phone = arrival->identities[i]->value;
    if (!text_empty(arrival->message->number_changed_to))
        phone = arrival->message->number_changed_to;
    if (phone && !text_same(phone, person->phone)) {
        person->phone = phone;
        person->changed = true;
    }
}

static struct identity **identities_all(struct recording *recording)
{
    struct identity **all = ARENA_ARRAY(recording->batch->arena, struct identity *, recording->identity_count);
    for (size_t i = 0; i < recording->identity_count; i++)
        all[i] = &recording->identities[i];
    return all;
}

void arrivals_ask_contacts(struct recording *recording)
{
    identities_collect(recording);
    if (recording->identity_count)
        identities_ask(recording, identities_all(recording), recording->identity_count, &recording->contact_rows);
}

/* Senders of messages that turned out to be known are of no concern: without them, once more. */
static enum status identities_without_known(struct recording *recording, struct error *error)
{
    if (!recording->known_rows.count)
        return OK;
    recording->identity_count = 0;
    recording->contact_rows = (struct rows){ 0 };
    arrivals_ask_contacts(recording);
    return db_flush(recording->batch->db, error);
}

/* Keys that nobody has are locked by name and looked for once more: another writer may have made them meanwhile. */
static enum status identities_claim(struct recording *recording, struct error *error)
{
    struct identity **unknown = ARENA_ARRAY(recording->batch->arena, struct identity *, recording->identity_count);
    struct rows found;
    size_t count = 0;
    for (size_t i = 0; i < recording->identity_count; i++)
        if (!recording->identities[i].contact_id)
            unknown[count++] = &recording->identities[i];
    if (!count)
        return OK;
    identities_lock(recording, unknown, count);
    identities_ask(recording, unknown, count, &found);
    TRY(db_flush(recording->batch->db, error));
    identities_take(unknown, &found);
    return OK;
}

/* All people at once, in one order, or two writers wait for each other; their conversations behind them. */
static enum status people_hold(struct recording *recording, struct error *error)
{
    struct rows people;
    for (size_t i = 0; i < recording->identity_count; i++)
        if (recording->identities[i].lead_id)
            person_add(recording, recording->identities[i].lead_id);
    people_ask(recording, &people);
    arrivals_ask_talks(recording);
    TRY(db_flush(recording->batch->db, error));
    return people_take(recording, &people, error);
}

enum status arrivals_identify(struct recording *recording, struct error *error)
{
    struct arena *arena = recording->batch->arena;
    TRY(identities_without_known(recording, error));
    if (!recording->identity_count)
        return OK;
    identities_take(identities_all(recording), &recording->contact_rows);
    recording->people = map_new(arena, 2 * recording->identity_count);
    recording->person_list = ARENA_ARRAY(arena, struct person *, 2 * recording->identity_count);
    TRY(identities_claim(recording, error));
    TRY(people_hold(recording, error));
    TRY(senders_meet(recording, error));
    identities_complete(recording);
    for (size_t i = 0; i < recording->count; i++)
        if (arrival_new(&recording->arrivals[i])) {
            struct arrival *arrival = &recording->arrivals[i];
            arrival->sender = sender_root(arrival->sender);
            person_describe(arrival->sender->person, arrival);
        }
    people_write(recording);
    return OK;
}
