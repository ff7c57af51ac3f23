#include "llm/moderation.h"

#include "llm/llm_inside.h"

const char MODERATION_MODEL[] = "omni-moderation-latest";

bool moderation_known(const char *provider)
{
    return text_same(provider, LLM_OPENAI.name);
}

void moderation_compose(struct arena *arena, const struct llm_endpoint *endpoint, const char *text,
                        struct llm_http *out)
{
    struct buffer body = { .arena = arena };
    buffer_format(&body, "{\"model\":\"%s\",\"input\":", MODERATION_MODEL);
    json_add_string(&body, text);
    buffer_add_char(&body, '}');
    const char **headers = ARENA_ARRAY(arena, const char *, 3);
    headers[0] = "Content-Type: application/json";
    if (!text_empty(endpoint->key))
        headers[1] = text_format(arena, "Authorization: Bearer %s", endpoint->key);
    *out = (struct llm_http){ .url = text_format(arena, "%s/moderations", endpoint->base_url),
                              .headers = headers,
                              .body = buffer_text(&body) };
}

/* One result, for there was one text. */
static void judge_result(const cJSON *result, struct moderation *out)
{
    const cJSON *flagged = llm_member(result, "flagged"), *score;
    const cJSON *scores = llm_member(result, "category_scores");
    if (!cJSON_IsBool(flagged)) {
        *out =
            (struct moderation){ .end = LLM_RETRY, .reason = "unreadable", .error = "the moderation gave no result" };
        return;
    }
    *out = (struct moderation){ .end = LLM_ANSWERED, .flagged = cJSON_IsTrue(flagged), .reason = "", .error = "" };
    if (cJSON_IsObject(scores))
        cJSON_ArrayForEach (score, scores)
            if (cJSON_IsNumber(score) && score->valuedouble > out->score)
                out->score = llm_within(score->valuedouble, 0, 1);
}

void moderation_judge(struct arena *arena, long http_status, const char *body, size_t bytes, struct moderation *out)
{
    if (http_status >= 200 && http_status < 300) {
        judge_result(llm_list(llm_object(arena, body, bytes), "results"), out);
        return;
    }
    struct llm_reply failed;
    LLM_OPENAI.judge(arena, http_status, body, bytes, &failed); /* its errors are those of all of OpenAI */
    *out = (struct moderation){
        .end = failed.end, .reason = failed.reason, .error = failed.error, .retry_after_ms = failed.retry_after_ms
    };
}
