/*
 * fuzz text - the small parsers of what stands in headers, queries, ids and cursors. The first byte picks one.
 *
 * links services/ingest/opt.c
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../services/ingest/opt.h"
#include "base/cursor.h"
#include "base/ident.h"
#include "base/json_scan.h"
#include "base/moment.h"
#include "base/text.h"
#include "net/bus_private.h"
#include "net/web.h"
#include "wire/base64.h"
#include "wire/pb.h"
#include "wire/pbjson.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return nats_Open(-1) == NATS_OK ? 0 : -1; /* messages of the library's need it */
}

static void demand(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static bool whole(const char *text)
{
    return text_check(text, strlen(text), SIZE_MAX, "text", NULL) == OK;
}

static void try_base64(struct arena *arena, const char *text)
{
    void *bytes = NULL;
    size_t count = 0;
    struct buffer again = { .arena = arena };
    if (!base64_read(arena, text, &bytes, &count))
        return;
    base64_add(&again, bytes, count);
    demand(strcmp(buffer_text(&again), text) == 0);
}

static void try_moment(struct arena *arena, const char *text)
{
    moment at = 0, again = 0;
    char written[MOMENT_BYTES];
    (void)arena;
    if (moment_from_text(text, &at, NULL) != OK)
        return;
    moment_text(at, written);
    demand(moment_from_text(written, &again, NULL) == OK && again == at);
}

static void try_phone(struct arena *arena, const char *text)
{
    char *phone = NULL, *again = NULL;
    if (text_phone(arena, text, &phone, NULL) != OK)
        return;
    demand(text_phone(arena, phone, &again, NULL) == OK && strcmp(phone, again) == 0);
    demand(phone[0] == '+' && strlen(phone) >= 8 && strlen(phone) <= 16);
}

static void try_shapes(struct arena *arena, const char *text)
{
    bool valid = whole(text);
    const char *trimmed = text_trim(arena, text), *cut = text_cut(arena, text, strlen(text) / 2);
    demand(!valid || (whole(trimmed) && whole(cut)));
    demand(strcmp(text_trim(arena, trimmed), trimmed) == 0);
    char **parts = NULL;
    demand(text_split(arena, text, ',', &parts) >= 1);
    long long number = 0;
    if (text_int64(text, -100, 100, "number", &number, NULL) == OK)
        demand(number >= -100 && number <= 100);
}

static void try_ident(struct arena *arena, const char *text)
{
    if (ident_valid(text))
        demand(ident_valid(text_lower(arena, text)) && strlen(text) == IDENT_BYTES - 1);
}

/* What one looking-up finds, going through all of them finds too. */
static void try_query(struct arena *arena, const char *text)
{
    struct web_request request = { .arena = arena, .query = text };
    const char *at = NULL, *name = NULL, *value = NULL, *found = NULL;
    while (web_query_next(&request, &at, &name, &value)) {
        demand((!name || whole(name)) && (!value || whole(value)));
        if (name && value && web_query(&request, name, &found, NULL) == OK)
            demand(strcmp(found, value) == 0);
    }
}

static void try_cursor(struct arena *arena, const char *text)
{
    struct cursor cursor, again;
    if (cursor_read(arena, text, &cursor, NULL) != OK)
        return;
    demand(cursor_read(arena, cursor_text(arena, &cursor), &again, NULL) == OK);
    demand(again.at == cursor.at && again.position == cursor.position && text_same(again.id, cursor.id));
}

/* The first character picks the field, as a parameter of path or query does by its name. */
static void try_parameter(struct arena *arena, const char *text)
{
    static const ProtobufCMessageDescriptor *const TYPES[] = { &pb__lead__descriptor, &pb__job__descriptor,
                                                               &pb__lead_list_request__descriptor,
                                                               &pb__job_list_request__descriptor };
    size_t pick = (unsigned char)text[0];
    if (pick == 0)
        return;
    const ProtobufCMessageDescriptor *type = TYPES[pick % 4];
    ProtobufCMessage *message = pb_new(arena, type), *again = NULL;
    const char *field = type->fields[pick / 4 % type->n_fields].name;
    struct error error = { 0 };
    struct buffer out = { .arena = arena };
    if (pbjson_set(arena, message, field, text + 1, &error) != OK)
        return;
    pbjson_set(arena, message, field, text + 1, &error); /* once more: of a repeated field */
    pbjson_write(&out, message);
    demand(pbjson_read(arena, type, buffer_text(&out), out.bytes, &again, &error) == OK);
}

static void try_bus(struct arena *arena, const char *text)
{
    struct bus_message message = { 0 };
    (void)arena;
    bus_metadata_from(text, &message);
    const struct bus_header headers[] = { { "Parley-Correlation", text } };
    natsMsg *made = bus_message_to(text, NULL, text, strlen(text), text, headers, 1);
    demand(!made || !strpbrk(text, " \r\n"));
    if (made)
        bus_message_from(arena, made, &message);
    natsMsg_Destroy(made);
}

static void try_opt(struct arena *arena, const char *text)
{
    if (whole(text))
        opt_read(arena, text);
}

/* Exactly these bytes, no NUL behind them. */
static void try_scan(struct arena *arena, const char *text)
{
    size_t bytes = strlen(text), number = 0;
    char *exact = malloc(bytes ? bytes : 1);
    (void)arena;
    (void)mempcpy(exact, text, bytes);
    struct json_numbers numbers = { .at = exact, .end = exact + bytes };
    if (json_scan(exact, bytes, NULL) == OK)
        while (json_numbers_next(&numbers, &number))
            demand(number > 0);
    free(exact);
}

static void (*const TRIES[])(struct arena *arena, const char *text) = {
    try_base64, try_moment, try_phone,     try_shapes, try_ident, try_query,
    try_cursor, try_bus,    try_parameter, try_opt,    try_scan,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    struct arena *arena = arena_new(0);
    TRIES[data[0] % (sizeof TRIES / sizeof *TRIES)](arena, arena_text_n(arena, (const char *)data + 1, bytes - 1));
    arena_free(arena);
    return 0;
}
