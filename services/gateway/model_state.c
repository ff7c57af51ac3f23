#include "model_state.h"

#include <pthread.h>
#include <stdio.h>

#include "base/text.h"
#include "service/service.h"
#include "wire/pb.h"

enum { PROVIDERS_MAX = 8, NAME_BYTES = 32 };

/* Of each provider the last word, whichever process said it. */
static struct told {
    char provider[NAME_BYTES], reason[NAME_BYTES];
    moment until_at;
} list[PROVIDERS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct arena *hearing; /* what is being read; one subscription, one thread */

static struct told *told_of(const char *provider)
{
    size_t i = 0;
    while (i + 1 < PROVIDERS_MAX && *list[i].provider && !text_same(list[i].provider, provider))
        i++;
    return &list[i];
}

static void on_model(void *context, const struct bus_message *message)
{
    void *decoded = NULL;
    (void)context;
    arena_reset(hearing);
    if (pb_unpack(hearing, NUDGE_MODEL.request, message->data, message->bytes, &decoded, NULL) != OK)
        return;
    const Pb__ModelNudge *said = decoded;
    if (text_empty(said->provider))
        return;
    pthread_mutex_lock(&lock);
    struct told *told = told_of(said->provider);
    snprintf(told->provider, NAME_BYTES, "%s", said->provider);
    snprintf(told->reason, NAME_BYTES, "%s", text_or(said->reason, ""));
    told->until_at = said->until_at;
    pthread_mutex_unlock(&lock);
}

enum status model_state_open(struct error *error)
{
    hearing = arena_new(0);
    return bus_listen(service_bus(), NUDGE_MODEL.name, on_model, NULL, error);
}

static void show(struct arena *arena, Pb__AiModel *model)
{
    Pb__AiModelStatus *status = PB_NEW(arena, ai_model_status);
    pthread_mutex_lock(&lock);
    const struct told *told = told_of(text_or(model->provider, ""));
    bool passed_over = text_same(told->provider, model->provider) && told->until_at > moment_now();
    if (passed_over) {
        status->reason = arena_text(arena, told->reason);
        PB_SET(status, until_at, told->until_at);
    }
    pthread_mutex_unlock(&lock);
    status->state = passed_over ? "passed_over" : "available";
    model->status = status;
}

enum status ai_models_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                             struct error *error)
{
    Pb__AiModelList *models = (Pb__AiModelList *)reply;
    (void)request;
    (void)error;
    for (size_t i = 0; i < models->n_items; i++)
        show(exchange->arena, models->items[i]);
    return OK;
}

enum status ai_model_shown(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                           struct error *error)
{
    (void)request;
    (void)error;
    show(exchange->arena, (Pb__AiModel *)reply);
    return OK;
}
