#include "graph_interactive.h"

#include "graph_errors.h"

#include <stdint.h>
#include <string.h>

enum { BODY_LENGTH_MAX = 1024, LIST_BODY_LENGTH_MAX = 4096, EDGE_LENGTH_MAX = 60, LIST_ROWS_MAX = 10 };

static const char action_path[] = "interactive.action";
static const char parameters_path[] = "interactive.action.parameters";

/* Refuses a text that an earlier sibling already has under the same name. */
static void check_unique(struct check *check, const cJSON *first, const cJSON *here, const char *holder,
                         const char *name)
{
    const cJSON *mine = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(here, holder), name);
    for (const cJSON *other = first; !check->failed && other != here; other = other->next) {
        const cJSON *theirs = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(other, holder), name);
        if (cJSON_Compare(mine, theirs, true))
            check_fail(check, GRAPH_BAD_VALUE, "Two buttons have the same %s.", name);
    }
}

static void check_buttons(struct check *check, const cJSON *action)
{
    static const char path[] = "interactive.action.buttons";
    static const char *const types[] = { "reply", NULL };
    const cJSON *buttons = check_array(check, action, action_path, "buttons", 1, 3);
    const cJSON *button = NULL;
    cJSON_ArrayForEach (button, buttons) {
        check_word(check, button, path, "type", types);
        const cJSON *reply = check_object(check, button, path, "reply");
        check_text(check, reply, path, "id", 1, 256);
        check_text(check, reply, path, "title", 1, 20);
        check_unique(check, buttons->child, button, "reply", "id");
        check_unique(check, buttons->child, button, "reply", "title");
    }
}

static int check_rows(struct check *check, const cJSON *section)
{
    static const char path[] = "interactive.action.sections.rows";
    const cJSON *rows = check_array(check, section, "interactive.action.sections", "rows", 1, LIST_ROWS_MAX);
    const cJSON *row = NULL;
    cJSON_ArrayForEach (row, rows) {
        check_text(check, row, path, "id", 1, 200);
        check_text(check, row, path, "title", 1, 24);
        check_optional_text(check, row, path, "description", 72);
    }
    return cJSON_GetArraySize(rows);
}

static void check_list(struct check *check, const cJSON *action)
{
    static const char path[] = "interactive.action.sections";
    check_text(check, action, action_path, "button", 1, 20);
    const cJSON *sections = check_array(check, action, action_path, "sections", 1, 10);
    bool titled = cJSON_GetArraySize(sections) > 1;
    int rows = 0;
    const cJSON *section = NULL;
    cJSON_ArrayForEach (section, sections) {
        if (titled)
            check_text(check, section, path, "title", 1, 24);
        else
            check_optional_text(check, section, path, "title", 24);
        rows += check_rows(check, section);
    }
    if (rows > LIST_ROWS_MAX)
        check_fail(check, GRAPH_BAD_VALUE, "A list has at most %d rows in total.", LIST_ROWS_MAX);
}

static const cJSON *check_named(struct check *check, const cJSON *action, const char *name)
{
    const char *const names[] = { name, NULL };
    check_word(check, action, action_path, "name", names);
    return check_object(check, action, action_path, "parameters");
}

static void check_cta_url(struct check *check, const cJSON *action)
{
    const cJSON *parameters = check_named(check, action, "cta_url");
    check_text(check, parameters, parameters_path, "display_text", 1, 20);
    check_link(check, parameters, parameters_path, "url");
}

static void check_flow(struct check *check, const cJSON *action)
{
    static const char *const versions[] = { "3", NULL };
    const cJSON *parameters = check_named(check, action, "flow");
    check_word(check, parameters, parameters_path, "flow_message_version", versions);
    check_text(check, parameters, parameters_path, "flow_cta", 1, 30);
    bool by_id = cJSON_HasObjectItem(parameters, "flow_id");
    if (by_id == (bool)cJSON_HasObjectItem(parameters, "flow_name"))
        check_fail(check, by_id ? GRAPH_BAD_VALUE : GRAPH_MISSING, "Give either flow_id or flow_name.");
}

static void check_location_request(struct check *check, const cJSON *action)
{
    static const char *const names[] = { "send_location", NULL };
    check_word(check, action, action_path, "name", names);
}

struct interactive_kind {
    const char *type;
    size_t body_length_max;
    bool text_header_only;
    void (*check_action)(struct check *check, const cJSON *action);
};

static const struct interactive_kind kinds[] = {
    { "button", BODY_LENGTH_MAX, false, check_buttons },
    { "list", LIST_BODY_LENGTH_MAX, true, check_list },
    { "cta_url", BODY_LENGTH_MAX, false, check_cta_url },
    { "flow", BODY_LENGTH_MAX, false, check_flow },
    { "location_request_message", BODY_LENGTH_MAX, false, check_location_request },
};

static const struct interactive_kind *find_kind(const char *type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return &kinds[i];
    return NULL;
}

static void check_header(struct check *check, const cJSON *interactive, bool text_only)
{
    static const char *const text_types[] = { "text", NULL };
    static const char *const all_types[] = { "text", "image", "video", "document", NULL };
    if (!cJSON_HasObjectItem(interactive, "header"))
        return;
    const cJSON *header = check_object(check, interactive, "interactive", "header");
    const char *type = check_word(check, header, "interactive.header", "type", text_only ? text_types : all_types);
    if (type == NULL)
        return;
    if (strcmp(type, "text") == 0)
        check_text(check, header, "interactive.header", "text", 1, EDGE_LENGTH_MAX);
    else
        check_object(check, header, "interactive.header", type);
}

static void check_footer(struct check *check, const cJSON *interactive)
{
    if (cJSON_HasObjectItem(interactive, "footer"))
        check_text(check, check_object(check, interactive, "interactive", "footer"), "interactive.footer", "text", 1,
                   EDGE_LENGTH_MAX);
}

const char *graph_interactive_check(struct check *check, const cJSON *interactive)
{
    static const char *const members[] = { "type", "header", "body", "footer", "action", NULL };
    check_members(check, interactive, "interactive", members);
    const char *type = check_text(check, interactive, "interactive", "type", 1, 40);
    if (type == NULL)
        return NULL;
    const struct interactive_kind *kind = find_kind(type);
    if (kind == NULL) {
        check_fail(check, GRAPH_BAD_VALUE, "Parameter interactive.type has a value that is not allowed.");
        return NULL;
    }
    check_header(check, interactive, kind->text_header_only);
    check_footer(check, interactive);
    const cJSON *body = check_object(check, interactive, "interactive", "body");
    const char *text = check_text(check, body, "interactive.body", "text", 1, kind->body_length_max);
    const cJSON *action = check_object(check, interactive, "interactive", "action");
    if (action != NULL)
        kind->check_action(check, action);
    return check->failed ? NULL : text;
}
