/*
 * whatsapp_cloud_graph - how Meta's Graph API is reached: address, version, token. Pure; the settings of every service
 * that calls it.
 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/setting.h"
#include "wire/pb.h"

struct whatsapp_cloud_graph {
    const char *base_url, *version;
    const char *token; /* of accounts that have none of their own */
};

extern const char *const WHATSAPP_CLOUD_TOKEN_ALIASES[];

/* Rows of a service's settings table. */
#define WHATSAPP_CLOUD_GRAPH_SETTINGS(graph)                                                                           \
    { .name = "GRAPH_BASE_URL",                                                                                        \
      .text = &(graph).base_url,                                                                                       \
      .fallback = "https://graph.facebook.com",                                                                        \
      .help = "Meta's Graph API" },                                                                                    \
        { .name = "GRAPH_VERSION",                                                                                     \
          .text = &(graph).version,                                                                                    \
          .fallback = "v23.0",                                                                                         \
          .help = "version of the Graph API" },                                                                        \
    {                                                                                                                  \
        .name = "WHATSAPP_CLOUD_TOKEN", .text = &(graph).token, .aliases = WHATSAPP_CLOUD_TOKEN_ALIASES,               \
        .secret = true, .help = "access token of accounts that have none of their own"                                 \
    }

/* Base URL and version, without a slash at the end. REJECT: a setting is wrong. */
enum status whatsapp_cloud_graph_root(struct arena *arena, const struct whatsapp_cloud_graph *graph, const char **root,
                                      struct error *error);
/* The account's own token ({"token":...}), else the installation's; NULL: none that a header could carry. */
const char *whatsapp_cloud_graph_token(struct arena *arena, const struct whatsapp_cloud_graph *graph,
                                       const Pb__Json *credentials);
/* Ids of Meta's are opaque, but one with a slash in it would change the address. */
bool whatsapp_cloud_graph_id(const char *id);
