-- Which model answers, what it may do, what it may cost.

-- Actions that a company's model may take beside its text; a stage's ai_config.actions goes before it.
alter table crm.companies add column ai_actions text[] not null default '{hand_over}';

alter table crm.ai_models add column version bigint not null default 1;

-- Every prompt that ever answered. A version's number is the company's, so that a reply's prompt_version names one text.
create table crm.ai_prompts (
    company_id    uuid not null references crm.companies,
    version       integer not null,
    model_id      uuid not null,                        -- of ai_models; stays when that is deleted
    system_prompt text not null,
    created_at    timestamptz not null,
    primary key (company_id, version)
);
create index ai_prompts_model on crm.ai_prompts (model_id, version);
insert into crm.ai_prompts (company_id, version, model_id, system_prompt, created_at)
    select distinct on (company_id, prompt_version) company_id, prompt_version, id, system_prompt, updated_at from crm.ai_models
    order by company_id, prompt_version, created_at, id;

-- What was used, by the company's day. Counters, added up once per batch; shards keep two writers from waiting for each other.
create table crm.ai_usage (
    company_id        uuid not null references crm.companies,
    day               date not null,
    provider          text not null,
    model             text not null,
    shard             smallint not null,
    calls             bigint not null,
    failed            bigint not null,
    prompt_tokens     bigint not null,
    completion_tokens bigint not null,
    cost              numeric(20, 8) not null,
    primary key (company_id, day, provider, model, shard)
);

-- The same for one conversation's latest day, only where the company has budgets.
create table crm.ai_spent (
    conversation_id uuid primary key references crm.conversations,
    company_id      uuid not null,
    lead_id         uuid not null,
    day             date not null,
    tokens          bigint not null,
    cost            numeric(20, 8) not null
);
create index ai_spent_lead on crm.ai_spent (lead_id);

-- A budget that was reached, told once per conversation, lead or company and period.
create table crm.ai_budgets_reached (
    company_id uuid not null references crm.companies,
    scope      text not null,
    scope_id   uuid not null,
    period     date not null,                           -- its first day
    reached_at timestamptz not null,
    primary key (company_id, scope, scope_id, period)
);

create function crm.ai_day(at timestamptz, zone text) returns date language sql immutable parallel safe as $$
    select (at at time zone zone)::date
$$;

-- The first budget of a company that a conversation has used up; null: none. Asked only where there are budgets, before each call of a model.
create function crm.ai_budget_reached(budgets jsonb, of_company uuid, of_conversation uuid, of_lead uuid, today date) returns text language sql stable as $$
    select case
        when c.tokens >= (budgets #>> '{conversation,tokens_per_day}')::bigint or c.cost >= (budgets #>> '{conversation,money_per_day}')::numeric
            then 'budget_conversation'
        when l.tokens >= (budgets #>> '{lead,tokens_per_day}')::bigint or l.cost >= (budgets #>> '{lead,money_per_day}')::numeric then 'budget_lead'
        when d.tokens >= (budgets #>> '{company,tokens_per_day}')::bigint or d.cost >= (budgets #>> '{company,money_per_day}')::numeric
            then 'budget_company_day'
        when m.tokens >= (budgets #>> '{company,tokens_per_month}')::bigint or m.cost >= (budgets #>> '{company,money_per_month}')::numeric
            then 'budget_company_month' end
    from (select coalesce(sum(tokens), 0) as tokens, coalesce(sum(cost), 0) as cost from crm.ai_spent
          where conversation_id = of_conversation and day = today) c
    cross join (select coalesce(sum(tokens), 0) as tokens, coalesce(sum(cost), 0) as cost from crm.ai_spent
          where budgets ? 'lead' and lead_id = of_lead and company_id = of_company and day = today) l
    cross join (select coalesce(sum(prompt_tokens + completion_tokens), 0) as tokens, coalesce(sum(cost), 0) as cost from crm.ai_usage
          where budgets ? 'company' and company_id = of_company and day = today) d
    cross join (select coalesce(sum(prompt_tokens + completion_tokens), 0) as tokens, coalesce(sum(cost), 0) as cost from crm.ai_usage
          where (budgets #> '{company,tokens_per_month}' is not null or budgets #> '{company,money_per_month}' is not null)
            and company_id = of_company and day between date_trunc('month', today)::date and today) m
$$;

-- What so many tokens cost by a company's prices: those of the longest name that the model's begins with.
create function crm.ai_cost(budgets jsonb, of_provider text, of_model text, prompt bigint, completion bigint) returns numeric language sql immutable as $$
    select coalesce((select (prompt * p.input_per_million + completion * p.output_per_million) / 1000000
        from jsonb_to_recordset(budgets -> 'prices') as p(provider text, model text, input_per_million numeric, output_per_million numeric)
        where p.provider = of_provider and starts_with(of_model, coalesce(p.model, '')) order by length(coalesce(p.model, '')) desc limit 1), 0)
$$;
