-- What a silence brings: summaries and bump-ups; and the memory of what a prompt no longer holds.

alter table crm.companies
    add column summary_after_minutes integer not null default 60 check (summary_after_minutes between 0 and 10080),   -- of silence; 0: none by itself
    add column bumpup_template_id uuid references crm.templates;   -- by which a bump-up leaves outside the service window; null: none by itself

-- Whoever moves a lead, this is kept: of a lead that is stuck in a stage whose ai_config has bumpup_after_days.
alter table crm.leads add column stage_changed_at timestamptz;     -- null: never since it was made
create function crm.keep_stage_change() returns trigger language plpgsql as $$
begin
    new.stage_changed_at := new.updated_at;
    return new;
end $$;
create trigger leads_stage_changed before update of stage_id on crm.leads
    for each row when (old.stage_id is distinct from new.stage_id) execute function crm.keep_stage_change();

-- silence_at is set by the AI's answer and stays as it is while messages come and go: whoever looks then finds out how long it has been silent. So the index
-- costs a message nothing.
alter table crm.conversations
    add column silence_at timestamptz,                             -- when to look whether it has been silent; null: nothing is to follow
    add column remembered_position bigint not null default 0,      -- every message up to here is in the session's summary
    add column summarised_position bigint not null default 0,      -- newest message when a summary was last asked for
    add column bumped_position bigint not null default 0;          -- newest message when a bump-up was last asked for, or the bump-up itself
create index conversations_silence on crm.conversations (silence_at, id) where silence_at is not null;

-- A session is a conversation's: positions count there.
alter table crm.ai_sessions drop constraint ai_sessions_lead_id_key;
alter table crm.ai_sessions drop column covered_position;          -- conversations.remembered_position, which its lock guards
alter table crm.ai_sessions add column conversation_id uuid not null unique;

-- What a bump-up carries beside its row in messages (same id); one per job.
create table crm.bumpups (
    id                uuid primary key,
    company_id        uuid not null,
    lead_id           uuid not null,
    conversation_id   uuid not null,
    job_id            uuid not null unique,
    opening           text not null check (opening in ('following_up', 'checking_in', 'circling_back')),
    text              text not null,                               -- the model's words; of a template they are a part of the message
    prompt            json,
    provider          text,
    model             text,
    prompt_version    integer,
    prompt_tokens     integer,
    completion_tokens integer,
    latency_ms        integer,
    safety_checks     jsonb,
    created_at        timestamptz not null
);
create index bumpups_lead on crm.bumpups (lead_id, created_at desc);

create or replace view crm.ai_messages as
    select m.id, m.company_id, l.user_id, null::uuid as worker_id, 'customer'::text as role, 'engage'::text as agent_type, m.channel,
           case when b.id is null then 'reply'::text else 'bumpup' end as message_type,
           m.message_text, o.locale, m.sent_at, m.status as delivery_status, null::text as user_response, m.template_id, m.correlation_id,
           coalesce(t.provider, b.provider) as provider, coalesce(t.model, b.model) as model, coalesce(t.prompt_version, b.prompt_version) as prompt_version,
           coalesce(t.safety_checks, b.safety_checks) as safety_checks, coalesce(t.prompt_tokens, b.prompt_tokens) as prompt_tokens,
           coalesce(t.completion_tokens, b.completion_tokens) as completion_tokens, null::text as deep_link, m.created_at, m.updated_at
    from crm.messages m left join crm.turns t on t.id = m.turn_id left join crm.bumpups b on b.id = m.id
    join crm.leads l on l.id = m.lead_id join crm.companies o on o.id = m.company_id
    where m.sender_type = 'ai' and m.direction = 'outbound' and (t.id is not null or b.id is not null);
