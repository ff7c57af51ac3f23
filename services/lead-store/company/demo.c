#include "demo.h"

#include "base/ident.h"
#include "core/column.h"
#include "knowledge/document_view.h"
#include "knowledge/index.h"
#include "knowledge/split.h"
#include "llm/embed.h"

static const struct {
    const char *title, *text;
} documents[] = {
    { "Prices",
      "What does Lumen Desk cost? Lumen Desk costs 19 euros per agent and month on the Starter plan, 39 euros on the Team plan and 79 euros on the "
      "Business plan. Paying by the year lowers the price by two months. Prices are without VAT. There is no set-up fee." },
    { "Plans",
      "The Starter plan has one shared inbox, email and WhatsApp, for up to 3 agents. The Team plan adds automations, reports and the knowledge base, for "
      "up to 25 agents. The Business plan adds single sign-on, audit log and a named contact, without a limit of agents." },
    { "Free trial",
      "You can try Lumen Desk free for 14 days with all features of the Team plan. No credit card is needed. After the trial your account stays readable for "
      "30 days, so that nothing is lost while you decide." },
    { "Opening hours of our support",
      "Our support answers on weekdays from 8:00 to 20:00 Central European Time and on Saturdays from 10:00 to 16:00. Business customers reach the on-call "
      "team around the clock." },
    { "Refunds and cancellation",
      "You can cancel at the end of any month in Settings, Billing. If you are not happy, we refund the last payment within 30 days of it, no questions "
      "asked. Refunds arrive within 5 working days." },
    { "Integrations",
      "Lumen Desk connects with WhatsApp, email, Shopify, WooCommerce, Slack, HubSpot, Salesforce and Zapier. There is a REST API with webhooks for "
      "everything else." },
    { "Security and privacy",
      "Data is stored in Frankfurt, encrypted in transit and at rest, with daily backups. We are ISO 27001 certified and sign a data processing agreement "
      "under the GDPR. Your conversations are never used to train models." },
    { "Languages",
      "Lumen Desk's screens are available in English, German, French, Spanish, Portuguese and Bengali. Replies can be translated automatically into 30 "
      "languages." },
    { "Moving from another help desk",
      "We import tickets, contacts and macros from Zendesk, Freshdesk and Intercom. A migration takes about two days and is free on the Team and Business "
      "plans." },
    { "Contact",
      "Write to hello@lumendesk.example or call +49 30 5550 0199. Our office is at Lichtstrasse 12, 10117 Berlin. To book a demo with a person, just ask here." },
};

enum { DOCUMENTS = sizeof documents / sizeof *documents };

static const struct statement demo_company = {
    .name = "demo_company",
    .sql = "update crm.companies set name = 'Lumen Desk', company_card = $2::jsonb, updated_at = $3 "
           "where id = $1::uuid and company_card = '{}' and name = 'Default Company'",
};

static const char card[] =
    "{\"name\":\"Lumen Desk\",\"what\":\"customer-support software for small teams: one inbox for WhatsApp, email and chat\","
    "\"tone\":\"friendly, short, concrete\",\"website\":\"https://lumendesk.example\"}";

static const struct statement demo_documents = {
    .name = "demo_documents",
    .sql =
        "insert into crm.ai_kb_docs (id, company_id, title, text, source, language, hash, state, created_at, updated_at) "
        "select u.id, $1::uuid, u.title, u.text, 'demo', 'english', encode(sha256(convert_to(u.title || chr(10) || u.text, 'UTF8')), 'hex'), 'ready', $5, $5 "
        "from unnest($2::uuid[], $3::text[], $4::text[]) as u(id, title, text) "
        "where not exists (select from crm.ai_kb_docs d where d.company_id = $1::uuid) on conflict do nothing returning id",
};

static const char EMBEDDING[] = "local:1";

/* Each is a chunk; indexed here, so that the first message finds them. */
static enum status demo_index(struct batch *batch, const char *company_id, size_t place, struct error *error)
{
    const char *title = documents[place].title, *id = ident_named(batch->arena, "demo", company_id, title, NULL);
    const struct chunk chunk = { .heading = "", .text = documents[place].text };
    struct embedding *vector = ARENA_NEW(batch->arena, struct embedding);
    Pb__KnowledgeChunk *row = PB_NEW(batch->arena, knowledge_chunk);
    Pb__KnowledgeIndexed indexed;
    pb__knowledge_indexed__init(&indexed);
    embed_local(batch->arena, chunk_embedded(batch->arena, title, &chunk), vector);
    row->id = chunk_name(batch->arena, id, EMBEDDING, "en", title, &chunk, 0);
    row->title = arena_text(batch->arena, title);
    row->heading = arena_text(batch->arena, chunk.heading);
    row->text = arena_text(batch->arena, chunk.text);
    row->embedding = arena_text(batch->arena, EMBEDDING);
    PB_SET(row, vector, ((ProtobufCBinaryData){ .len = sizeof *vector, .data = (uint8_t *)vector->value }));
    TRY(index_store(batch, company_id, id, &row, 1, error));
    const char *const ids[] = { row->id };
    return index_publish(batch, company_id, id, ids, 1, &indexed, error);
}

enum status demo_seed(struct batch *batch, const char *company_id, struct error *error)
{
    struct params *company = params_new(batch->arena), *params = params_new(batch->arena);
    struct rows rows;
    params_text(company, company_id);
    params_text(company, card);
    params_moment(company, batch->now);
    TRY(db_run(batch->db, batch->arena, &demo_company, company, NULL, error));
    TRY(document_hold_company(batch, company_id, error));
    params_text(params, company_id);
    COLUMN_TEXTS(params, DOCUMENTS, i, ident_named(batch->arena, "demo", company_id, documents[i].title, NULL));
    COLUMN_TEXTS(params, DOCUMENTS, i, documents[i].title);
    COLUMN_TEXTS(params, DOCUMENTS, i, documents[i].text);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &demo_documents, params, &rows, error));
    for (size_t i = 0; rows.count && i < DOCUMENTS; i++)
        TRY(demo_index(batch, company_id, i, error));
    return OK;
}
