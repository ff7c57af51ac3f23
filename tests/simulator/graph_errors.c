#include "graph_errors.h"

#include <stddef.h>
#include <stdint.h>

struct graph_error {
    int code;
    int http_status;
    const char *title;
};

static const struct graph_error errors[] = {
    { 0, 401, "AuthException" },
    { 1, 400, "API Unknown" },
    { 2, 503, "API Service" },
    { 3, 500, "API Method" },
    { 4, 429, "API Too Many Calls" },
    { 10, 403, "Permission Denied" },
    { 33, 400, "Parameter value is not valid" },
    { 100, 400, "Invalid parameter" },
    { 190, 401, "Error validating access token" },
    { 368, 403, "Temporarily blocked for policies violations" },
    { 80007, 429, "Rate limit issues" },
    { 130429, 429, "Rate limit hit" },
    { 130472, 400, "User's number is part of an experiment" },
    { 130497, 403, "Business account is restricted from messaging users in this country" },
    { 131000, 500, "Something went wrong" },
    { 131005, 403, "Access denied" },
    { 131008, 400, "Required parameter is missing" },
    { 131009, 400, "Parameter value is not valid" },
    { 131016, 503, "Service unavailable" },
    { 131021, 400, "Recipient cannot be sender" },
    { 131026, 400, "Message undeliverable" },
    { 131030, 400, "Recipient phone number not in allowed list" },
    { 131031, 403, "Business account has been locked" },
    { 131037, 400, "Display name needs approval" },
    { 131042, 400, "Business eligibility payment issue" },
    { 131045, 500, "Incorrect certificate" },
    { 131047, 400, "Re-engagement message" },
    { 131048, 400, "Spam rate limit hit" },
    { 131049, 400, "Not delivered to maintain healthy ecosystem engagement" },
    { 131050, 400, "User has stopped marketing messages" },
    { 131051, 400, "Unsupported message type" },
    { 131052, 400, "Media download error" },
    { 131053, 400, "Media upload error" },
    { 131056, 400, "Pair rate limit hit" },
    { 131057, 500, "Account in maintenance mode" },
    { 132000, 400, "Number of parameters does not match the expected number of params" },
    { 132001, 404, "Template name does not exist in the translation" },
    { 132005, 400, "Translated text too long" },
    { 132007, 400, "Template content policy violated" },
    { 132008, 400, "Template parameter format mismatch" },
    { 132012, 400, "Parameter format does not match format in the created template" },
    { 132015, 400, "Template is paused" },
    { 132016, 400, "Template is disabled" },
    { 132068, 400, "Flow is blocked" },
    { 132069, 400, "Flow is throttled" },
    { 133004, 503, "Server temporarily unavailable" },
    { 133005, 400, "Two-step verification PIN mismatch" },
    { 133008, 400, "Too many two-step verification PIN guesses" },
    { 133009, 400, "Two-step verification PIN guessed too fast" },
    { 133010, 400, "Phone number not registered" },
    { 133016, 400, "Account register or deregister rate limit" },
    { 135000, 400, "Generic user error" },
    { 137000, 400, "Identity key hash mismatch" },
};

static struct graph_error find(int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code)
            return errors[i];
    if (code >= 200 && code <= 299)
        return (struct graph_error){ code, 403, "Permission denied" };
    return (struct graph_error){ code, 400, "Unknown error" };
}

int graph_error_http_status(int code)
{
    return find(code).http_status;
}

void graph_error_write(struct buffer *body, int code, const char *details)
{
    static uint32_t traces;
    buffer_format(body, "{\"error\":{\"message\":\"(#%d) %s\",\"type\":\"OAuthException\",\"code\":%d,", code,
                  find(code).title, code);
    buffer_add_text(body, "\"error_data\":{\"messaging_product\":\"whatsapp\",\"details\":");
    buffer_add_json(body, details);
    buffer_format(body, "},\"fbtrace_id\":\"Asimulated%08x\"}}", ++traces);
}

void graph_error_write_status(struct buffer *body, int code)
{
    const char *title = find(code).title;
    buffer_format(body, "{\"code\":%d,\"title\":", code);
    buffer_add_json(body, title);
    buffer_add_text(body, ",\"message\":");
    buffer_add_json(body, title);
    buffer_add_text(body, ",\"error_data\":{\"details\":\"Scripted by the fault plan.\"},\"href\":"
                          "\"https://developers.facebook.com/documentation/business-messaging/whatsapp/support/"
                          "error-codes\"}");
}
