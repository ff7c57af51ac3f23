#include "graph_templates.h"

#include "graph_errors.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

enum {
    FILLED_LENGTH_MAX = 1024,
    PARAMETERS_MAX = 10,
    PARAMETER_LENGTH_MAX = 32768,
    COMPONENTS_MAX = 12,
    PAGE_ITEMS = 2
};

/* A body's parameters are its {{...}}: {{1}} by position, {{first_name}} by name. */
struct template
{
    const char *name;
    const char *language;
    const char *body;
    const char *header; /* the kind of its one parameter; NULL: none */
    int buttons;        /* that take a parameter */
    int refusal;        /* 0: approved */
    const char *status; /* as a test has set it; NULL: by the refusal */
};

static struct template templates[] = {
    { .name = "hello_world", .language = "en_US", .body = "Welcome and congratulations!" },
    { .name = "order_update", .language = "en_US", .body = "Your order {{1}} is now {{2}}." },
    { .name = "order_update", .language = "de", .body = "Ihre Bestellung {{1}} ist jetzt {{2}}." },
    { .name = "cart_reminder_v2",
      .language = "en_US",
      .body = "{{first_name}}, something is waiting in your cart.",
      .header = "image",
      .buttons = 2 },
    { .name = "paused_template", .language = "en_US", .body = "Paused.", .refusal = GRAPH_TEMPLATE_PAUSED },
    { .name = "disabled_template", .language = "en_US", .body = "Disabled.", .refusal = GRAPH_TEMPLATE_DISABLED },
};

static struct template *find(const char *name, const char *language)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        if (strcmp(templates[i].name, name) == 0 && strcmp(templates[i].language, language) == 0)
            return &templates[i];
    return NULL;
}

static int refusal_of(const struct template *template)
{
    const char *status = template->status;
    if (status == NULL)
        return template->refusal;
    if (strcmp(status, "PAUSED") == 0)
        return GRAPH_TEMPLATE_PAUSED;
    if (strcmp(status, "APPROVED") == 0)
        return 0;
    return strcmp(status, "DISABLED") == 0 ? GRAPH_TEMPLATE_DISABLED : GRAPH_TEMPLATE_UNKNOWN;
}

static const struct template *check_identity(struct check *check, const cJSON *template)
{
    static const char *const members[] = { "name", "language", "components", NULL };
    static const char *const language_members[] = { "code", "policy", NULL };
    check_members(check, template, "template", members);
    const char *name = check_text(check, template, "template", "name", 1, 512);
    const cJSON *language = check_object(check, template, "template", "language");
    check_members(check, language, "template.language", language_members);
    const char *code = check_text(check, language, "template.language", "code", 1, 20);
    if (check->failed)
        return NULL;
    const struct template *found = find(name, code);
    if (found == NULL)
        check_fail(check, GRAPH_TEMPLATE_UNKNOWN, "Template name (%.60s) does not exist in %s.", name, code);
    else if (refusal_of(found) != 0)
        check_fail(check, refusal_of(found), "Template %s can't be sent.", found->name);
    return found;
}

static const cJSON *find_component(const cJSON *components, const char *type)
{
    const cJSON *component = NULL;
    cJSON_ArrayForEach (component, components) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(component, "type");
        if (cJSON_IsString(name) && strcmp(name->valuestring, type) == 0)
            return component;
    }
    return NULL;
}

static int parameter_count(const cJSON *component)
{
    return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(component, "parameters"));
}

static int body_parameter_count(const char *body)
{
    int count = 0;
    while ((body = strstr(body, "{{")) != NULL) {
        count++;
        body += 2;
    }
    return count;
}

static int button_parameter_count(const cJSON *components)
{
    int count = 0;
    const cJSON *component = NULL;
    cJSON_ArrayForEach (component, components) {
        const cJSON *type = cJSON_GetObjectItemCaseSensitive(component, "type");
        if (cJSON_IsString(type) && strcmp(type->valuestring, "button") == 0)
            count += parameter_count(component);
    }
    return count;
}

static void check_count(struct check *check, const char *part, int given, int expected)
{
    if (given != expected)
        check_fail(check, GRAPH_TEMPLATE_COUNT,
                   "%s: number of parameters (%d) does not match the expected number (%d).", part, given, expected);
}

