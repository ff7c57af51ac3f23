#include "envelope.h"

void envelope_open(struct buffer *body)
{
    buffer_add_text(body,
                    "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"880011223344550\",\"changes\":[");
}

void envelope_open_change(struct buffer *body, const char *field, const char *phone_id, bool further)
{
    buffer_add_text(body, further ? "," : "");
    buffer_format(body, "{\"field\":\"%s\",", field);
    buffer_add_text(body, "\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{"
                          "\"display_phone_number\":\"" ENVELOPE_DISPLAY_PHONE "\",\"phone_number_id\":");
    buffer_add_json(body, phone_id);
    buffer_add_text(body, "}");
}

void envelope_close_change(struct buffer *body)
{
    buffer_add_text(body, "}}");
}

void envelope_close(struct buffer *body)
{
    buffer_add_text(body, "]}]}");
    buffer_escape_non_ascii(body);
}
