-- Answers in a row that came faster than a person could have written them (docs/safety.md).
alter table crm.conversations add column quick_count integer not null default 0;
alter type crm.conversation_row add attribute quick_count integer;

-- When it was last said that nobody came (docs/conversations.md): it holds for a wait that began before. Only waits of which it was not said are walked.
alter table crm.conversations add column overdue_at timestamptz;
create index conversations_person_waits on crm.conversations (least(escalated_at, case when owner = 'human' then owed_since end))
    where state = 'open' and (owner = 'human' or escalated_at is not null)
      and (overdue_at is null or overdue_at < least(escalated_at, case when owner = 'human' then owed_since end));

-- Who waits for a person, in the order of their waiting, instead of all that people own.
drop index if exists crm.conversations_people;
create index conversations_waiting on crm.conversations (company_id, least(escalated_at, case when owner = 'human' then owed_since end), id)
    where state = 'open' and (owner = 'human' or escalated_at is not null)
      and least(escalated_at, case when owner = 'human' then owed_since end) is not null;

-- Pipelines over REST. Who stands in a stage is found by the stage: whether it may go, and for its foreign key when it does.
alter table crm.pipelines add column archived boolean not null default false, add column version bigint not null default 1;
create index leads_stage on crm.leads (stage_id);

-- How long an answer waits for a file; null: as the installation says.
alter table crm.companies add column media_wait_ms integer check (media_wait_ms between 0 and 60000);

-- Contents of files that were deleted: removed once nobody names them any more, a while later, for the same content may just be coming in.
create table crm.media_removals (
    company_id uuid not null references crm.companies,
    sha256     text not null,
    due_at     timestamptz not null,
    primary key (company_id, sha256)
);
create index media_removals_due on crm.media_removals (due_at);

-- Refused drafts of bump-ups: no turn tells of them, their job does.
alter table crm.safety_refusals alter column turn_id drop not null;
alter table crm.safety_refusals add column job_id uuid;
