#include "models.h"

#include "base/text.h"
#include "transcode.h"
#include "wire/pb.h"

/* What was not asked for is what the store makes of it. */
static bool same_model(const Pb__AiModelCreateRequest *wanted, const Pb__AiModel *found)
{
    return text_same(wanted->provider, found->provider) && text_same(wanted->model, found->model) &&
           text_same(wanted->stage_id, found->stage_id) &&
           text_same(text_or(wanted->system_prompt, ""), text_or(found->system_prompt, "")) &&
           (!wanted->has_position || wanted->position == found->position) &&
           (!wanted->has_temperature || wanted->temperature == found->temperature) &&
           (!wanted->has_max_tokens || wanted->max_tokens == found->max_tokens);
}

enum status ai_model_follow(struct exchange *exchange, const ProtobufCMessage *request, ProtobufCMessage *reply,
                            struct error *error)
{
    (void)exchange;
    if (same_model((const Pb__AiModelCreateRequest *)request, (const Pb__AiModel *)reply))
        return OK;
    return transcode_other_body(error);
}
