/*
 * message_view - a message as REST shows it: the columns of every statement that answers with one.
 */
#pragma once

/* Of crm.messages m. */
#define MESSAGE_VIEW                                                                                                                                                   \
    "select m.id, m.conversation_id, m.lead_id, m.direction, m.sender_type, m.sender_id, m.channel, m.external_id, "                                                   \
    "       coalesce(m.message_text, '') <> '' as has_text, m.message_text, m.media_info, m.template_id, m.extra_metadata, m.status, m.position, m.kind, m.reply_to, " \
    "       m.correlation_id, m.turn_id, m.error_class, m.error, m.provider_ts, m.created_at, m.updated_at "
