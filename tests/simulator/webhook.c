#include "webhook.h"

#include "memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECTIONS_MAX = 32,
    CONNECT_MS_MAX = 3000,
    ANSWER_MS_MAX = 15000,
    GAP_FIRST_MS = 100,
    GAP_MS_MAX = 5000,
    TRIES_MAX = 200,
};

/* One body on its way; lives until its last try is over. */
struct delivery {
    struct webhook *webhook;
    struct buffer body;
    bool retry;
    int copies_running;
    struct webhook_outcome outcome;
    struct timer next_try;
    void (*done)(void *owner, struct webhook_outcome outcome);
    void *owner;
};

/* One POST of it, from the moment it is planned. */
struct transfer {
    struct delivery *delivery;
    struct timer start;
    struct curl_slist *headers;
};

/* A socket of curl's. */
struct socket_watch {
    struct watch watch;
    struct webhook *webhook;
};

void webhook_sign(const char *secret, const void *bytes, size_t count, char signature[WEBHOOK_SIGNATURE_ROOM])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), bytes, count, digest, &length);
    size_t used = (size_t)snprintf(signature, WEBHOOK_SIGNATURE_ROOM, "sha256=");
    for (unsigned int i = 0; i < length; i++)
        used += (size_t)snprintf(signature + used, WEBHOOK_SIGNATURE_ROOM - used, "%02x", digest[i]);
}

static struct curl_slist *signature_header(const struct webhook *webhook, const struct buffer *body)
{
    int64_t fault = webhook->faults->webhook.bad_signature;
    if (fault == SIGNATURE_MISSING)
        return NULL;
    char secret[256];
    snprintf(secret, sizeof secret, "%s%s", webhook->secret, fault == SIGNATURE_STALE ? "-before-rotation" : "");
    char signature[WEBHOOK_SIGNATURE_ROOM];
    webhook_sign(secret, body->bytes, body->used, signature);
    char *last = signature + strlen(signature) - 1;
    if (fault == SIGNATURE_WRONG)
        *last = *last == '0' ? '1' : '0';
    char header[WEBHOOK_SIGNATURE_ROOM + 32];
    snprintf(header, sizeof header, "X-Hub-Signature-256: %s", signature);
    return curl_slist_append(NULL, header);
}

static size_t ignore_body(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static struct curl_slist *with_common_headers(struct curl_slist *headers)
{
    headers = curl_slist_append(headers, "Content-Type: application/json");
    return curl_slist_append(headers, "Expect:");
}

/* Every gateway of the business is as good as any other. */
static void take_url(struct webhook *webhook, char url[WEBHOOK_URLS_ROOM])
{
    const char *at = webhook->next == NULL || *webhook->next == '\0' ? webhook->urls : webhook->next;
    size_t length = strcspn(at, ",");
    snprintf(url, WEBHOOK_URLS_ROOM, "%.*s", (int)length, at);
    webhook->next = at + length + strspn(at + length, ",");
}

static void post(struct timer *timer)
{
    struct transfer *transfer = container_of(timer, struct transfer, start);
    struct delivery *delivery = transfer->delivery;
    char url[WEBHOOK_URLS_ROOM];
    take_url(delivery->webhook, url);
    transfer->headers = with_common_headers(signature_header(delivery->webhook, &delivery->body));
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "facebookexternalua");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, delivery->body.bytes);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)delivery->body.used);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS_MAX);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_multi_add_handle(delivery->webhook->multi, easy);
}

static void plan_copy(struct delivery *delivery)
{
    struct webhook *webhook = delivery->webhook;
    int64_t spread_ms = webhook->faults->webhook.spread_ms;
    struct transfer *transfer = memory_zeroed(sizeof *transfer);
    *transfer = (struct transfer){ .delivery = delivery, .start.expired = post };
    delivery->copies_running++;
    if (spread_ms == 0)
        post(&transfer->start);
    else
        timer_start(webhook->loop, &transfer->start, (int64_t)faults_dice(webhook->faults, (uint64_t)spread_ms + 1));
}

