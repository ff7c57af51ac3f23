/*
 * simulator - stands in for Meta's Graph API and three vendors' models on a loopback port.
 *
 *   /{version}/{phone number id}/messages   the send endpoint, strict          graph.c
 *   /{version}/{media id}, /_media/...       files that people sent            media.c
 *   /sim-bucket/...                         files that Parley keeps            bucket.c
 *   /v1/chat/completions, /v1/models        OpenAI's model                     llm.c, llm_openai.c
 *   /v1/moderations                         OpenAI's moderation                llm.c, llm_moderation.c
 *   /v1/messages                            Anthropic's                        llm.c, llm_anthropic.c
 *   /v1beta/models/{model}:generateContent  Google's                           llm.c, llm_gemini.c
 *   /_sim/...                               what tests ask and tell            control.c
 *
 * It is an independent reading of the vendors' contracts: it uses nothing of Parley's own code.
 */
#include "bucket.h"
#include "control.h"
#include "graph.h"
#include "llm.h"
#include "media.h"
#include "simulator.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

static struct simulator simulator;

struct option_row {
    const char *name;
    const char *environment;
    char *place;
    size_t room;
};

#define SETTING(member) simulator.settings.member, sizeof simulator.settings.member

static const struct option_row option_rows[] = {
    { "app-secret", "META_APP_SECRET", SETTING(app_secret) },
    { "token", "WHATSAPP_CLOUD_TOKEN", SETTING(token) },
    { "webhook-url", "SIM_WEBHOOK_URL", SETTING(webhook_urls) },
    { "phone-id", "WHATSAPP_CLOUD_PHONE_ID", SETTING(phone_ids) },
    { "llm-key", "OPENAI_API_KEY", SETTING(llm_key) },
};

enum { OPTION_ROWS = sizeof option_rows / sizeof *option_rows, OPTION_PORT = OPTION_ROWS };

static int usage(void)
{
    fputs("usage: simulator --port N [--app-secret S] [--token T] [--webhook-url URL[,URL]] [--phone-id ID[,ID]] "
          "[--llm-key K]\n",
          stderr);
    return 2;
}

static bool set_port(const char *text)
{
    char *rest = NULL;
    long port = strtol(text, &rest, 10);
    if (*text == '\0' || *rest != '\0' || port < 0 || port > UINT16_MAX)
        return false;
    simulator.settings.port = (uint16_t)port;
    return true;
}

static bool set_option(int row, const char *value)
{
    if (row == OPTION_PORT)
        return set_port(value);
    if (strlen(value) >= option_rows[row].room)
        return false;
    text_copy(option_rows[row].place, option_rows[row].room, value);
    return true;
}

/* The environment first, the command line over it; the port is only on the command line. */
static bool read_settings(int argc, char **argv)
{
    struct option options[OPTION_ROWS + 2] = { [OPTION_PORT] = { "port", required_argument, NULL, OPTION_PORT } };
    bool port_given = false;
    for (int i = 0; i < OPTION_ROWS; i++) {
        options[i] = (struct option){ option_rows[i].name, required_argument, NULL, i };
        const char *value = getenv(option_rows[i].environment);
        if (value != NULL && !set_option(i, value))
            return false;
    }
    for (int row; (row = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (row == '?' || !set_option(row, optarg))
            return false;
        port_given = port_given || row == OPTION_PORT;
    }
    return port_given && optind == argc;
}

/* While a secret is rotated several are listed; the vendor signs with one. */
static void keep_first_secret(void)
{
    char *comma = strchr(simulator.settings.app_secret, ',');
    if (comma != NULL)
        *comma = '\0';
}

static void answer_unknown(struct exchange *exchange)
{
    struct buffer body = { 0 };
    buffer_add_text(&body, "{\"error\":\"nothing is simulated at this path\"}\n");
    http_answer_json(exchange, 0, 404, &body);
}

static void handle(void *context, struct exchange *exchange)
{
    (void)context;
    const struct http_request *request = &exchange->request;
    if (control_matches(request))
        control_handle(&simulator, exchange);
    else if (bucket_matches(request))
        bucket_handle(exchange);
    else if (media_matches(request))
        media_handle(&simulator, exchange);
    else if (llm_matches(request))
        llm_handle(&simulator, exchange);
    else if (graph_matches(request))
        graph_handle(&simulator, exchange);
    else
        answer_unknown(exchange);
}

static void told_to_stop(struct watch *watch, uint32_t events)
{
    (void)watch;
    (void)events;
    loop_stop(&simulator.loop);
}

static bool watch_signals(void)
{
    static struct watch signals = { .ready = told_to_stop };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return signals.fd >= 0 && loop_watch(&simulator.loop, &signals, EPOLLIN);
}

/* Thousands of clients at once are more descriptors than a shell usually grants. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void connect_parts(void)
{
    simulator.webhook = (struct webhook){
        .loop = &simulator.loop,
        .faults = &simulator.faults,
        .urls = simulator.settings.webhook_urls,
        .secret = simulator.settings.app_secret,
    };
    simulator.receipts = (struct receipts){
        .loop = &simulator.loop,
        .faults = &simulator.faults,
        .records = &simulator.records,
        .webhook = &simulator.webhook,
    };
    simulator.server.handle = handle;
    receipts_open(&simulator.receipts);
    records_open(&simulator.records);
    faults_reset(&simulator.faults);
}

int main(int argc, char **argv)
{
    if (!read_settings(argc, argv))
        return usage();
    keep_first_secret();
    raise_descriptor_limit();
    connect_parts();
    if (!loop_open(&simulator.loop) || !watch_signals() || !webhook_open(&simulator.webhook) ||
        !http_server_open(&simulator.server, &simulator.loop, simulator.settings.port)) {
        fprintf(stderr, "simulator: can't start on port %u: %s\n", simulator.settings.port, strerror(errno));
        return 1;
    }
    printf("simulator ready on http://127.0.0.1:%u\n", simulator.server.port);
    fflush(stdout);
    loop_run(&simulator.loop);
    return 0;
}
