#include "docs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

enum { ASSET_BYTES_MAX = 4 * 1024 * 1024 };

static const char start_js[] =
    "window.onload = function () {\n"
    "    window.ui = SwaggerUIBundle({url: '/openapi.json', dom_id: '#swagger-ui', deepLinking: true});\n"
    "};\n";

static const char page[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Parley API</title>\n"
    "<link rel=\"stylesheet\" href=\"/docs/swagger-ui.css\">\n</head>\n<body>\n<div id=\"swagger-ui\"></div>\n"
    "<noscript>The description is at <a href=\"/openapi.json\">/openapi.json</a>.</noscript>\n"
    "<script src=\"/docs/swagger-ui-bundle.js\"></script>\n<script src=\"/docs/start.js\"></script>\n</body>\n</html>\n";

static const char plain_page[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Parley API</title>\n</head>\n<body>\n"
    "<h1>Parley API</h1>\n<p>The description is at <a href=\"/openapi.json\">/openapi.json</a>.</p>\n"
    "<p>Swagger UI's files are not installed; <code>make</code> fetches them where npm is there.</p>\n</body>\n</html>\n";

/* All that is ever served: no name from outside touches the file system. */
static struct asset {
    const char *name, *type;
    char *bytes; /* NULL: not there */
    size_t count;
} assets[] = {
    { .name = "swagger-ui.css", .type = "text/css; charset=utf-8" },
    { .name = "swagger-ui-bundle.js", .type = "text/javascript; charset=utf-8" },
};

enum { ASSET_COUNT = sizeof assets / sizeof *assets };

static void asset_read(struct asset *asset, const char *path)
{
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return;
    asset->bytes = malloc(ASSET_BYTES_MAX);
    if (asset->bytes == NULL)
        abort();
    asset->count = fread(asset->bytes, 1, ASSET_BYTES_MAX, file);
    fclose(file);
}

/* Folder of the binary. */
static const char *binary_folder(struct arena *arena)
{
    char path[4096];
    ssize_t count = readlink("/proc/self/exe", path, sizeof path - 1);
    path[count < 0 ? 0 : count] = '\0';
    if (strrchr(path, '/') != NULL)
        *strrchr(path, '/') = '\0';
    return arena_text(arena, path);
}

static bool read_all(struct arena *arena, const char *folder)
{
    bool whole = true;
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        if (assets[i].bytes == NULL)
            asset_read(&assets[i], text_format(arena, "%s/%s", folder, assets[i].name));
        whole = whole && assets[i].bytes != NULL;
    }
    return whole;
}

/* build/<variant>/bin/gateway -> build/swagger-ui; in an image /usr/bin/gateway -> /usr/share/parley/swagger-ui. */
static const char *const beside[] = { "../../swagger-ui", "../swagger-ui", "../share/parley/swagger-ui" };

void docs_open(const char *folder)
{
    struct arena *arena = arena_new(0);
    if (!text_empty(folder))
        read_all(arena, folder);
    for (size_t i = 0; text_empty(folder) && i < sizeof beside / sizeof *beside; i++)
        if (read_all(arena, text_format(arena, "%s/%s", binary_folder(arena), beside[i])))
            break;
    arena_free(arena);
}

void docs_close(void)
{
    for (size_t i = 0; i < ASSET_COUNT; i++) {
        free(assets[i].bytes);
        assets[i].bytes = NULL;
    }
}

void docs_page(struct exchange *exchange)
{
    bool whole = true;
    for (size_t i = 0; i < ASSET_COUNT; i++)
        whole = whole && assets[i].bytes != NULL;
    const char *text = whole ? page : plain_page;
    exchange_header(
        exchange,
        "Content-Security-Policy: default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:");
    exchange_answer(exchange, 200, "text/html; charset=utf-8", text, strlen(text));
}

void docs_asset(struct exchange *exchange)
{
    struct error error = { 0 };
    exchange_header(exchange, "Cache-Control: max-age=3600");
    for (size_t i = 0; i < ASSET_COUNT; i++)
        if (assets[i].bytes != NULL && strcmp(assets[i].name, exchange->id) == 0) {
            exchange_answer(exchange, 200, assets[i].type, assets[i].bytes, assets[i].count);
            return;
        }
    if (strcmp(exchange->id, "start.js") == 0) {
        exchange_answer(exchange, 200, "text/javascript; charset=utf-8", start_js, sizeof start_js - 1);
        return;
    }
    exchange_problem(exchange, error_code(&error, REJECT, "not_found", "There is no such file."), &error);
}
