#include "budget.h"

#include <string.h>

#include "base/text.h"
#include "core/payload.h"
#include "llm/llm.h"
#include "wire/pbjson.h"

enum { PRICES_MAX = 100, MODEL_BYTES_MAX = 128 };
static const double MONEY_MAX = 1e9;
static const int64_t TOKENS_MAX = 1000000000000;

static bool fits(double number)
{
    return number >= 0 && number <= MONEY_MAX;
}

static const char *budget_wrong(const Pb__AiBudget *budget, bool months)
{
    if (!budget)
        return NULL;
    if (budget->tokens_per_day < 0 || budget->tokens_per_day > TOKENS_MAX || budget->tokens_per_month < 0 ||
        budget->tokens_per_month > TOKENS_MAX || !fits(budget->money_per_day) || !fits(budget->money_per_month))
        return "budgets are whole numbers of tokens up to 1000000000000 and sums of money up to 1000000000";
    if (!months && (budget->has_tokens_per_month || budget->has_money_per_month))
        return "only the company has budgets per month";
    return NULL;
}

static bool price_fits(const Pb__AiPrice *price)
{
    return llm_provider(text_or(price->provider, "")) && strlen(text_or(price->model, "")) <= MODEL_BYTES_MAX &&
           price->has_input_per_million && price->has_output_per_million && fits(price->input_per_million) &&
           fits(price->output_per_million);
}

const char *budgets_wrong(const Pb__AiBudgets *budgets)
{
    const char *wrong = budget_wrong(budgets->conversation, false);
    wrong = wrong ? wrong : budget_wrong(budgets->lead, false);
    wrong = wrong ? wrong : budget_wrong(budgets->company, true);
    if (wrong)
        return wrong;
    if (budgets->n_prices > PRICES_MAX)
        return "budgets have at most 100 prices";
    for (size_t i = 0; i < budgets->n_prices; i++)
        if (!price_fits(budgets->prices[i]))
            return "a price has a provider, input_per_million and output_per_million, and a model's name of at most 128 bytes";
    return NULL;
}

Pb__AiBudgets *budgets_read(struct arena *arena, const char *json)
{
    ProtobufCMessage *budgets = NULL;
    if (text_empty(json) || text_same(json, "{}") ||
        pbjson_read(arena, &pb__ai_budgets__descriptor, json, strlen(json), &budgets, NULL) != OK)
        return NULL;
    return (Pb__AiBudgets *)budgets;
}

/* -- used up */

static const struct {
    const char *reason, *scope;
    bool month;
} REASONS[] = { { "budget_conversation", "conversation", false },
                { "budget_lead", "lead", false },
                { "budget_company_day", "company", false },
                { "budget_company_month", "company_month", true } };
enum { REASON_COUNT = sizeof REASONS / sizeof *REASONS };

static size_t place_of(const char *reason)
{
    size_t place = 0;
    while (place < REASON_COUNT && !text_same(REASONS[place].reason, reason))
        place++;
    return place;
}

bool budget_is(const char *reason)
{
    return place_of(reason) < REASON_COUNT;
}

static const struct statement budget_reach = {
    .name = "budget_reach",
    .sql =
        "insert into crm.ai_budgets_reached (company_id, scope, scope_id, period, reached_at) "
        "select o.id, $2, $3::uuid, case when $4 then date_trunc('month', d.day)::date else d.day end, $5 from crm.companies o "
        "cross join lateral (select crm.ai_day($5, o.timezone) as day) d where o.id = $1 "
        "on conflict do nothing returning period::text",
};

enum status budget_note(struct event_list *events, const struct held_conversation *conversation, const char *reason,
                        struct error *error)
{
    struct batch *batch = events->batch;
    size_t place = place_of(reason);
    const char *scope_id = place == 0   ? conversation->id
                           : place == 1 ? conversation->lead_id
                                        : conversation->company_id;
    struct params *params = params_new(batch->arena);
    struct rows rows;
    params_text(params, conversation->company_id);
    params_text(params, REASONS[place].scope);
    params_text(params, scope_id);
    params_bool(params, REASONS[place].month);
    params_moment(params, batch->now);
    TRY(db_run(batch->db, batch->arena, &budget_reach, params, &rows, error));
    if (!rows.count)
        return OK;
    struct payload payload = payload_start(batch->arena);
    payload_text(&payload, "scope", REASONS[place].scope);
    payload_text(&payload, "scope_id", scope_id);
    payload_text(&payload, "period", rows_text(&rows, 0, 0));
    payload_text(&payload, "conversation_id", conversation->id);
    event_note(events, (struct event_note){ .type = "budget.reached",
                                            .company_id = conversation->company_id,
                                            .lead_id = conversation->lead_id,
                                            .payload = payload_end(&payload),
                                            .actor = "system" });
    return OK;
}
