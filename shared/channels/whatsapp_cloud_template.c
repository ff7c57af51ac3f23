#include "channels/whatsapp_cloud_template.h"

#include <string.h>

#include "base/json.h"
#include "channels/whatsapp_cloud.h"
#include "channels/whatsapp_cloud_inside.h"

enum { PARAMETERS_MAX = 1000 };

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* -- states, categories: Meta's words in lower case, its states as ours */

static const char *state_of(const char *word)
{
    static const struct {
        const char *word, *state;
    } STATES[] = {
        { "APPROVED", "approved" },         { "PENDING", "pending" },   { "IN_APPEAL", "pending" },
        { "REJECTED", "rejected" },         { "PAUSED", "paused" },     { "DISABLED", "disabled" },
        { "PENDING_DELETION", "disabled" }, { "DELETED", "disabled" },  { "LIMIT_EXCEEDED", "paused" },
        { "REINSTATED", "approved" },       { "ARCHIVED", "disabled" }, { "UNARCHIVED", "approved" },
    };
    for (size_t i = 0; i < sizeof STATES / sizeof *STATES; i++)
        if (text_same(STATES[i].word, word))
            return STATES[i].state;
    return NULL; /* FLAGGED and what is new: said, and nothing to act on */
}

static char *lower_or_null(struct arena *arena, const char *word)
{
    return text_empty(word) ? NULL : text_lower(arena, word);
}

/* -- the list */

static const cJSON *component_of(const cJSON *components, const char *type)
{
    const cJSON *component;
    cJSON_ArrayForEach (component, components)
        if (text_same(whatsapp_cloud_text(component, "type"), type))
            return component;
    return NULL;
}

static Pb__Template *template_of(struct arena *arena, const cJSON *item)
{
    const char *name = whatsapp_cloud_text(item, "name"), *language = whatsapp_cloud_text(item, "language");
    const char *state = state_of(whatsapp_cloud_text(item, "status"));
    const cJSON *components = member(item, "components");
    if (!*name || !*language || !state)
        return NULL;
    Pb__Template *template = PB_NEW(arena, template);
    template->name = arena_text(arena, name);
    template->language = arena_text(arena, language);
    template->state = arena_text(arena, state);
    template->category = lower_or_null(arena, whatsapp_cloud_text(item, "category"));
    template->provider_id = arena_text(arena, whatsapp_cloud_text(item, "id"));
    template->reason = lower_or_null(arena, whatsapp_cloud_text(item, "rejected_reason"));
    template->quality = lower_or_null(arena, whatsapp_cloud_text(member(item, "quality_score"), "score"));
    template->parameter_format =
        text_lower(arena, text_or(whatsapp_cloud_text(item, "parameter_format"), "POSITIONAL"));
    template->text = arena_text(arena, whatsapp_cloud_text(component_of(components, "BODY"), "text"));
    template->components = pb_json(arena, cJSON_IsArray(components) ? json_text(arena, components) : "[]");
    return template;
}

static enum status page_refused(long http_status, const cJSON *root, struct error *error)
{
    int64_t code = -1;
    const cJSON *told = member(root, "error");
    if (!cJSON_IsObject(told) || json_want_int64(told, "code", &code, NULL) != OK || code < 0)
        return error_code(error, http_status >= 400 && http_status < 500 && http_status != 429 ? REJECT : RETRY,
                          "unreadable", "HTTP %ld without an answer of Meta's own", http_status);
    Pb__SendClass class = whatsapp_cloud_class(code);
    bool heals = class == PB__SEND_CLASS__SEND_CLASS_RETRY || class == PB__SEND_CLASS__SEND_CLASS_THROTTLE_NUMBER;
    return error_code(error, heals ? RETRY : REJECT, whatsapp_cloud_class_word(class),
                      "Meta refused the list of templates with code %lld", (long long)code);
}

