#include "service/model_call.h"

#include <string.h>

#include "base/text.h"

enum { RUN_MS_MAX = 55000, FALLBACK_MS_MIN = 5000 }; /* of one handling; that a further model is worth asking with */
enum { ANSWER_BYTES_MAX = 512 * 1024 };

void model_asking_begin(struct model_asking *asking)
{
    asking->began_us = moment_monotonic_us();
}

static int64_t left_ms(const struct model_asking *asking)
{
    return RUN_MS_MAX - (moment_monotonic_us() - asking->began_us) / 1000;
}

bool model_time_left(const struct model_asking *asking)
{
    return left_ms(asking) >= FALLBACK_MS_MIN;
}

/* A further call gets what is left of the run. */
static int64_t wait_ms(const struct model_asking *asking)
{
    int64_t left = left_ms(asking);
    return left > model_wait_ms ? model_wait_ms : left > FALLBACK_MS_MIN ? left : FALLBACK_MS_MIN;
}

enum status model_next(struct model_asking *asking, Pb__TurnContext *context, moment now, struct model_choice *choice,
                       struct error *error)
{
    TRY(model_choose(context, asking->tried, now, choice, error));
    asking->provider = choice->provider;
    asking->bit = choice->bit;
    asking->others = choice->others;
    asking->started_us = moment_monotonic_us();
    return OK;
}

void model_call(struct batch *batch, struct item *item, struct model_asking *asking, const struct model_choice *choice,
                const struct llm_prompt *prompt, const char *label)
{
    struct llm_http http;
    struct llm_prompt asked = *prompt;
    asking->model = arena_text(item->arena, prompt->model);
    asking->format = prompt->schema && !asking->format_refused && model_formats(choice->provider, prompt->model);
    asked.schema = asking->format ? prompt->schema : NULL;
    choice->provider->compose(batch->arena, &choice->endpoint, &asked, &http);
    item->label = label;
    item_call(item, &(struct http_request){ .method = "POST",
                                            .url = http.url,
                                            .headers = http.headers,
                                            .body = http.body,
                                            .body_bytes = strlen(http.body),
                                            .wait_ms = wait_ms(asking),
                                            .response_bytes_max = ANSWER_BYTES_MAX });
}

/* The next model of the company's list is asked within the same run, if there is one and time for it. */
static bool fall_back(struct model_asking *asking, bool heals)
{
    if (!asking->others || !model_time_left(asking))
        return false;
    asking->tried |= asking->bit;
    asking->heals = asking->heals || heals;
    asking->format_refused = asking->malformed = false; /* that was the other's */
    return true;
}

/* The same model once more, before another one is asked: without the format, where its server may have refused just
 * that; after an answer that can't be read. */
static bool mend(struct model_asking *asking, const struct llm_reply *reply)
{
    bool refused = asking->format && reply->end == LLM_DEAD && text_same(reply->reason, "request");
    bool malformed = !asking->malformed && reply->end == LLM_RETRY && text_same(reply->reason, "malformed");
    if ((!refused && !malformed) || !model_time_left(asking))
        return false;
    asking->format_refused = asking->format_refused || refused;
    asking->malformed = asking->malformed || malformed;
    return true;
}

static void read_response(struct batch *batch, const struct http_response *response, const struct model_asking *asking,
                          const struct model_wanted *wanted, struct llm_reply *reply)
{
    asking->provider->judge(batch->arena, response->status, response->body, response->body_bytes, reply);
    if (response->retry_after_ms > 0)
        reply->retry_after_ms = response->retry_after_ms;
    model_answered(asking->provider, reply, batch->now);
    model_state_tell(batch->arena, asking->provider, reply->reason, batch->now);
    if (reply->end != LLM_ANSWERED)
        return;
    if (asking->format_refused)
        model_refused_format(asking->provider, asking->model);
    if (wanted)
        wanted->read(batch->arena, wanted->how, reply);
}

static enum model_told judge(struct batch *batch, struct item *item, struct model_asking *asking,
                             const struct model_wanted *wanted, struct llm_reply *reply)
{
    read_response(batch, item->response, asking, wanted, reply);
    if (reply->end == LLM_ANSWERED || (reply->end == LLM_REFUSED && wanted && wanted->refusals))
        return MODEL_ANSWERED;
    if (mend(asking, reply))
        return MODEL_AGAIN;
    if (reply->end != LLM_REFUSED && fall_back(asking, reply->end == LLM_RETRY))
        return MODEL_AGAIN;
    /* another one of the list may be well again later */
    bool later = reply->end == LLM_RETRY || (reply->end == LLM_DEAD && asking->heals);
    item_fail(item, later ? RETRY : REJECT, reply->reason, "%s", reply->error);
    if (reply->end == LLM_RETRY && reply->retry_after_ms > 0)
        item_retry_after(item, reply->retry_after_ms);
    return MODEL_FAILED;
}

static struct metric seconds = { .name = "parley_model_seconds",
                                 .help = "time of a model's call, by provider",
                                 .kind = METRIC_HISTOGRAM,
                                 .label = "provider" };

enum model_told model_told(struct batch *batch, struct item *item, struct model_asking *asking,
                           const struct model_wanted *wanted, struct llm_reply *reply)
{
    const struct http_response *response = item->response;
    metric_observe(&seconds, asking->provider->name, moment_monotonic_us() - asking->started_us);
    switch (response->end) {
    case HTTP_ANSWERED:
        return judge(batch, item, asking, wanted, reply);
    case HTTP_ABORTED:
        model_ended(asking->provider);
        return MODEL_IN_VAIN;
    default:
        model_lost(asking->provider, batch->now);
        model_state_tell(batch->arena, asking->provider, "lost", batch->now);
        if (fall_back(asking, true))
            return MODEL_AGAIN;
        item_fail(item, RETRY, response->end == HTTP_BROKEN ? "timeout" : "unreachable", "the model did not answer: %s",
                  response->error.text);
        return MODEL_FAILED;
    }
}

int32_t model_latency_ms(const struct model_asking *asking)
{
    return (int32_t)((moment_monotonic_us() - asking->started_us) / 1000);
}