static void delivery_try(struct timer *timer)
{
    struct delivery *delivery = container_of(timer, struct delivery, next_try);
    delivery->outcome.status = 200;
    delivery->outcome.tries++;
    int64_t copies = delivery->webhook->faults->webhook.duplicate;
    for (int64_t i = 0; i < copies; i++)
        plan_copy(delivery);
}

static int64_t gap_ms(int tries)
{
    int64_t gap = GAP_FIRST_MS;
    for (int i = 1; i < tries && gap < GAP_MS_MAX; i++)
        gap *= 2;
    return gap < GAP_MS_MAX ? gap : GAP_MS_MAX;
}

static void delivery_over(struct delivery *delivery)
{
    bool again = delivery->retry && delivery->outcome.status != 200 && delivery->outcome.tries < TRIES_MAX;
    if (again) {
        timer_start(delivery->webhook->loop, &delivery->next_try, gap_ms(delivery->outcome.tries));
        return;
    }
    delivery->done(delivery->owner, delivery->outcome);
    buffer_clear(&delivery->body);
    free(delivery);
}

/* One refused copy makes the whole try a failed one. */
static void transfer_over(CURL *easy, CURLcode result)
{
    struct transfer *transfer = NULL;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    if (result == CURLE_OK)
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    struct delivery *delivery = transfer->delivery;
    curl_multi_remove_handle(delivery->webhook->multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(transfer->headers);
    free(transfer);
    if (status != 200)
        delivery->outcome.status = (int)status;
    if (--delivery->copies_running == 0)
        delivery_over(delivery);
}

static void advance(struct webhook *webhook, curl_socket_t fd, int actions)
{
    int running = 0;
    curl_multi_socket_action(webhook->multi, fd, actions, &running);
    int left = 0;
    for (CURLMsg *message; (message = curl_multi_info_read(webhook->multi, &left)) != NULL;)
        if (message->msg == CURLMSG_DONE)
            transfer_over(message->easy_handle, message->data.result);
}

static void curl_socket_ready(struct watch *watch, uint32_t events)
{
    struct socket_watch *socket = container_of(watch, struct socket_watch, watch);
    int actions = (events & (EPOLLIN | EPOLLRDHUP) ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                  (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    advance(socket->webhook, watch->fd, actions);
}

static void curl_timer_expired(struct timer *timer)
{
    advance(container_of(timer, struct webhook, curl_timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct webhook *webhook = context;
    if (timeout_ms < 0)
        timer_stop(webhook->loop, &webhook->curl_timer);
    else
        timer_start(webhook->loop, &webhook->curl_timer, timeout_ms);
    return 0;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    (void)easy;
    struct webhook *webhook = context;
    struct socket_watch *socket = socket_context;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL)
            loop_unwatch(webhook->loop, &socket->watch);
        free(socket);
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (socket != NULL) {
        loop_rewatch(webhook->loop, &socket->watch, events);
        return 0;
    }
    socket = memory_zeroed(sizeof *socket);
    *socket = (struct socket_watch){ .watch = { .fd = fd, .ready = curl_socket_ready }, .webhook = webhook };
    curl_multi_assign(webhook->multi, fd, socket);
    return loop_watch(webhook->loop, &socket->watch, events) ? 0 : -1;
}

bool webhook_open(struct webhook *webhook)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    webhook->multi = curl_multi_init();
    webhook->curl_timer.expired = curl_timer_expired;
    if (webhook->multi == NULL)
        return false;
    curl_multi_setopt(webhook->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(webhook->multi, CURLMOPT_SOCKETDATA, webhook);
    curl_multi_setopt(webhook->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(webhook->multi, CURLMOPT_TIMERDATA, webhook);
    curl_multi_setopt(webhook->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    curl_multi_setopt(webhook->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
    return true;
}

void webhook_deliver(struct webhook *webhook, struct buffer *body, bool retry,
                     void (*done)(void *owner, struct webhook_outcome outcome), void *owner)
{
    struct delivery *delivery = memory_zeroed(sizeof *delivery);
    *delivery = (struct delivery){ .webhook = webhook, .body = *body, .retry = retry, .done = done, .owner = owner };
    *body = (struct buffer){ 0 };
    delivery->next_try.expired = delivery_try;
    timer_start(webhook->loop, &delivery->next_try, 0);
}