enum status whatsapp_cloud_template_page_read(struct arena *arena, long http_status, const char *body, size_t bytes,
                                              struct whatsapp_cloud_template_page *out, struct error *error)
{
    cJSON *root = NULL;
    const cJSON *item;
    *out = (struct whatsapp_cloud_template_page){ 0 };
    bool readable = json_parse(arena, body, bytes, &root, NULL) == OK;
    const cJSON *data = member(root, "data");
    if (!readable || http_status != 200 || !cJSON_IsArray(data))
        return page_refused(http_status, root, error);
    out->items = ARENA_ARRAY(arena, Pb__Template *, (size_t)cJSON_GetArraySize(data) + 1);
    cJSON_ArrayForEach (item, data) {
        out->items[out->count] = template_of(arena, item);
        if (out->items[out->count])
            out->count++;
    }
    const cJSON *paging = member(root, "paging");
    const char *after = whatsapp_cloud_text(member(paging, "cursors"), "after");
    if (*whatsapp_cloud_text(paging, "next") && *after)
        out->after = arena_text(arena, after);
    return OK;
}

/* -- the webhook */

bool whatsapp_cloud_template_field(const char *field)
{
    return text_same(field, "message_template_status_update") || text_same(field, "message_template_quality_update") ||
           text_same(field, "template_category_update");
}

/* An id may be a number or a text. */
static const char *id_of(struct arena *arena, const cJSON *object, const char *name)
{
    const cJSON *id = member(object, name);
    if (cJSON_IsNumber(id))
        return json_text(arena, id);
    return whatsapp_cloud_text(object, name);
}

enum status whatsapp_cloud_template_update_read(struct arena *arena, const char *body, size_t bytes,
                                                Pb__TemplateUpdateRequest *out, struct error *error)
{
    cJSON *root;
    TRY(json_parse(arena, body, bytes, &root, error));
    const cJSON *value = member(root, "value");
    out->account_group = arena_text(arena, whatsapp_cloud_text(root, "entry_id"));
    out->provider_id = arena_text(arena, id_of(arena, value, "message_template_id"));
    out->name = arena_text(arena, whatsapp_cloud_text(value, "message_template_name"));
    out->language = arena_text(arena, whatsapp_cloud_text(value, "message_template_language"));
    if (!*out->account_group || (!*out->provider_id && (!*out->name || !*out->language)))
        return error_code(error, REJECT, "no_template", "the change names no template");
    out->state = arena_text(arena, state_of(whatsapp_cloud_text(value, "event")));
    out->reason = lower_or_null(arena, whatsapp_cloud_text(value, "reason"));
    out->category = lower_or_null(arena, whatsapp_cloud_text(value, "new_category"));
    out->quality = lower_or_null(arena, whatsapp_cloud_text(value, "new_quality_score"));
    return OK;
}

/* -- filling one */

static enum status wrong(struct error *error, const char *sentence)
{
    return error_code(error, REJECT, "template_parameters", "%s", sentence);
}

/* Meta refuses line breaks, tabs and more than four spaces in a row inside a parameter, and empty ones. */
static bool parameter_fits(const cJSON *item)
{
    return cJSON_IsString(item) && *item->valuestring && !strpbrk(item->valuestring, "\r\n\t") &&
           !strstr(item->valuestring, "     ");
}

static void add_text_parameter(struct buffer *out, const char *name, const char *value)
{
    buffer_add(out, "{\"type\":\"text\",");
    if (name) {
        buffer_add(out, "\"parameter_name\":");
        json_add_string(out, name);
        buffer_add_char(out, ',');
    }
    buffer_add(out, "\"text\":");
    json_add_string(out, value);
    buffer_add_char(out, '}');
}

static void component_begin(struct buffer *out, bool *any, const char *members)
{
    buffer_format(out, "%s{%s,\"parameters\":[", *any ? "," : ",\"components\":[", members);
    *any = true;
}

/* By order or by name. */
static enum status add_body(struct buffer *out, const cJSON *body, bool *any, struct error *error)
{
    const cJSON *item;
    if (!body || !body->child)
        return OK;
    if (!cJSON_IsArray(body) && !cJSON_IsObject(body))
        return wrong(error, "the body's parameters must be a list of texts, or texts by name");
    component_begin(out, any, "\"type\":\"body\"");
    cJSON_ArrayForEach (item, body) {
        if (!parameter_fits(item))
            return wrong(error, "a template parameter is no text, empty, or holds line breaks, tabs or rows of spaces");
        if (item != body->child)
            buffer_add_char(out, ',');
        add_text_parameter(out, cJSON_IsObject(body) ? item->string : NULL, item->valuestring);
    }
    buffer_add(out, "]}");
    return OK;
}

