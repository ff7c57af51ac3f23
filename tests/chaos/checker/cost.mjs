// docs/models.md: what models used is counted, and what a company lets them cost holds.
import { rule, sql } from './rule.mjs'

const page = 'docs/models.md'
const TOGETHER_MS = 5000 // turns that open in the moment in which a budget is used up may pass it

export const costRules = [
  rule('what was used is counted', page, sql(`
    with said as (select company_id, provider, model, sum(prompt_tokens) as prompt, sum(completion_tokens) as completion
                  from (select company_id, provider, coalesce(model, '') as model, prompt_tokens, completion_tokens from crm.turns where state = 'committed' and provider is not null
                        union all select company_id, provider, coalesce(model, ''), prompt_tokens, completion_tokens from crm.bumpups where provider is not null) p group by 1, 2, 3),
         counted as (select company_id, provider, model, sum(prompt_tokens) as prompt, sum(completion_tokens) as completion from crm.ai_usage group by 1, 2, 3)
    select s.*, c.prompt as counted_prompt, c.completion as counted_completion from said s left join counted c using (company_id, provider, model)
    where coalesce(c.prompt, 0) < s.prompt or coalesce(c.completion, 0) < s.completion`,
    row => `company ${row.company_id} used ${row.prompt} and ${row.completion} tokens of ${row.provider} ${row.model}; ${row.counted_prompt ?? 0} and ${row.counted_completion ?? 0} are counted`)),

  rule('conversations spend what their company does', page, sql(`
    select s.company_id, s.day::text, s.tokens, coalesce(u.tokens, 0) as counted from (select company_id, day, sum(tokens) as tokens, sum(cost) as cost from crm.ai_spent group by 1, 2) s
      left join (select company_id, day, sum(prompt_tokens + completion_tokens) as tokens, sum(cost) as cost from crm.ai_usage group by 1, 2) u using (company_id, day)
    where coalesce(u.tokens, 0) < s.tokens or coalesce(u.cost, 0) < s.cost`,
    row => `the conversations of company ${row.company_id} spent ${row.tokens} tokens on ${row.day}, the company ${row.counted}`)),

  rule('a budget that is used up is told once', page, sql(`
    select b.scope, b.scope_id, b.period::text, count(e.id)::integer as told from crm.ai_budgets_reached b left join crm.events e on e.company_id = b.company_id and e.type = 'budget.reached'
      and (e.payload ->> 'scope', e.payload ->> 'scope_id', e.payload ->> 'period') = (b.scope, b.scope_id::text, b.period::text)
    group by b.company_id, b.scope, b.scope_id, b.period having count(e.id) <> 1`,
    row => `the budget of ${row.scope} ${row.scope_id} for ${row.period} is used up; that was told ${row.told} times`)),

  // while a company's settings stay what they were
  rule('no model answers past a budget', page, sql(`
    select t.id, t.opened_at, b.scope, b.reached_at from crm.ai_budgets_reached b join crm.turns t on t.company_id = b.company_id
      and case b.scope when 'conversation' then t.conversation_id = b.scope_id when 'lead' then t.lead_id = b.scope_id else true end
    join crm.companies o on o.id = b.company_id
    where t.state = 'committed' and t.provider is not null and t.opened_at > b.reached_at + interval '${TOGETHER_MS} ms'
      and crm.ai_day(t.opened_at, o.timezone) between b.period and case when b.scope = 'company_month' then (b.period + interval '1 month - 1 day')::date else b.period end
      and not exists (select from crm.events e where e.company_id = b.company_id and e.type = 'company.updated' and e.admitted_at > b.reached_at)`,
    row => `turn ${row.id} was opened at ${row.opened_at.toISOString()} and a model answered it; the budget of its ${row.scope} was used up at ${row.reached_at.toISOString()}`)),
]
