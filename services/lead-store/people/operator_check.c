/* What a person may not send, and why. */
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/text.h"
#include "channels/whatsapp_cloud.h"
#include "conversation/reply_route.h"
#include "operator_post.h"

enum { MEDIA_LINK_BYTES_MAX = 2048, CAPTION_BYTES_MAX = 4096, FILENAME_BYTES_MAX = 255 };

struct target post_target(struct item *item)
{
    const Pb__OperatorMessageRequest *request = item->message;
    return (struct target){
        .item = item, .phone = request->phone, .lead_id = request->lead_id, .conversation_id = request->conversation_id
    };
}

static bool longer(const char *text, size_t bytes_max)
{
    return text && strlen(text) > bytes_max;
}

static enum status media_check(const Pb__Media *media, struct error *error)
{
    static const char *const types[] = { "image", "audio", "video", "document", "sticker" };
    bool known = false;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        known |= text_same(media->type, types[i]);
    if (!known)
        return error_code(error, REJECT, "bad_value", "media.type must be image, audio, video, document or sticker");
    if (text_empty(media->link) == text_empty(media->id))
        return error_code(error, REJECT, "bad_value", "media needs link or id, not both");
    if (!text_empty(media->link) && !text_starts(media->link, "https://") && !text_starts(media->link, "http://"))
        return error_code(error, REJECT, "bad_value", "media.link must be a URL");
    if (longer(media->link, MEDIA_LINK_BYTES_MAX) || longer(media->caption, CAPTION_BYTES_MAX) ||
        longer(media->filename, FILENAME_BYTES_MAX) || longer(media->id, KEY_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "a member of media is too long");
    return OK;
}

enum status post_check(struct arena *arena, struct item *item, struct error *error)
{
    const Pb__OperatorMessageRequest *request = item->message;
    struct target target = post_target(item);
    TRY(target_check(arena, &target, error));
    if (request->canned_reply_id && (!text_empty(request->message) || !ident_valid(request->canned_reply_id)))
        return error_code(error, REJECT, "bad_value", "'canned_reply_id' is an id, and stands for the message");
    if (request->after_message_id && !ident_valid(request->after_message_id))
        return error_code(error, REJECT, "unknown_message", "the message that was seen is none of ours");
    if (text_empty(request->message) && !request->media && !request->canned_reply_id && !request->template_)
        return error_code(error, REJECT, "bad_value", "message must not be empty");
    if (request->template_ && (!text_empty(request->message) || request->media))
        return error_code(error, REJECT, "bad_value", "a template's message has neither text nor media of its own");
    if (request->template_)
        TRY(template_use_check(request->template_, error));
    if (longer(request->message, MESSAGE_TEXT_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "message has more than %d bytes", MESSAGE_TEXT_BYTES_MAX);
    if (longer(request->operator_, NAME_BYTES_MAX) || longer(request->messageid, KEY_BYTES_MAX) ||
        longer(request->idempotency_key, KEY_BYTES_MAX))
        return error_code(error, REJECT, "too_long", "operator, messageId or the key is too long");
    return request->media ? media_check(request->media, error) : OK;
}

/* -- once it is known */

static enum status post_quote_check(const struct post *post, struct error *error)
{
    if (text_empty(post->request->messageid))
        return OK;
    if (!post->quoted)
        return error_code(error, REJECT, "unknown_message", "the message to quote is not one of this person's");
    if (!*post->quoted)
        return error_code(error, REJECT, "bad_value", "the message to quote has no id of the provider's");
    return OK;
}

/* What the vendor would refuse is refused here, while somebody is there to shorten it. */
static enum status post_length_check(const struct post *post, struct error *error)
{
    if (!text_same(post->conversation->channel, "whatsapp_cloud") || !post->text)
        return OK;
    size_t max = post->request->media ? WHATSAPP_CLOUD_CAPTION_CHARACTERS_MAX : WHATSAPP_CLOUD_TEXT_CHARACTERS_MAX;
    if (text_characters(post->text) > max)
        return error_code(error, REJECT, "too_long", "message has more than the %zu characters that WhatsApp takes",
                          max);
    return OK;
}

/* Held by the gate it would wait for nobody: whoever writes is told at once what does get through. */
static enum status post_window_check(const struct posting *posting, const struct post *post, struct error *error)
{
    const struct held_conversation *conversation = post->conversation;
    if (post->template->asked || !text_same(conversation->channel, "whatsapp_cloud") ||
        posting->batch->now < conversation->window_ends_at - SERVICE_WINDOW_MARGIN_MS)
        return OK;
    return error_code(
        error, REJECT, "window_closed",
        "the customer's 24 hours are over: only an approved template can be sent (template: {name, language, parameters})");
}

void post_judge(const struct posting *posting, const struct post *post, struct error *refused)
{
    const struct target *target = &posting->handover.targets[post - posting->list];
    if (!target->leads.count)
        target_unknown(target, refused);
    else if (!post->conversation)
        error_code(refused, REJECT, "unknown_conversation", "this person has no open conversation");
    else if (post->unknown_file)
        error_code(refused, REJECT, "unknown_file", "there is no such file");
    else if (*post->template->refused.code)
        *refused = post->template->refused;
    else if (!post->text && !post->media)
        error_code(refused, REJECT, "unknown_canned_reply", "there is no such canned reply");
    else if (post_quote_check(post, refused) == OK && post_length_check(post, refused) == OK)
        post_window_check(posting, post, refused);
}
