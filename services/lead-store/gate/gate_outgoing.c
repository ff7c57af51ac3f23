/* What a `go` carries: all that the channel needs for its call, and nothing else. */
#include "base/json.h"
#include "base/text.h"
#include "gate_ask.h"
#include "wire/pbjson.h"

#include <string.h>

static Pb__Channel channel_of(const char *word)
{
    int value;
    return pbjson_enum_value(&pb__channel__descriptor, word, &value) ? (Pb__Channel)value
                                                                     : PB__CHANNEL__CHANNEL_UNSPECIFIED;
}

/* Of a message made from a template: what it was filled with. */
static Pb__Json *template_params(struct arena *arena, const char *metadata)
{
    struct error error;
    cJSON *tree;
    const cJSON *params;
    if (!metadata || json_parse(arena, metadata, strlen(metadata), &tree, &error) != OK ||
        !(params = cJSON_GetObjectItemCaseSensitive(tree, "template_params")))
        return NULL;
    return pb_json(arena, json_text(arena, params));
}

static void fill_template(struct arena *arena, const struct gate_ask *ask, Pb__Outgoing *outgoing)
{
    if (!ask->template)
        return;
    outgoing->template_name = (char *)ask->template->name;
    outgoing->template_language = (char *)ask->template->language;
    outgoing->template_params = template_params(arena, ask->message->extra_metadata);
}

Pb__Outgoing *gate_outgoing(struct arena *arena, const struct gate_ask *ask)
{
    const struct held_message *message = ask->message;
    const struct reach *reach = ask->conversation->reach;
    Pb__Outgoing *outgoing = PB_NEW(arena, outgoing);
    outgoing->message_id = (char *)message->id;
    outgoing->conversation_id = (char *)message->conversation_id;
    outgoing->lead_id = (char *)message->lead_id;
    PB_SET(outgoing, channel, channel_of(message->channel));
    outgoing->account = (char *)reach->sender->account;
    outgoing->credentials = pb_json(arena, reach->sender->credentials);
    outgoing->recipient = (char *)reach->address;
    outgoing->recipient_kind = (char *)reach->kind;
    outgoing->text = (char *)message->message_text;
    outgoing->media = pb_json(arena, message->media_info);
    outgoing->quoted_external_id = (char *)message->reply_to;
    fill_template(arena, ask, outgoing);
    return outgoing;
}
