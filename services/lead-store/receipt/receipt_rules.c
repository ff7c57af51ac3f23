#include "receipt_rules.h"

#include <string.h>

#include "base/limits.h"
#include "base/moment.h"
#include "base/text.h"
#include "wire/pbjson.h"

static const char *const order[] = { "queued", "sending", "unknown", "sent", "failed", "delivered", "read" };

static size_t rank(const char *status)
{
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (text_same(order[i], status))
            return i;
    return 0;
}

bool receipt_raises(const char *status, const char *receipt)
{
    return rank(receipt) > rank(status);
}

const char *receipt_status_word(Pb__ReceiptStatus status)
{
    return status == PB__RECEIPT_STATUS__RECEIPT_STATUS_UNSPECIFIED
               ? NULL
               : pbjson_enum_word(&pb__receipt_status__descriptor, (int)status);
}

const char *receipt_wrong(const Pb__Receipt *receipt)
{
    if (!receipt_status_word(receipt->status))
        return "the receipt's status is unknown";
    if (receipt->channel == PB__CHANNEL__CHANNEL_UNSPECIFIED ||
        !pbjson_enum_word(&pb__channel__descriptor, (int)receipt->channel))
        return "the channel is unknown";
    if (text_empty(receipt->account) || strlen(receipt->account) > NAME_BYTES_MAX)
        return "the receipt names no account";
    if (text_empty(receipt->external_id) && text_empty(receipt->message_id))
        return "the receipt names no message";
    if (receipt->external_id && strlen(receipt->external_id) > KEY_BYTES_MAX)
        return "the provider's message id is too long";
    return receipt->provider_at < 0 || receipt->provider_at > MOMENT_MAX ? "the time is out of range" : NULL;
}
