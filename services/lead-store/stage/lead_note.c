#include "lead_note.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"

enum { VALUE_BYTES_MAX = 2000, BANT_POINTS = 25 };

static const char *const BANT[] = { "budget", "authority", "need", "timing", NULL };

/* -- reading */

static const cJSON *object_of(struct arena *arena, const char *json)
{
    cJSON *root = NULL;
    if (text_empty(json) || json_parse(arena, json, strlen(json), &root, NULL) != OK || !cJSON_IsObject(root))
        return NULL;
    return root;
}

static void notes_of(const cJSON *object, bool bant, struct lead_notes *out)
{
    const cJSON *member;
    cJSON_ArrayForEach (member, object) {
        const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(member, "value"));
        const char *message_id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(member, "message_id"));
        if (value && message_id && out->count < LEAD_NOTES_MAX)
            out->list[out->count++] = (struct lead_note){ member->string, value, message_id, bant };
    }
}

void lead_notes_read(struct arena *arena, const char *policy, const char *bant, const char *collected,
                     struct lead_notes *out)
{
    *out = (struct lead_notes){ .policy = object_of(arena, policy) };
    notes_of(object_of(arena, bant), true, out);
    notes_of(object_of(arena, collected), false, out);
}

/* -- taking */

static const char *bant_named(const char *name)
{
    for (const char *const *known = BANT; *known; known++)
        if (strcasecmp(*known, name) == 0)
            return *known;
    return NULL;
}

static const char *collect_named(const struct lead_notes *notes, const char *name)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(notes->policy, "collect"), *wanted;
    if (!cJSON_IsArray(list))
        return NULL;
    cJSON_ArrayForEach (wanted, list)
        if (cJSON_IsString(wanted) && strcasecmp(wanted->valuestring, name) == 0)
            return wanted->valuestring;
    return NULL;
}

bool lead_note_take(struct lead_notes *notes, const char *name, const char *value, const char *message_id)
{
    if (text_empty(name) || text_empty(value) || strlen(value) > VALUE_BYTES_MAX)
        return false;
    const char *bant = bant_named(name), *known = bant ? bant : collect_named(notes, name);
    size_t place = 0;
    if (!known)
        return false;
    while (place < notes->count &&
           !(notes->list[place].bant == (bant != NULL) && text_same(notes->list[place].name, known)))
        place++;
    if (place == LEAD_NOTES_MAX)
        return false;
    if (place == notes->count)
        notes->count++;
    notes->list[place] = (struct lead_note){ known, value, message_id, bant != NULL };
    notes->changed = true;
    return true;
}

/* -- what follows */

int lead_notes_score(const struct lead_notes *notes)
{
    int score = 0;
    for (size_t i = 0; i < notes->count; i++)
        if (notes->list[i].bant && bant_named(notes->list[i].name))
            score += BANT_POINTS;
    return score;
}

const char *lead_notes_move(const struct lead_notes *notes)
{
    const cJSON *moves = cJSON_GetObjectItemCaseSensitive(notes->policy, "moves"), *move;
    const char *wanted = NULL;
    if (!cJSON_IsArray(moves))
        return NULL;
    cJSON_ArrayForEach (move, moves) {
        const char *to = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(move, "to"));
        const cJSON *score_min = cJSON_GetObjectItemCaseSensitive(move, "score_min");
        if (to && cJSON_IsNumber(score_min) && lead_notes_score(notes) >= score_min->valuedouble)
            wanted = to;
    }
    return wanted;
}

static void add_notes(struct buffer *json, const struct lead_notes *notes, bool bant)
{
    size_t told = 0;
    for (size_t i = 0; i < notes->count; i++) {
        const struct lead_note *note = &notes->list[i];
        if (note->bant != bant)
            continue;
        buffer_add(json, told++ ? "," : "");
        json_add_string(json, note->name);
        buffer_add(json, ":{\"value\":");
        json_add_string(json, note->value);
        buffer_add(json, ",\"message_id\":");
        json_add_string(json, note->message_id);
        buffer_add_char(json, '}');
    }
    if (bant)
        buffer_format(json, "%s\"score\":%d", told ? "," : "", lead_notes_score(notes));
}

const char *lead_notes_json(struct arena *arena, const struct lead_notes *notes)
{
    struct buffer json = { .arena = arena };
    buffer_add(&json, "{\"bant\":{");
    add_notes(&json, notes, true);
    buffer_add(&json, "},\"collected\":{");
    add_notes(&json, notes, false);
    buffer_add(&json, "}}");
    return buffer_text(&json);
}