static enum status add_header_file(struct buffer *out, const cJSON *header, struct error *error)
{
    const char *type = whatsapp_cloud_text(header, "type"), *link = whatsapp_cloud_text(header, "link");
    const char *id = whatsapp_cloud_text(header, "id"), *filename = whatsapp_cloud_text(header, "filename");
    if (!text_same(type, "image") && !text_same(type, "video") && !text_same(type, "document"))
        return wrong(error, "the header's type must be image, video or document");
    if (!*link == !*id || (*link && !text_starts(link, "https://") && !text_starts(link, "http://")))
        return wrong(error, "the header needs either a link or an id");
    buffer_format(out, "{\"type\":\"%s\",\"%s\":{\"%s\":", type, type, *link ? "link" : "id");
    json_add_string(out, *link ? link : id);
    if (*filename && text_same(type, "document")) {
        buffer_add(out, ",\"filename\":");
        json_add_string(out, filename);
    }
    buffer_add(out, "}}");
    return OK;
}

static enum status add_header(struct buffer *out, const cJSON *header, bool *any, struct error *error)
{
    if (!header)
        return OK;
    component_begin(out, any, "\"type\":\"header\"");
    if (cJSON_IsObject(header))
        TRY(add_header_file(out, header, error));
    else if (parameter_fits(header))
        add_text_parameter(out, NULL, header->valuestring);
    else
        return wrong(error, "the header's parameter must be a text or a file");
    buffer_add(out, "]}");
    return OK;
}

/* A text ends a button's URL, {"payload":...} is what a tap says; null: this button takes none. */
static enum status add_buttons(struct buffer *out, const cJSON *buttons, bool *any, struct error *error)
{
    const cJSON *button;
    int index = 0;
    cJSON_ArrayForEach (button, buttons) {
        const char *payload = whatsapp_cloud_text(button, "payload");
        if (cJSON_IsNull(button)) {
            index++;
            continue;
        }
        if (index > 9 || (!parameter_fits(button) && !*payload))
            return wrong(error, "a button's parameter must be a text or {\"payload\": text}; there are at most ten");
        struct buffer members = { .arena = out->arena };
        buffer_format(&members, "\"type\":\"button\",\"sub_type\":\"%s\",\"index\":\"%d\"",
                      *payload ? "quick_reply" : "url", index++);
        component_begin(out, any, buffer_text(&members));
        buffer_add(out, *payload ? "{\"type\":\"payload\",\"payload\":" : "{\"type\":\"text\",\"text\":");
        json_add_string(out, *payload ? payload : button->valuestring);
        buffer_add(out, "}]}");
    }
    return OK;
}

struct parts {
    const cJSON *body, *header, *buttons;
};

static enum status parts_read(struct arena *arena, const char *json, struct parts *parts, struct error *error)
{
    cJSON *tree;
    *parts = (struct parts){ 0 };
    if (text_empty(json) || text_same(json, "null"))
        return OK;
    TRY(json_parse(arena, json, strlen(json), &tree, error));
    if (cJSON_IsArray(tree)) {
        parts->body = tree;
        return OK;
    }
    if (!cJSON_IsObject(tree))
        return wrong(error, "template parameters must be a list of texts, or body, header and buttons");
    parts->body = member(tree, "body");
    parts->header = member(tree, "header");
    parts->buttons = member(tree, "buttons");
    for (const cJSON *at = tree->child; at; at = at->next)
        if (at != parts->body && at != parts->header && at != parts->buttons)
            return wrong(error, "template parameters have body, header and buttons, and nothing else");
    if (parts->buttons && !cJSON_IsArray(parts->buttons))
        return wrong(error, "the buttons' parameters must be a list");
    return OK;
}

enum status whatsapp_cloud_template_write(struct buffer *out, const char *name, const char *language,
                                          const char *parameters_json, struct error *error)
{
    struct parts parts;
    bool any = false;
    if (text_empty(language))
        return error_code(error, REJECT, "template_language", "the template '%.64s' has no language", name);
    TRY(parts_read(out->arena, parameters_json, &parts, error));
    buffer_add(out, "\"template\":{\"name\":");
    json_add_string(out, name);
    buffer_add(out, ",\"language\":{\"code\":");
    json_add_string(out, language);
    buffer_add_char(out, '}');
    TRY(add_header(out, parts.header, &any, error));
    TRY(add_body(out, parts.body, &any, error));
    TRY(add_buttons(out, parts.buttons, &any, error));
    buffer_add(out, any ? "]}" : "}");
    return OK;
}

