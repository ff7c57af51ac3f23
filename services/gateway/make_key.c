#include "make_key.h"

#include <stdio.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "keys.h"
#include "service/service.h"
#include "service/topology.h"

static const char usage[] = "usage: gateway --make-key COMPANY_ID|default [--scopes inbound,read,...] [--name NAME]\n";

struct wish {
    const char *company, *scopes, *name;
};

static bool read_arguments(int argc, char **argv, struct wish *wish)
{
    *wish = (struct wish){ .scopes = "inbound,read,write,operator,admin", .name = "made by command" };
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--make-key") == 0 && more)
            wish->company = argv[++i];
        else if (strcmp(argv[i], "--scopes") == 0 && more)
            wish->scopes = argv[++i];
        else if (strcmp(argv[i], "--name") == 0 && more)
            wish->name = argv[++i];
        else
            return false;
    }
    return wish->company != NULL;
}

static enum status read_wish(struct arena *arena, const struct wish *wish, Pb__ApiKeyCreateRequest *out,
                             struct error *error)
{
    unsigned scopes = 0;
    bool whole = strcmp(wish->company, "default") == 0;
    out->company_id = whole ? ident_default_company(arena) : text_lower(arena, wish->company);
    if (!ident_valid(out->company_id))
        return error_set(error, REJECT, "%s is no company's id; `default` makes a key of the whole installation.",
                         wish->company);
    out->n_scopes = text_split(arena, wish->scopes, ',', &out->scopes);
    TRY(scopes_read(out->scopes, out->n_scopes, &scopes, error));
    out->name = arena_text(arena, wish->name);
    PB_SET(out, every_company, whole);
    return OK;
}

static enum status make(struct arena *arena, const struct wish *wish, char text[KEY_TEXT_BYTES], struct error *error)
{
    char id[KEY_ID_BYTES + 1];
    void *reply = NULL;
    Pb__ApiKeyCreateRequest *request = PB_NEW(arena, api_key_create_request);
    TRY(read_wish(arena, wish, request, error));
    key_make(id, text);
    request->id = arena_text(arena, id);
    request->secret_hash = key_hash(arena, text);
    const struct caller caller = { .company_id = request->company_id,
                                   .correlation_id = ident_fresh(arena),
                                   .traceparent = "" };
    TRY(service_connect(error));
    enum status status = ask_one(arena, &STORE_API_KEY_CREATE, &caller, request, &reply, error);
    if (status == OK) {
        nudge(arena, &NUDGE_KEYS, PB_NEW(arena, empty));
        bus_flush(service_bus());
    }
    service_disconnect();
    return status;
}

int make_key_command(int argc, char **argv)
{
    struct wish wish;
    struct error error = { 0 };
    char text[KEY_TEXT_BYTES] = "";
    if (!read_arguments(argc, argv, &wish)) {
        fputs(usage, stderr);
        return 2;
    }
    struct arena *arena = arena_new(0);
    enum status status = make(arena, &wish, text, &error);
    if (status == OK)
        printf("%s\n", text);
    else
        fprintf(stderr, "gateway: %s\n", error.text);
    arena_free(arena);
    explicit_bzero(text, sizeof text);
    return status == OK ? 0 : 1;
}
