#include "llm/embed.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "llm/llm_inside.h"

enum { NAME_CHARACTERS_MAX = 100, VECTOR_MAX = 16384 };
static const double VALUE_MAX = 1e30; /* no embedding has such, and sums of them stay numbers */

/* -- models */

static const struct {
    const char *provider, *model; /* where none is named */
    double cosine_min;
} PROVIDERS[] = { { "local", "1", 0.20 },
                  { "openai", "text-embedding-3-small", 0.30 },
                  { "gemini", "gemini-embedding-001", 0.55 } };
enum { PROVIDER_COUNT = sizeof PROVIDERS / sizeof *PROVIDERS };

/* "openai:x" is of openai, and so is "openai". PROVIDER_COUNT: of none. */
static size_t place_of(const char *name)
{
    size_t bytes = strcspn(name, ":"), i = 0;
    while (i < PROVIDER_COUNT &&
           (strlen(PROVIDERS[i].provider) != bytes || memcmp(PROVIDERS[i].provider, name, bytes) != 0))
        i++;
    return i;
}

static bool name_is_plain(const char *name)
{
    size_t bytes = strlen(name);
    for (size_t i = 0; i < bytes; i++)
        if (name[i] <= ' ' || name[i] == 0x7F || strchr("\"\\", name[i]))
            return false;
    return bytes > 0 && bytes <= NAME_CHARACTERS_MAX;
}

const char *embed_model(struct arena *arena, const char *name)
{
    size_t place = place_of(name);
    const char *own = strchr(name, ':');
    if (place == PROVIDER_COUNT || (own && !name_is_plain(own + 1)) ||
        (own && embed_is_local(name) && strcmp(name, "local:1") != 0))
        return NULL;
    return text_format(arena, "%s:%s", PROVIDERS[place].provider, own ? own + 1 : PROVIDERS[place].model);
}

bool embed_is_local(const char *model)
{
    return text_same(model, "local") || text_starts(model, "local:");
}

const struct llm_provider *embed_provider(const char *model)
{
    size_t place = place_of(model);
    return place == PROVIDER_COUNT || embed_is_local(model) ? NULL : llm_provider(PROVIDERS[place].provider);
}

double embed_cosine_min(const char *model)
{
    size_t place = place_of(model);
    return place == PROVIDER_COUNT ? 1 : PROVIDERS[place].cosine_min;
}

/* -- vectors */

double embed_cosine(const struct embedding *a, const struct embedding *b)
{
    int64_t dot = 0, of_a = 0, of_b = 0;
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++) {
        dot += a->value[i] * b->value[i];
        of_a += a->value[i] * a->value[i];
        of_b += b->value[i] * b->value[i];
    }
    return of_a && of_b ? (double)dot / sqrt((double)of_a * (double)of_b) : 0;
}

/* More dimensions than ours are thrown together with signs that follow from their place: angles stay about the same. */
static void fold(const double *values, size_t count, double out[EMBED_DIMENSIONS])
{
    memset(out, 0, EMBED_DIMENSIONS * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        uint64_t mixed = (uint64_t)i * 0x9e3779b97f4a7c15u;
        mixed ^= mixed >> 32;
        bool minus = count > EMBED_DIMENSIONS && (mixed * 0xff51afd7ed558ccdu) >> 63;
        out[i % EMBED_DIMENSIONS] += minus ? -values[i] : values[i];
    }
}

void embed_fit(const double *values, size_t count, struct embedding *out)
{
    double fitted[EMBED_DIMENSIONS], largest = 0;
    fold(values, count, fitted);
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        if (fabs(fitted[i]) > largest)
            largest = fabs(fitted[i]);
    for (size_t i = 0; i < EMBED_DIMENSIONS; i++)
        out->value[i] = (int8_t)(largest > 0 ? lround(fitted[i] / largest * INT8_MAX) : 0);
}

/* -- asking */

static const char *name_of(const char *model)
{
    const char *colon = strchr(model, ':');
    return colon ? colon + 1 : model;
}

static const char *body_of_openai(struct arena *arena, const char *model, const char *const *texts, size_t count)
{
    struct buffer body = { .arena = arena };
    buffer_add(&body, "{\"model\":");
    json_add_string(&body, name_of(model));
    if (text_starts(name_of(model), "text-embedding-3")) /* others refuse it, or know no fewer dimensions */
        buffer_format(&body, ",\"dimensions\":%d", EMBED_DIMENSIONS);
    buffer_add(&body, ",\"encoding_format\":\"float\",\"input\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_add(&body, i ? "," : "");
        json_add_string(&body, texts[i]);
    }
    buffer_add(&body, "]}");
    return buffer_text(&body);
}

