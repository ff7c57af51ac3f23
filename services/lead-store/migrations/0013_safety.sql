-- What the AI may not say, and how long it goes on.

-- A company's rules for its AI (docs/safety.md): {"safety":{...},"loops":{...}}. Its members are checked where they are written.
alter table crm.companies add column ai_policy jsonb not null default '{}';

-- Drafts that were refused on the way to a turn's commit: what was wrong with them, never what they said. Append-only.
create table crm.safety_refusals (
    id              uuid primary key,
    company_id      uuid not null,
    lead_id         uuid not null,
    conversation_id uuid not null references crm.conversations,
    turn_id         uuid not null references crm.turns,
    verdict         jsonb not null,
    provider        text,
    model           text,
    created_at      timestamptz not null
);
create index safety_refusals_company on crm.safety_refusals (company_id, created_at desc, id desc);
create index safety_refusals_lead on crm.safety_refusals (lead_id, created_at desc, id desc);
create index safety_refusals_turn on crm.safety_refusals (turn_id);

-- The turn budget: how many answers of the AI's since when. Then what a machine seems to have written: how many in a row, and the mark of the last text.
alter table crm.conversations add column ai_replies integer not null default 0;
alter table crm.conversations add column ai_replies_since timestamptz;
alter table crm.conversations add column automatic_count integer not null default 0;
alter table crm.conversations add column inbound_mark bigint not null default 0;
alter type crm.conversation_state_row add attribute ai_replies integer, add attribute ai_replies_since timestamptz;
alter type crm.conversation_row add attribute automatic_count integer, add attribute inbound_mark bigint;

-- Names of what is known of a lead, by itself or collected in its stage (docs/stages.md); whatever else may stand there.
create function crm.noted_names(attributes jsonb) returns text[] language sql immutable as $$
    select coalesce(array_agg(n.name order by n.name), '{}') from (
        select jsonb_object_keys(attributes -> 'bant') as name where jsonb_typeof(attributes -> 'bant') = 'object'
        union select jsonb_object_keys(attributes -> 'collected') where jsonb_typeof(attributes -> 'collected') = 'object') n where n.name <> 'score'
$$;

alter table crm.stages add column version bigint not null default 1;
