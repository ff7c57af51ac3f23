#include "channels/whatsapp_cloud_graph.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"

const char *const WHATSAPP_CLOUD_TOKEN_ALIASES[] = { "META_WHATSAPP_TOKEN", "WHATSAPP_ACCESS_TOKEN", NULL };

enum status whatsapp_cloud_graph_root(struct arena *arena, const struct whatsapp_cloud_graph *graph, const char **root,
                                      struct error *error)
{
    size_t bytes = strlen(graph->base_url);
    if (!text_starts(graph->base_url, "http://") && !text_starts(graph->base_url, "https://"))
        return error_set(error, REJECT, "GRAPH_BASE_URL must begin with http:// or https://");
    if (strspn(graph->version, "v0123456789.") != strlen(graph->version))
        return error_set(error, REJECT, "GRAPH_VERSION must look like v23.0");
    while (bytes > 0 && graph->base_url[bytes - 1] == '/')
        bytes--;
    *root = text_format(arena, "%.*s/%s", (int)bytes, graph->base_url, graph->version);
    return OK;
}

const char *whatsapp_cloud_graph_token(struct arena *arena, const struct whatsapp_cloud_graph *graph,
                                       const Pb__Json *credentials)
{
    cJSON *tree = NULL;
    const char *own = NULL;
    const char *text = pb_json_text(credentials);
    if (json_parse(arena, text, strlen(text), &tree, NULL) == OK && cJSON_IsObject(tree))
        json_want_text(tree, "token", &own, NULL);
    const char *token = text_or(own, text_or(graph->token, ""));
    return *token && !strpbrk(token, "\r\n") ? token : NULL; /* header values end at a line break */
}

bool whatsapp_cloud_graph_id(const char *id)
{
    return !text_empty(id) &&
           strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") == strlen(id);
}
