#include "service/event_type.h"

#include <stddef.h>
#include <string.h>

#define MESSAGE_ID                                                                                                     \
    {                                                                                                                  \
        "message_id", "string", "the message"                                                                          \
    }
#define CONVERSATION_ID                                                                                                \
    {                                                                                                                  \
        "conversation_id", "string", "the conversation"                                                                \
    }
#define CHANNEL                                                                                                        \
    {                                                                                                                  \
        "channel", "string", "channel word, for example whatsapp_cloud"                                                \
    }
#define REASON                                                                                                         \
    {                                                                                                                  \
        "reason", "string", "stable word, for example human_owner"                                                     \
    }
#define EXTERNAL_ID                                                                                                    \
    {                                                                                                                  \
        "external_id", "string", "the provider's id of the message"                                                    \
    }
#define EPOCH                                                                                                          \
    {                                                                                                                  \
        "epoch", "integer", "moves with each change of owner"                                                          \
    }
#define BY                                                                                                             \
    {                                                                                                                  \
        "by", "string", "who: customer, ai, operator:<name>, system"                                                   \
    }
#define JOB                                                                                                            \
    { "job_id", "string", "the job" },                                                                                 \
    {                                                                                                                  \
        "task", "string", "its kind"                                                                                   \
    }
#define STAGE                                                                                                          \
    { "stage_id", "string", "the stage" }, { "pipeline_id", "string", "its pipeline" },                                \
        { "name", "string", "its name" },                                                                              \
    {                                                                                                                  \
        "position", "integer", "order in the pipeline"                                                                 \
    }
#define PIPELINE                                                                                                       \
    { "pipeline_id", "string", "the pipeline" }, { "name", "string", "its name" },                                     \
        { "is_default", "boolean", "new leads enter it" }, { "archived", "boolean", "out of use" },                    \
    {                                                                                                                  \
        "stages", "integer", "how many it has"                                                                         \
    }
#define AI_MODEL                                                                                                       \
    { "model_id", "string", "the entry of the company's list" },                                                       \
        { "stage_id", "string", "the stage it answers in; absent: every one" },                                        \
        { "position", "integer", "order in which it is asked" }, { "provider", "string", "openai, local, ..." },       \
        { "model", "string", "as the provider names it" },                                                             \
    {                                                                                                                  \
        "prompt_version", "integer", "of its system prompt"                                                            \
    }
#define DOCUMENT                                                                                                       \
    { "document_id", "string", "the document" },                                                                       \
    {                                                                                                                  \
        "title", "string", "its title"                                                                                 \
    }
#define TURN_ID                                                                                                        \
    {                                                                                                                  \
        "turn_id", "string", "the turn"                                                                                \
    }
#define OPENED_AT                                                                                                      \
    {                                                                                                                  \
        "opened_at", "string", "when the AI began to answer"                                                           \
    }

