#include "media.h"

#include <string.h>
#include <unistd.h>

#include "base/ident.h"
#include "base/text.h"
#include "media/media_kind.h"
#include "media/media_link.h"
#include "service/topology.h"
#include "settings.h"
#include "transcode.h"
#include "wire/pb.h"

enum {
    LINK_S_MIN = 60,
    LINK_S = 3600,
    LINK_S_MAX = 7 * 24 * 3600,
    BUCKET_VISIT_S = 300,
};

/* -- signed links */

bool media_link_given(const struct exchange *exchange)
{
    const char *signature = NULL;
    return web_query(exchange->request, "signature", &signature, NULL) == OK && signature != NULL;
}

static const char *parameter(const struct exchange *exchange, const char *name)
{
    const char *value = NULL;
    return web_query(exchange->request, name, &value, NULL) == OK ? text_or(value, "") : "";
}

enum status media_link_check(struct exchange *exchange, struct error *error)
{
    const char *company = parameter(exchange, "company");
    if (!ident_valid(company) ||
        !media_link_opens(exchange->arena, settings.media_link_key, company, exchange->id,
                          parameter(exchange, "expires"), parameter(exchange, "signature"), moment_now()))
        return error_code(error, REJECT, "forbidden", "The link is not valid, or no longer.");
    exchange->key = (struct key){ .id = "", .company_id = arena_text(exchange->arena, company) };
    return OK;
}

void media_link_make(struct exchange *exchange)
{
    struct error error = { 0 };
    ProtobufCMessage *message = NULL;
    void *reply = NULL;
    EXCHANGE_TRY(exchange, transcode_request(exchange, &pb__media_link_request__descriptor, &message, &error));
    const Pb__MediaLinkRequest *request = (const Pb__MediaLinkRequest *)message;
    int32_t valid_s = request->has_valid_s ? request->valid_s : LINK_S;
    if (valid_s < LINK_S_MIN || valid_s > LINK_S_MAX)
        error_code(&error, REJECT, "bad_value", "'valid_s' must be %d to %d.", LINK_S_MIN, LINK_S_MAX);
    else if (text_empty(settings.media_link_key))
        error_code(&error, REJECT, "conflict", "Links are off: MEDIA_LINK_KEY is not set.");
    if (*error.code) {
        exchange_problem(exchange, REJECT, &error);
        return;
    }
    Pb__MediaGetRequest *get = PB_NEW(exchange->arena, media_get_request);
    get->id = request->id;
    EXCHANGE_TRY(exchange, ask_one(exchange->arena, &STORE_MEDIA_GET, &exchange->caller, get, &reply, &error));
    Pb__MediaLink *link = PB_NEW(exchange->arena, media_link);
    PB_SET(link, expires_at, (moment_now() / SECOND_MS + valid_s) * SECOND_MS);
    link->link = media_link(exchange->arena, settings.media_link_key, exchange->caller.company_id, request->id,
                            link->expires_at);
    exchange_json(exchange, 200, &link->base);
}

/* -- one file */

static enum status file_find(struct exchange *exchange, const Pb__MediaFile **out, struct error *error)
{
    Pb__MediaGetRequest *request = PB_NEW(exchange->arena, media_get_request);
    const char *named = NULL;
    void *reply = NULL;
    if (!ident_valid(exchange->id))
        return error_code(error, REJECT, "unknown_media", "There is no such file.");
    if (!media_link_given(exchange))
        TRY(web_query(exchange->request, "company_id", &named, error));
    TRY(transcode_company(exchange, named, error));
    request->id = text_lower(exchange->arena, exchange->id);
    TRY(ask_one(exchange->arena, &STORE_MEDIA_GET, &exchange->caller, request, &reply, error));
    *out = reply;
    return OK;
}

static bool plain(char c)
{
    return c > ' ' && c < 127 && !strchr("\"\\%;", c);
}

