/*
 * fuzz http - bytes on a connection of the gateway, civetweb before us: head, framing, key, route, query, body. The
 * first byte says whether keys and signatures are needed. What comes back is HTTP, and each refusal in it a problem
 * document.
 *
 * The broker is away, so an endpoint that asks somebody answers 503.
 * links services/gateway
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../services/gateway/keys.h"
#include "../../services/gateway/openapi.h"
#include "../../services/gateway/serve.h"
#include "../../services/gateway/settings.h"
#include "base/json.h"
#include "base/text.h"
#include "service/process.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct web *web;

/* Those of the seeds: ak_live_abcdefgh_secret may read, ak_live_hgfedcba_secret everything. */
static void know_keys(struct arena *arena)
{
    static char *reads[] = { "read" }, *all[] = { "admin" };
    Pb__ApiKey reader = PB__API_KEY__INIT, admin = PB__API_KEY__INIT;
    reader.id = "abcdefgh";
    reader.secret_hash = key_hash(arena, "ak_live_abcdefgh_secret");
    reader.scopes = reads;
    admin.id = "hgfedcba";
    admin.secret_hash = key_hash(arena, "ak_live_hgfedcba_secret");
    admin.scopes = all;
    admin.every_company = admin.has_every_company = true;
    reader.n_scopes = admin.n_scopes = 1;
    keys_set((Pb__ApiKey *[]){ &reader, &admin }, 2, 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct bus_options nowhere = { .url = "nats://127.0.0.1:1", .name = "fuzz" };
    struct error error = { 0 };
    struct web_options options = {
        .listen = "127.0.0.1:0", .threads = 2, .keep_alive_ms = 100, .request_wait_ms = 500
    };
    struct arena *arena = arena_new(0);
    (void)argc, (void)argv;
    options.body_max = serve_body_max;
    options.handle = serve_handle;
    options.refuse = serve_refuse;
    settings.environment = "development";
    settings.app_secrets = "secret";
    settings.verify_token = "token";
    settings.threads = 2;
    know_keys(arena);
    arena_free(arena);
    openapi_open();
    if (bus_open(&nowhere, &process.bus, &error) != OK || web_open(&options, &web, &error) != OK)
        abort();
    return 0;
}

/* libFuzzer's clock ticks every few seconds, in this thread: a call that it meets goes on. */
static void ride_the_clock(void)
{
    struct sigaction action;
    if (sigaction(SIGALRM, NULL, &action) != 0 || (action.sa_flags & SA_RESTART) != 0)
        return;
    action.sa_flags |= SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
}

/* From another address of the loopback each time: ports stay taken for a minute, and there are but 28,000 of them. */
static int dial(void)
{
    static uint32_t count;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + count++ % 250) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_port = htons((uint16_t)web_port(web));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        abort();
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

/* All that comes back until the end. */
static const char *exchange_bytes(struct arena *arena, const uint8_t *data, size_t bytes)
{
    char piece[4096];
    struct buffer answer = { .arena = arena };
    int fd = dial();
    for (size_t sent = 0; sent < bytes;) {
        ssize_t count = send(fd, data + sent, bytes - sent, MSG_NOSIGNAL);
        if (count <= 0)
            break;
        sent += (size_t)count;
    }
    shutdown(fd, SHUT_WR);
    for (ssize_t count; (count = recv(fd, piece, sizeof piece, 0)) > 0;)
        buffer_add_n(&answer, piece, (size_t)count);
    close(fd);
    return buffer_text(&answer);
}

/* One answer of those in a row; returns where the next one begins. */
static const char *check_answer(const char *answer, bool bodiless)
{
    const char *body = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length: ");
    struct error error = { 0 };
    if (!text_starts(answer, "HTTP/1.1 ") || body == NULL)
        abort();
    body += 4;
    int status = atoi(answer + 9);
    size_t bytes = length == NULL || length > body || bodiless ? 0 : strtoul(length + 18, NULL, 10);
    const char *type = strstr(answer, "\r\nContent-Type: application/problem+json\r\n");
    if (status >= 400 && !(status == 503 && bytes > 0 && strstr(body, "\"checks\"")) && (type == NULL || type > body))
        abort();
    if (bytes > strlen(body) || (status >= 400 && bytes > 0 && json_check(body, bytes, &error) != OK))
        abort();
    return body + bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    ride_the_clock();
    struct arena *arena = arena_new(0);
    settings.auth = data[0] & 1;
    settings.app_secrets = data[0] & 2 ? "" : "secret"; /* without auth and secrets a webhook need not be signed */
    char *sent = arena_text_n(arena, (const char *)data + 1, bytes - 1);
    const char *answer = exchange_bytes(arena, data + 1, bytes - 1);
    bool bodiless = memmem(sent, bytes - 1, "HEAD", 4) != NULL;
    if (bodiless) /* which of the answers have none can't be told without reading the requests as the server does */
        check_answer(*answer ? answer : "HTTP/1.1 200 \r\n\r\n", true);
    else
        while (*answer)
            answer = check_answer(answer, false);
    arena_free(arena);
    return 0;
}