static void check_counts(struct check *check, const struct template *template, const cJSON *components)
{
    check_count(check, "header", parameter_count(find_component(components, "header")), template->header != NULL);
    check_count(check, "body", parameter_count(find_component(components, "body")),
                body_parameter_count(template->body));
    check_count(check, "buttons", button_parameter_count(components), template->buttons);
}

static void check_button(struct check *check, const cJSON *component)
{
    static const char *const kinds[] = { "quick_reply", "url", "copy_code", "flow", "catalog", NULL };
    static const char *const path = "template.components.button";
    check_word(check, component, path, "sub_type", kinds);
    const char *index = check_text(check, component, path, "index", 1, 1);
    if (index != NULL && (*index < '0' || *index > '9'))
        check_fail(check, GRAPH_BAD_VALUE, "Parameter index must be \"0\" to \"9\".");
}

static void check_component(struct check *check, const cJSON *component)
{
    static const char *const members[] = { "type", "sub_type", "index", "parameters", NULL };
    static const char *const types[] = { "header", "body", "button", NULL };
    static const char *const path = "template.components";
    check_members(check, component, path, members);
    const char *type = check_word(check, component, path, "type", types);
    if (type != NULL && strcmp(type, "button") == 0)
        check_button(check, component);
    if (cJSON_HasObjectItem(component, "parameters"))
        check_array(check, component, path, "parameters", 0, PARAMETERS_MAX);
}

static void check_header(struct check *check, const struct template *template, const cJSON *components)
{
    const cJSON *header = find_component(components, "header");
    const cJSON *parameter = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(header, "parameters"), 0);
    const char *type = parameter == NULL ? NULL : check_text(check, parameter, "header.parameters", "type", 1, 20);
    if (type != NULL && strcmp(type, template->header) != 0)
        check_fail(check, GRAPH_TEMPLATE_FORMAT, "header: expected %s, got %.20s.", template->header, type);
    else if (type != NULL)
        check_object(check, parameter, "header.parameters", template->header);
}

/* What a body parameter reads as; NULL after a fault. */
static const char *parameter_text(struct check *check, const cJSON *parameter)
{
    static const char *const path = "body.parameters";
    const char *type = check_text(check, parameter, path, "type", 1, 20);
    if (type == NULL)
        return NULL;
    if (strcmp(type, "currency") == 0 || strcmp(type, "date_time") == 0)
        return check_text(check, check_object(check, parameter, path, type), path, "fallback_value", 1,
                          FILLED_LENGTH_MAX);
    if (strcmp(type, "text") != 0) {
        check_fail(check, GRAPH_TEMPLATE_FORMAT, "body: expected text, got %.20s.", type);
        return NULL;
    }
    const char *text = check_text(check, parameter, path, "text", 1, PARAMETER_LENGTH_MAX);
    if (text != NULL && (strpbrk(text, "\n\t\r") != NULL || strstr(text, "     ") != NULL))
        check_fail(check, GRAPH_TEMPLATE_FORMAT,
                   "Param text cannot have new-line/tab characters or more than 4 "
                   "consecutive spaces.");
    return check->failed ? NULL : text;
}

static bool is_position(const char *name)
{
    return *name >= '1' && *name <= '9';
}

/* The parameter a {{...}} asks for, by position or by name. */
static const cJSON *find_parameter(const cJSON *parameters, int position, const char *wanted)
{
    if (is_position(wanted))
        return cJSON_GetArrayItem(parameters, position);
    const cJSON *parameter = NULL;
    cJSON_ArrayForEach (parameter, parameters) {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(parameter, "parameter_name");
        if (cJSON_IsString(name) && strncmp(name->valuestring, wanted, strlen(name->valuestring)) == 0 &&
            wanted[strlen(name->valuestring)] == '}')
            return parameter;
    }
    return NULL;
}