const struct event_type EVENT_TYPES[] = {
    { "lead.created",
      "LeadCreated",
      "A person wrote for the first time.",
      { { "lead_id", "string", "the lead" },
        CHANNEL,
        { "contact", "string", "kind of the first contact: phone, bsuid, email" } } },
    { "lead.updated",
      NULL,
      "A lead's own fields were changed by a person.",
      { { "changed", "array", "names of the members" } } },
    { "lead.stage_changed",
      "StageChanged",
      "A lead moved to another stage.",
      { { "from", "string", "stage id" },
        { "to", "string", "stage id" },
        { "from_name", "string", "name of the stage" },
        { "to_name", "string", "name of the stage" },
        { "reason", "string", "why, in the model's words; score: by the stage's rule" },
        BY,
        { "evidence", "string", "message that supports it, when the AI moved it" } } },
    { "lead.merged",
      NULL,
      "Two leads turned out to be one person; the older one stays.",
      { { "merged_lead_id", "string", "the younger one" },
        { "moved", "object", "ids of what was moved, enough to undo it" } } },
    { "lead.opted_out",
      NULL,
      "The person wants no marketing any more.",
      { MESSAGE_ID, { "scope", "string", "marketing" } } },
    { "lead.opted_in", NULL, "The person wants marketing again.", { MESSAGE_ID, { "scope", "string", "marketing" } } },
    { "lead.consent_changed",
      NULL,
      "What a person allows was recorded.",
      { { "consent_id", "string", "its entry in the ledger" },
        { "scope", "string", "marketing, transactional" },
        { "granted", "boolean", "false: withdrawn" },
        { "counts", "boolean", "false: a later word of the person's is known already" },
        { "source", "string", "where it comes from" } } },
    { "lead.summarised",
      NULL,
      "What was said with a lead was summed up, under its attributes.ai_summary.",
      { CONVERSATION_ID,
        { "covered_sequence", "integer", "the newest message that it covers" },
        { "sentiment", "string", "positive, neutral, negative" },
        { "version", "integer", "of the lead now" } } },
    { "lead.bumped",
      NULL,
      "A nudge to a silent lead was written and waits to leave.",
      { MESSAGE_ID,
        CONVERSATION_ID,
        { "opening", "string", "following_up, checking_in, circling_back" },
        { "template", "boolean", "it leaves by the company's approved template" } } },
    { "message.received",
      "InboundMessageReceived, message.inbound",
      "A customer's message was stored.",
      { MESSAGE_ID,
        CONVERSATION_ID,
        { "text", "string", "its text, caption or title" },
        CHANNEL,
        { "kind", "string", "text, image, ..." },
        { "position", "integer", "order in the conversation" },
        { "automatic", "boolean", "one of several in a row that a machine seems to have written: it is not answered" },
        { "quick", "boolean", "it came faster after an answer of the AI's than a person reads and writes" } } },
    { "message.queued",
      NULL,
      "A message that is no turn's reply waits to leave.",
      { MESSAGE_ID,
        CONVERSATION_ID,
        CHANNEL,
        { "sender_type", "string", "ai, operator, system" },
        { "cause", "string", "reply, operator, notice, proactive" } } },
    { "message.sent", "MessageSent", "The provider took the message.", { MESSAGE_ID, CHANNEL, EXTERNAL_ID } },
    { "message.delivered",
      NULL,
      "It reached the person's device; occurred_at is the provider's.",
      { MESSAGE_ID, CHANNEL, EXTERNAL_ID } },
    { "message.read", NULL, "It was read; occurred_at is the provider's.", { MESSAGE_ID, CHANNEL, EXTERNAL_ID } },
    { "message.media_stored",
      NULL,
      "The file of a customer's message is kept and can be had.",
      { MESSAGE_ID,
        CONVERSATION_ID,
        { "kind", "string", "image, audio, video, document, sticker" },
        { "mime_type", "string", "what it is" },
        { "bytes", "integer", "its size" } } },
    { "message.media_failed",
      NULL,
      "The file of a customer's message can't be had.",
      { MESSAGE_ID,
        CONVERSATION_ID,
        { "kind", "string", "image, audio, video, document, sticker" },
        { "reason", "string", "gone, too_large, forbidden_type, wrong_type, wrong_hash, unreachable, auth" } } },
    { "message.media_deleted",
      NULL,
      "The file of a customer's message was deleted.",
      { MESSAGE_ID, CONVERSATION_ID, { "kind", "string", "image, audio, video, document, sticker" } } },
    { "media.deleted",
      NULL,
      "A file that was uploaded was deleted.",
      { { "media_id", "string", "the file" }, { "kind", "string", "image, audio, video, document, sticker" } } },
    { "template.changed",
      NULL,
      "A template's state changed at the provider; what waits to leave with one that is not approved is held.",
      { { "template_id", "string", "the template" },
        { "name", "string", "its name" },
        { "from", "string", "state before; absent: it is new" },
        { "to", "string", "approved, pending, rejected, paused, disabled" },
        REASON,
        { "queued", "integer", "messages that wait to leave with it" } } },
    { "message.failed",
      NULL,
      "It could not be sent or delivered.",
      { MESSAGE_ID,
        CHANNEL,
        { "class", "string", "auth, template, unreachable, ..." },
        { "code", "string", "the provider's code" },
        { "error", "string", "one sentence" } } },
    { "message.unknown",
      NULL,
      "Bytes left and no answer came: settled by its receipt, or reported.",
      { MESSAGE_ID, CHANNEL } },
    { "message.held", NULL, "The gate keeps it: a person must decide.", { MESSAGE_ID, CHANNEL, REASON } },
    { "message.withdrawn",
      NULL,
      "The customer wrote again before it left; the next turn answers all.",
      { MESSAGE_ID, CHANNEL, REASON } },
    { "message.cancelled", NULL, "It will never leave.", { MESSAGE_ID, CHANNEL, REASON } },
    { "turn.committed",
      "AIEngaged, AIEngageCompleted",
      "The AI's answer was stored and waits to leave.",
      { TURN_ID,
        CONVERSATION_ID,
        MESSAGE_ID,
        CHANNEL,
        OPENED_AT,
        { "covered", "array", "ids of the messages it answers" },
        { "model", "string", "as the provider named it" },
        { "provider", "string", "openai, local, ..." },
        { "handed_over", "boolean", "true: a person goes on" } } },
    { "turn.superseded",
      NULL,
      "A newer message made the turn void before it was committed.",
      { TURN_ID, CONVERSATION_ID } },
    { "turn.failed", NULL, "The turn was refused at its commit.", { TURN_ID, CONVERSATION_ID, OPENED_AT, REASON } },
    { "conversation.taken_over", NULL, "A person owns the conversation.", { CONVERSATION_ID, EPOCH, BY } },
    { "conversation.handed_back", NULL, "The AI owns the conversation.", { CONVERSATION_ID, EPOCH, BY } },
    { "conversation.escalated",
      NULL,
      "Something waits for a person; with an epoch: the conversation is a person's from now on.",
      { CONVERSATION_ID,
        { "reason", "string", "a stable word, for example ai_unavailable, or the model's own words" },
        { "urgency", "string", "low, normal, high" },
        EPOCH,
        BY,
        { "message_id", "string", "the message that is meant, or that tells the customer" } } },
    { "conversation.overdue",
      NULL,
      "A person has been waited for longer than the company allows; said once for each wait.",
      { CONVERSATION_ID,
        { "waiting_since_at", "string", "since when" },
        { "message_id", "string",
          "the oldest message that nobody has answered; absent: all are, a person was asked for" },
        { "assignee", "string", "whose it is; absent: nobody's" },
        { "reason", "string", "of its escalation; absent: a person took it" },
        { "given_back", "boolean", "the AI answers now" } } },
    { "conversation.closed", NULL, "The conversation ended.", { CONVERSATION_ID, BY } },
    { "conversation.reopened", NULL, "It goes on.", { CONVERSATION_ID, BY } },
    { "conversation.assigned",
      NULL,
      "It belongs to a person of the team, or to nobody.",
      { CONVERSATION_ID,
        { "from", "string", "whose it was; absent: nobody's" },
        { "to", "string", "whose it is; absent: nobody's" },
        BY } },
    { "note.created",
      NULL,
      "A person wrote a note about a conversation, which the customer does not see.",
      { { "note_id", "string", "the note" }, CONVERSATION_ID, { "for_ai", "boolean", "the model is told of it" } } },
    { "conversation.seen",
      NULL,
      "A person has read it.",
      { CONVERSATION_ID, { "position", "integer", "up to this one" } } },
    { "company.updated",
      NULL,
      "A company's settings were changed.",
      { { "changed", "array", "names of the members" } } },
    { "pipeline.created", NULL, "A pipeline was made, with its stages.", { PIPELINE } },
    { "pipeline.updated", NULL, "A pipeline was changed.", { PIPELINE } },
    { "pipeline.deleted", NULL, "A pipeline and its stages are no more.", { PIPELINE } },
    { "stage.created", NULL, "A stage was added to a pipeline.", { STAGE } },
    { "stage.updated", NULL, "A stage was changed.", { STAGE } },
    { "stage.deleted", NULL, "A stage is no more.", { STAGE } },
    { "ai_model.created", NULL, "A model was added to those that may answer.", { AI_MODEL } },
    { "ai_model.updated", NULL, "A model was changed; another prompt has another version.", { AI_MODEL } },
    { "ai_model.deleted", NULL, "A model answers no more; its prompts stay.", { AI_MODEL } },
    { "document.saved",
      NULL,
      "A company's material was given or replaced; it is found once it is indexed.",
      { DOCUMENT } },
    { "document.indexed",
      NULL,
      "What a document says is found from here on.",
      { DOCUMENT, { "chunks", "integer", "parts that it was cut into" } } },
    { "document.failed", NULL, "A document can't be indexed; what it said before is still found.", { DOCUMENT } },
    { "document.deleted", NULL, "A document is found no longer.", { DOCUMENT } },
    { "budget.reached",
      NULL,
      "What a company lets its models cost is used up; told once per period. Who writes then reaches a person.",
      { { "scope", "string", "conversation, lead, company or company_month" },
        { "scope_id", "string", "id of the conversation, lead or company" },
        { "period", "string", "its first day" },
        CONVERSATION_ID } },
    { "job.dead_lettered",
      NULL,
      "A job is out of retries, or none can heal it.",
      { JOB,
        { "attempt", "integer", "runs so far" },
        { "code", "string", "class of the error" },
        { "error", "string", "one sentence" } } },
    { "job.replayed", NULL, "A dead job runs again.", { JOB } },
    { NULL, NULL, NULL, { { NULL, NULL, NULL } } },
};

const struct event_type *event_type_find(const char *name)
{
    for (const struct event_type *type = EVENT_TYPES; type->name != NULL; type++) {
        if (strcmp(type->name, name) == 0)
            return type;
    }
    return NULL;
}