static const char *body_of_gemini(struct arena *arena, const char *model, const char *const *texts, size_t count,
                                  bool question)
{
    struct buffer body = { .arena = arena };
    buffer_add(&body, "{\"requests\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_format(
            &body,
            "%s{\"model\":\"models/%s\",\"taskType\":\"%s\",\"outputDimensionality\":%d,\"content\":{\"parts\":[{\"text\":",
            i ? "," : "", name_of(model), question ? "RETRIEVAL_QUERY" : "RETRIEVAL_DOCUMENT", EMBED_DIMENSIONS);
        json_add_string(&body, texts[i]);
        buffer_add(&body, "}]}}");
    }
    buffer_add(&body, "]}");
    return buffer_text(&body);
}

void embed_compose(struct arena *arena, const struct llm_endpoint *endpoint, const char *model,
                   const char *const *texts, size_t count, bool question, struct llm_http *out)
{
    assert(count > 0 && count <= EMBED_TEXTS_MAX);
    bool gemini = embed_provider(model) == &LLM_GEMINI;
    const char **headers = ARENA_ARRAY(arena, const char *, 3);
    headers[0] = "Content-Type: application/json";
    if (!text_empty(endpoint->key))
        headers[1] = text_format(arena, gemini ? "x-goog-api-key: %s" : "Authorization: Bearer %s", endpoint->key);
    bool version = text_ends(endpoint->base_url, "/v1beta") || text_ends(endpoint->base_url, "/v1");
    out->headers = headers;
    out->url = gemini ? text_format(arena, "%s%s/models/%s:batchEmbedContents", endpoint->base_url,
                                    version ? "" : "/v1beta", name_of(model))
                      : text_format(arena, "%s/embeddings", endpoint->base_url);
    out->body =
        gemini ? body_of_gemini(arena, model, texts, count, question) : body_of_openai(arena, model, texts, count);
}

/* -- judging */

static bool read_vector(const cJSON *list, struct embedding *out)
{
    double values[VECTOR_MAX];
    size_t count = 0;
    for (; list; list = list->next) {
        if (!cJSON_IsNumber(list) || count == VECTOR_MAX || !(fabs(list->valuedouble) <= VALUE_MAX))
            return false;
        values[count++] = list->valuedouble;
    }
    if (count)
        embed_fit(values, count, out);
    return count > 0;
}

/* Which text a vector is of: what it says, else the one whose turn it is. count: of none. */
static size_t place_said(const cJSON *index, size_t turn, size_t count)
{
    if (!cJSON_IsNumber(index))
        return turn;
    return index->valuedouble >= 0 && index->valuedouble < (double)count ? (size_t)index->valuedouble : count;
}

/* {"data":[{"index":0,"embedding":[...]}]}, in any order; how many texts have one. */
static size_t read_openai(const cJSON *root, size_t count, struct embedding *out)
{
    bool given[EMBED_TEXTS_MAX] = { false };
    size_t read = 0;
    for (const cJSON *one = llm_list(root, "data"); one; one = one->next) {
        size_t place = place_said(llm_member(one, "index"), read, count);
        if (place >= count || given[place] || !read_vector(llm_list(one, "embedding"), &out[place]))
            continue;
        given[place] = true;
        read++;
    }
    return read;
}

/* {"embeddings":[{"values":[...]}]}, in order. */
static size_t read_gemini(const cJSON *root, size_t count, struct embedding *out)
{
    size_t read = 0;
    for (const cJSON *one = llm_list(root, "embeddings"); one && read < count; one = one->next, read++)
        if (!read_vector(llm_list(one, "values"), &out[read]))
            return 0;
    return read;
}

const char *embed_model_name(const char *model)
{
    const char *own = strchr(model, ':');
    return own ? own + 1 : model;
}

void embed_judge(struct arena *arena, const char *model, size_t count, long http_status, const char *body, size_t bytes,
                 struct embedding *out, struct llm_reply *reply)
{
    const struct llm_provider *provider = embed_provider(model);
    assert(count <= EMBED_TEXTS_MAX);
    llm_blank(reply);
    if (http_status < 200 || http_status > 299) { /* its errors are those of its other answers */
        provider->judge(arena, http_status, body, bytes, reply);
        return;
    }
    const cJSON *root = llm_object(arena, body, bytes);
    size_t read = provider == &LLM_GEMINI ? read_gemini(root, count, out) : read_openai(root, count, out);
    reply->prompt_tokens = llm_tokens(llm_member(root, "usage"), "prompt_tokens");
    if (read == count)
        reply->end = LLM_ANSWERED;
    else
        llm_end(reply, LLM_RETRY, "unreadable", "the answer lacks embeddings");
}