static void fill_body(struct check *check, const struct template *template, const cJSON *components,
                      struct buffer *text)
{
    const cJSON *parameters = cJSON_GetObjectItemCaseSensitive(find_component(components, "body"), "parameters");
    const char *at = template->body;
    const char *gap = NULL;
    for (int position = 0; !check->failed && (gap = strstr(at, "{{")) != NULL; position++) {
        buffer_add(text, at, (size_t)(gap - at));
        const cJSON *parameter = find_parameter(parameters, position, gap + 2);
        if (parameter == NULL)
            check_fail(check, GRAPH_TEMPLATE_COUNT, "body: a named parameter is missing.");
        const char *value = parameter_text(check, parameter);
        buffer_add_text(text, value == NULL ? "" : value);
        at = strstr(gap, "}}") + 2;
    }
    buffer_add_text(text, at);
    if (text_length(text->bytes) > FILLED_LENGTH_MAX)
        check_fail(check, GRAPH_TEMPLATE_LONG, "The filled body is longer than %d characters.", FILLED_LENGTH_MAX);
}

void graph_template_check(struct check *check, const cJSON *template, struct buffer *text)
{
    const struct template *found = check_identity(check, template);
    if (check->failed)
        return;
    const cJSON *components = NULL;
    if (cJSON_HasObjectItem(template, "components"))
        components = check_array(check, template, "template", "components", 0, COMPONENTS_MAX);
    const cJSON *component = NULL;
    cJSON_ArrayForEach (component, components) {
        check_component(check, component);
    }
    check_counts(check, found, components);
    if (check->failed)
        return;
    check_header(check, found, components);
    fill_body(check, found, components, text);
}

/* -- the list */

static const char *const statuses[] = { "APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "GONE", NULL };

static const char *status_of(const struct template *template)
{
    if (template->status != NULL)
        return template->status;
    if (template->refusal == 0)
        return "APPROVED";
    return template->refusal == GRAPH_TEMPLATE_PAUSED ? "PAUSED" : "DISABLED";
}

bool graph_templates_set(const char *name, const char *language, const char *status)
{
    struct template *template = find(name, language);
    for (const char *const *word = statuses; template != NULL && *word != NULL; word++)
        if (strcmp(*word, status) == 0) {
            template->status = *word;
            return true;
        }
    return false;
}

void graph_templates_reset(void)
{
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++)
        templates[i].status = NULL;
}

static void write_one(struct buffer *body, const struct template *template, size_t number)
{
    bool named = strstr(template->body, "{{") != NULL && !is_position(strstr(template->body, "{{") + 2);
    buffer_format(body,
                  "{\"id\":\"%zu\",\"name\":\"%s\",\"language\":\"%s\",\"status\":\"%s\",\"category\":\"UTILITY\",",
                  9000 + number, template->name, template->language, status_of(template));
    buffer_format(body, "\"parameter_format\":\"%s\",\"components\":[", named ? "NAMED" : "POSITIONAL");
    if (template->header != NULL)
        buffer_add_text(body, "{\"type\":\"HEADER\",\"format\":\"IMAGE\"},");
    buffer_add_text(body, "{\"type\":\"BODY\",\"text\":");
    buffer_add_json(body, template->body);
    buffer_add_text(body, "}");
    if (template->buttons > 0)
        buffer_add_text(
            body,
            ",{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":\"URL\",\"text\":\"Open\",\"url\":\"https://acme.example/{{1}}\"},"
            "{\"type\":\"QUICK_REPLY\",\"text\":\"Stop\"}]}");
    buffer_add_text(body, "]}");
}

/* Two to a page: paging is part of the contract. */
void graph_templates_list(const char *after, struct buffer *body)
{
    size_t count = sizeof templates / sizeof *templates, at = (size_t)strtoul(after, NULL, 10), some = 0;
    buffer_add_text(body, "{\"data\":[");
    for (; at < count && some < PAGE_ITEMS; at++) {
        if (strcmp(status_of(&templates[at]), "GONE") == 0)
            continue;
        if (some++ > 0)
            buffer_add_text(body, ",");
        write_one(body, &templates[at], at);
    }
    buffer_format(body, "],\"paging\":{\"cursors\":{\"before\":\"0\",\"after\":\"%zu\"}", at);
    if (at < count)
        buffer_add_text(body, ",\"next\":\"https://graph.facebook.com/next\"");
    buffer_add_text(body, "}}");
}
