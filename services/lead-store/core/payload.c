#include "payload.h"

#include "base/json.h"

struct payload payload_start(struct arena *arena)
{
    struct payload payload = { .json = { .arena = arena } };
    buffer_add_char(&payload.json, '{');
    return payload;
}

static void member_start(struct payload *payload, const char *name)
{
    if (payload->any)
        buffer_add_char(&payload->json, ',');
    payload->any = true;
    json_add_string(&payload->json, name);
    buffer_add_char(&payload->json, ':');
}

void payload_text(struct payload *payload, const char *name, const char *text)
{
    if (text_empty(text))
        return;
    member_start(payload, name);
    json_add_string(&payload->json, text);
}

void payload_int(struct payload *payload, const char *name, int64_t number)
{
    member_start(payload, name);
    buffer_format(&payload->json, "%lld", (long long)number);
}

void payload_bool(struct payload *payload, const char *name, bool flag)
{
    member_start(payload, name);
    buffer_add(&payload->json, flag ? "true" : "false");
}

void payload_moment(struct payload *payload, const char *name, moment at)
{
    char text[MOMENT_BYTES];
    if (at)
        payload_text(payload, name, moment_text(at, text));
}

void payload_json(struct payload *payload, const char *name, const char *json)
{
    if (text_empty(json))
        return;
    member_start(payload, name);
    buffer_add(&payload->json, json);
}

void payload_texts(struct payload *payload, const char *name, const char *const *texts, size_t count)
{
    member_start(payload, name);
    buffer_add_char(&payload->json, '[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            buffer_add_char(&payload->json, ',');
        json_add_string(&payload->json, texts[i]);
    }
    buffer_add_char(&payload->json, ']');
}

const char *payload_end(struct payload *payload)
{
    buffer_add_char(&payload->json, '}');
    return buffer_text(&payload->json);
}
