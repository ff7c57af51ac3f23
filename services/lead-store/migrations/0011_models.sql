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