/* A name may be in any script (RFC 6266); a browser shows pictures, sound and film, and saves all else. */
static const char *disposition(struct arena *arena, const Pb__MediaFile *file)
{
    struct buffer line = { .arena = arena };
    buffer_add(&line, media_shown_inline(file->mime_type) ? "inline" : "attachment");
    if (text_empty(file->filename))
        return buffer_text(&line);
    buffer_add(&line, "; filename*=UTF-8''");
    for (const char *c = file->filename; *c; c++)
        if (plain(*c) && !strchr("'()<>@,:/[]?={}*", *c))
            buffer_add_char(&line, *c);
        else
            buffer_format(&line, "%%%02X", (unsigned)(unsigned char)*c);
    return buffer_text(&line);
}

static void redirect(struct exchange *exchange, const Pb__MediaFile *file)
{
    const struct media_place_visit visit = { .method = "GET",
                                             .company_id = file->company_id,
                                             .sha256 = file->sha256,
                                             .valid_s = BUCKET_VISIT_S,
                                             .answer_type = file->mime_type,
                                             .answer_disposition = disposition(exchange->arena, file) };
    exchange_header(exchange, "Location: %s", media_place_url(exchange->arena, &settings.media, &visit, moment_now()));
    exchange_answer(exchange, 302, "text/plain", "", 0);
}

struct part {
    int64_t from, bytes;
    bool ranged, unfit;
};

/* One range, as players ask for it; several at once, or what is no range, get the whole. */
static struct part part_of(const struct web_request *request, int64_t bytes)
{
    struct part part = { .bytes = bytes };
    long long from = 0, to = bytes - 1;
    const char *asked = web_header(request, "Range");
    if (asked == NULL || !text_starts(asked, "bytes=") || strchr(asked, ','))
        return part;
    const char *dash = strchr(asked, '-');
    char *first = arena_text_n(request->arena, asked + 6, dash ? (size_t)(dash - asked - 6) : 0);
    bool tail = dash && dash == asked + 6;
    if (!dash || (!tail && text_int64(first, 0, INT64_MAX, "Range", &from, NULL) != OK) ||
        ((tail || dash[1]) && text_int64(dash + 1, 0, INT64_MAX, "Range", &to, NULL) != OK))
        return part;
    if (tail) {
        from = to < bytes ? bytes - to : 0;
        part.unfit = to == 0;
        to = bytes - 1;
    }
    if (to > bytes - 1)
        to = bytes - 1;
    part.ranged = true;
    part.unfit = part.unfit || from > to;
    part.from = from;
    part.bytes = to - from + 1;
    return part;
}

static void answer_file(struct exchange *exchange, const Pb__MediaFile *file, const struct part *part)
{
    struct web_response *response = exchange->response;
    exchange_header(exchange, "Content-Disposition: %s", disposition(exchange->arena, file));
    exchange_header(exchange, "Content-Security-Policy: default-src 'none'; sandbox");
    exchange_header(exchange, "Accept-Ranges: bytes");
    if (part->ranged)
        exchange_header(exchange, "Content-Range: bytes %lld-%lld/%lld", (long long)part->from,
                        (long long)(part->from + part->bytes - 1), (long long)file->bytes);
    exchange_answer(exchange, part->ranged ? 206 : 200, file->mime_type, "", 0);
    response->file = media_place_file(exchange->arena, &settings.media, file->company_id, file->sha256);
    response->file_from = part->from;
    response->file_bytes = part->bytes;
}

/* What was uploaded stays there, beside a bucket too. */
static bool in_folder(struct arena *arena, const Pb__MediaFile *file)
{
    return access(media_place_file(arena, &settings.media, file->company_id, file->sha256), R_OK) == 0;
}

void media_get(struct exchange *exchange)
{
    struct error error = { 0 };
    const Pb__MediaFile *file = NULL;
    enum status status = file_find(exchange, &file, &error);
    if (status != OK || file == NULL) {
        exchange_problem(exchange, status, &error);
        return;
    }
    if (media_place_remote(&settings.media) && !in_folder(exchange->arena, file)) {
        redirect(exchange, file);
        return;
    }
    struct part part = part_of(exchange->request, file->bytes);
    if (!part.unfit) {
        answer_file(exchange, file, &part);
        return;
    }
    exchange_header(exchange, "Content-Range: bytes */%lld", (long long)file->bytes);
    error_code(&error, REJECT, "range_not_satisfiable", "The file has %lld bytes.", (long long)file->bytes);
    exchange_problem(exchange, REJECT, &error);
}