/* -- what the template wants */

/* Which of a list's values "{{2}}" takes, from 0: a translation may name the second first. A gap of another name takes
 * the one of its place. */
static int place_of(const char *name, int place)
{
    long long number;
    return text_int64(name, 1, PARAMETERS_MAX, "", &number, NULL) == OK ? (int)number - 1 : place;
}

/* The value for "{{1}}" or "{{name}}"; NULL: there is none. */
static const cJSON *value_of(const cJSON *body, const char *name, int place)
{
    if (cJSON_IsArray(body))
        return cJSON_GetArrayItem(body, place);
    const cJSON *item;
    cJSON_ArrayForEach (item, body)
        if (text_same(item->string, name))
            return item;
    return NULL;
}

static enum status fill_text(struct buffer *out, const char *text, const cJSON *body, struct error *error)
{
    int count = 0, gaps = 0;
    for (const char *gap; (gap = strstr(text, "{{")) != NULL; gaps++) {
        const char *end = strstr(gap, "}}");
        if (!end)
            break;
        char *name = text_trim(out->arena, arena_text_n(out->arena, gap + 2, (size_t)(end - gap - 2)));
        int place = cJSON_IsArray(body) ? place_of(name, gaps) : gaps;
        const cJSON *value = value_of(body, name, place);
        count = place < count ? count : place + 1;
        if (!value || !parameter_fits(value))
            return error_code(error, REJECT, "template_parameters", "the template's parameter '%.64s' is missing",
                              name);
        buffer_add_n(out, text, (size_t)(gap - text));
        buffer_add(out, value->valuestring);
        text = end + 2;
    }
    buffer_add(out, text);
    if (body && cJSON_GetArraySize(body) != count)
        return error_code(error, REJECT, "template_parameters", "the template's body takes %d parameters", count);
    return OK;
}

static bool takes_parameter(const cJSON *object, const char *name)
{
    return strstr(whatsapp_cloud_text(object, name), "{{") != NULL;
}

static enum status check_header(const cJSON *components, const cJSON *given, struct error *error)
{
    const cJSON *header = component_of(components, "HEADER");
    const char *format = whatsapp_cloud_text(header, "format");
    bool file = text_same(format, "IMAGE") || text_same(format, "VIDEO") || text_same(format, "DOCUMENT");
    bool wanted = file || takes_parameter(header, "text");
    if (wanted != (given != NULL) || (given && cJSON_IsObject(given) != file))
        return wrong(error, !wanted ? "the template's header takes no parameter"
                            : file  ? "the template's header needs a file"
                                    : "the template's header needs a text");
    return OK;
}

static enum status check_buttons(const cJSON *components, const cJSON *given, struct error *error)
{
    const cJSON *button;
    int index = 0;
    cJSON_ArrayForEach (button, member(component_of(components, "BUTTONS"), "buttons")) {
        const cJSON *parameter = given ? cJSON_GetArrayItem(given, index) : NULL;
        if (takes_parameter(button, "url") && !cJSON_IsString(parameter))
            return error_code(error, REJECT, "template_parameters", "the template's button %d needs a parameter",
                              index);
        index++;
    }
    if (given && cJSON_GetArraySize(given) > index)
        return wrong(error, "the template has fewer buttons");
    return OK;
}

enum status whatsapp_cloud_template_fill(struct arena *arena, const char *text, const char *components_json,
                                         const char *parameters_json, const char **out, struct error *error)
{
    struct parts parts;
    cJSON *components = NULL;
    struct buffer filled = { .arena = arena }, written = { .arena = arena };
    TRY(parts_read(arena, parameters_json, &parts, error));
    TRY(whatsapp_cloud_template_write(&written, "n", "en", parameters_json, error)); /* each part by itself */
    TRY(fill_text(&filled, text_or(text, ""), parts.body, error));
    const char *json = text_or(components_json, "[]");
    if (json_parse(arena, json, strlen(json), &components, NULL) == OK && cJSON_IsArray(components)) {
        TRY(check_header(components, parts.header, error));
        TRY(check_buttons(components, parts.buttons, error));
    }
    if (text_characters(buffer_text(&filled)) > WHATSAPP_CLOUD_CAPTION_CHARACTERS_MAX)
        return wrong(error, "the filled template is longer than 1024 characters");
    *out = buffer_text(&filled);
    return OK;
}
