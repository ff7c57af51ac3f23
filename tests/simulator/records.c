#include "records.h"

#include "memory.h"
#include "moment.h"

#include <stdlib.h>
#include <string.h>

/* An accepted copy is kept as the JSON it will be shown as, a model call in parts, for its end is yet to come. */
struct record {
    size_t bytes;
    char *to;
    char *json;
    struct llm_record llm;
};

void records_open(struct records *records)
{
    *records = (struct records){ 0 };
    records->sent.items = memory_zeroed(RECORDS_MAX * sizeof(struct record *));
    records->llm.items = memory_zeroed(RECORDS_MAX * sizeof(struct record *));
    records->marks.items = memory_zeroed(RECORDS_MAX * sizeof(struct record *));
}

static void drop_oldest(struct record_ring *ring)
{
    struct record *record = ring->items[ring->first++ % RECORDS_MAX];
    ring->bytes -= record->bytes;
    free(record->to);
    free(record->json);
    free(record->llm.model);
    free(record->llm.system);
    free(record->llm.messages);
    free(record);
}

static uint64_t add(struct record_ring *ring, struct record *record, size_t bytes)
{
    record->bytes = bytes + sizeof *record;
    ring->bytes += record->bytes;
    while (ring->next > ring->first && (ring->next - ring->first == RECORDS_MAX || ring->bytes > RECORDS_BYTES_MAX))
        drop_oldest(ring);
    ring->items[ring->next % RECORDS_MAX] = record;
    return ring->next++;
}

static void reset(struct record_ring *ring)
{
    while (ring->first < ring->next)
        drop_oldest(ring);
    ring->base = ring->next;
}

void records_reset(struct records *records)
{
    uint64_t in_flight = records->llm_in_flight;
    reset(&records->sent);
    reset(&records->llm);
    reset(&records->marks);
    *records = (struct records){
        .sent = records->sent, .llm = records->llm, .marks = records->marks, .llm_in_flight = in_flight
    };
}

uint64_t records_sent_total(const struct records *records)
{
    return records->sent.next - records->sent.base;
}

uint64_t records_llm_total(const struct records *records)
{
    return records->llm.next - records->llm.base;
}

static void add_member(struct buffer *buffer, const char *name, const char *text)
{
    buffer_format(buffer, ",\"%s\":", name);
    buffer_add_json(buffer, text);
}

static void add_at(struct buffer *buffer, int64_t at_ms)
{
    char at[MOMENT_ROOM];
    moment_write(at_ms, at);
    buffer_format(buffer, "{\"at\":\"%s\"", at);
}

void records_add_sent(struct records *records, const struct sent_record *sent)
{
    struct buffer json = { 0 };
    add_at(&json, sent->at_ms);
    add_member(&json, "to", sent->to);
    add_member(&json, "type", sent->type);
    add_member(&json, "text", sent->text);
    add_member(&json, "id", sent->id);
    add_member(&json, "callback", sent->callback);
    add_member(&json, "phone_id", sent->phone_id);
    if (sent->quoted != NULL)
        add_member(&json, "quoted", sent->quoted);
    buffer_format(&json, ",\"template\":%s}", sent->template_json == NULL ? "null" : sent->template_json);
    struct record *record = memory_zeroed(sizeof *record);
    record->to = memory_text(sent->to);
    record->json = memory_resized(json.bytes, json.used + 1);
    add(&records->sent, record, json.used + strlen(sent->to));
}

void records_add_mark(struct records *records, const char *phone_id, const char *message_id, bool typing)
{
    struct buffer json = { 0 };
    add_at(&json, moment_wall_ms());
    add_member(&json, "phone_id", phone_id);
    add_member(&json, "message_id", message_id);
    buffer_format(&json, ",\"typing\":%s}", typing ? "true" : "false");
    struct record *record = memory_zeroed(sizeof *record);
    record->json = memory_resized(json.bytes, json.used + 1);
    add(&records->marks, record, json.used);
    records->marked_read++;
}

static size_t length(const char *text)
{
    return text == NULL ? 0 : strlen(text);
}

uint64_t records_add_llm(struct records *records, const struct llm_record *call)
{
    struct record *record = memory_zeroed(sizeof *record);
    record->llm = (struct llm_record){ .at_ms = call->at_ms,
                                       .provider = call->provider,
                                       .model = memory_text(call->model),
                                       .system = memory_text(call->system),
                                       .messages = memory_text(call->messages) };
    return add(&records->llm, record, length(call->system) + length(call->messages));
}

struct llm_record *records_find_llm(struct records *records, uint64_t number)
{
    struct record_ring *ring = &records->llm;
    return number < ring->first || number >= ring->next ? NULL : &ring->items[number % RECORDS_MAX]->llm;
}

static uint64_t start(const struct record_ring *ring, uint64_t since)
{
    uint64_t skipped = since > ring->next - ring->base ? ring->next - ring->base : since;
    uint64_t number = ring->base + skipped;
    return number < ring->first ? ring->first : number;
}

static void write_ring(struct buffer *buffer, const struct record_ring *ring, uint64_t since, const char *to)
{
    const char *comma = "";
    buffer_add_text(buffer, "[");
    for (uint64_t number = start(ring, since); number < ring->next; number++) {
        const struct record *record = ring->items[number % RECORDS_MAX];
        if (to != NULL && strcmp(record->to, to) != 0)
            continue;
        buffer_add_text(buffer, comma);
        buffer_add_text(buffer, record->json);
        comma = ",\n";
    }
    buffer_add_text(buffer, "]\n");
}

void records_write_sent(struct buffer *buffer, const struct records *records, uint64_t since, const char *to)
{
    write_ring(buffer, &records->sent, since, to);
}

void records_write_marks(struct buffer *buffer, const struct records *records, uint64_t since)
{
    write_ring(buffer, &records->marks, since, NULL);
}

static void add_json(struct buffer *buffer, const char *name, const char *json)
{
    buffer_format(buffer, ",\"%s\":%s", name, json == NULL ? "null" : json);
}

static void write_llm(struct buffer *buffer, const struct llm_record *call)
{
    add_at(buffer, call->at_ms);
    add_member(buffer, "provider", call->provider);
    add_member(buffer, "model", call->model);
    add_json(buffer, "system", call->system);
    add_json(buffer, "messages", call->messages);
    buffer_format(buffer, ",\"aborted\":%s,\"status\":", call->aborted ? "true" : "false");
    if (call->status == 0)
        buffer_add_text(buffer, "null}");
    else
        buffer_format(buffer, "%d}", (int)call->status);
}

void records_write_llm(struct buffer *buffer, const struct records *records, uint64_t since)
{
    const struct record_ring *ring = &records->llm;
    buffer_add_text(buffer, "[");
    for (uint64_t number = start(ring, since); number < ring->next; number++) {
        buffer_add_text(buffer, number == start(ring, since) ? "" : ",\n");
        write_llm(buffer, &ring->items[number % RECORDS_MAX]->llm);
    }
    buffer_add_text(buffer, "]\n");
}
