#include "example.h"

#include <stddef.h>
#include <string.h>

#define LEAD "\"0190f5fe-7c00-7a00-8000-000000000001\""

static const struct {
    const char *method, *path, *json;
} EXAMPLES[] = {
    { "POST", "/inbound-message",
      "{\"phone_number\":\"+12345678901\",\"contact_name\":\"Test User\",\"message_text\":\"Hello, what does it cost?\"}" },

    { "PATCH", "/leads/{id}",
      "{\"contact_name\":\"Ines\",\"priority\":10,\"attributes\":{\"city\":\"Porto\",\"newsletter\":null}}" },
    { "POST", "/leads/{id}/consents",
      "{\"scope\":\"marketing\",\"granted\":true,\"source\":\"sign-up form\",\"proof\":\"I want offers by WhatsApp.\"}" },
    { "POST", "/leads/{id}/summary", "{}" },
    { "POST", "/leads/{id}/bumpup", "{}" },

    { "POST", "/api/v1/takeover", "{\"phone\":\"+12345678901\",\"operator\":\"Ana\"}" },
    { "POST", "/api/v1/handback", "{\"phone\":\"+12345678901\",\"operator\":\"Ana\"}" },
    { "POST", "/api/v1/operator-message",
      "{\"phone\":\"+12345678901\",\"message\":\"I will look into it.\",\"operator\":\"Ana\"}" },
    { "PATCH", "/conversations/{id}", "{\"assignee\":\"Ana\",\"state\":\"open\"}" },
    { "POST", "/conversations/{id}/read", "{\"position\":7}" },
    { "POST", "/conversations/{id}/typing", "{\"operator\":\"Ana\"}" },
    { "POST", "/conversations/{id}/notes", "{\"text\":\"Prefers to be called after six.\",\"for_ai\":true}" },
    { "POST", "/canned-replies",
      "{\"shortcut\":\"hours\",\"title\":\"Opening hours\",\"text\":\"Hi {name}, we are open from nine to six.\"}" },
    { "PATCH", "/canned-replies/{id}", "{\"title\":\"Opening hours\"}" },

    { "POST", "/media/{id}/link", "{\"valid_s\":3600}" },
    { "POST", "/kb/documents",
      "{\"title\":\"Delivery\",\"text\":\"# Delivery\\nWithin three days, free from 40 EUR.\",\"format\":\"markdown\"}" },
    { "PUT", "/kb/documents/{id}",
      "{\"title\":\"Delivery\",\"text\":\"# Delivery\\nWithin two days, free from 40 EUR.\",\"format\":\"markdown\"}" },
    { "POST", "/kb/search", "{\"query\":\"How long does delivery take?\",\"limit\":5}" },
    { "PATCH", "/kb/settings", "{\"embedding\":\"local\",\"when_missing\":\"hand_over\"}" },
    { "POST", "/templates/sync", "{}" },

    { "POST", "/jobs",
      "{\"task\":\"ai.summary\",\"params\":{\"lead_id\":" LEAD "},\"idempotency_key\":\"summary-2026-11-20\"}" },
    { "POST", "/admin/dlq/replay", "{\"max_jobs\":10}" },
    { "POST", "/admin/quarantine/replay", "{\"max_items\":10}" },

    { "POST", "/companies", "{\"name\":\"Lumen Desk\",\"timezone\":\"Europe/Lisbon\",\"locale\":\"pt-PT\"}" },
    { "PATCH", "/company",
      "{\"buffer_ms\":2000,\"quiet_from\":\"08:00\",\"quiet_to\":\"22:00\",\"hand_over\":{\"deadline_ms\":120000}}" },
    { "PATCH", "/companies/{id}", "{\"timezone\":\"Europe/Lisbon\",\"bumpup_after_days\":3}" },
    { "POST", "/api-keys", "{\"name\":\"console\",\"scopes\":[\"read\",\"operator\"],\"requests_per_minute\":600}" },
    { "POST", "/channel-accounts",
      "{\"channel\":\"whatsapp_cloud\",\"account\":\"770011223344551\",\"address\":\"+12345678900\",\"credentials\":{\"token\":\"...\"}}" },

    { "POST", "/pipelines", "{\"name\":\"Renewals\",\"stages\":[\"Due\",\"Offered\",\"Renewed\"]}" },
    { "PATCH", "/pipelines/{id}", "{\"name\":\"Renewals\",\"is_default\":true}" },
    { "POST", "/stages", "{\"name\":\"Negotiation\",\"ai_config\":{\"goal\":\"agree on a price\",\"tone\":\"calm\"}}" },
    { "PATCH", "/stages/{id}", "{\"position\":3,\"allowed_transitions\":\"all\"}" },

    { "POST", "/ai-models",
      "{\"provider\":\"openai\",\"model\":\"gpt-4o-mini\",\"temperature\":0.7,\"max_tokens\":500,\"system_prompt\":\"You help customers of Lumen Desk.\"}" },
    { "PATCH", "/ai-models/{id}", "{\"temperature\":0.2}" },
};

const char *example_find(const char *method, const char *path)
{
    for (size_t i = 0; i < sizeof EXAMPLES / sizeof *EXAMPLES; i++)
        if (strcmp(EXAMPLES[i].method, method) == 0 && strcmp(EXAMPLES[i].path, path) == 0)
            return EXAMPLES[i].json;
    return NULL;
}
