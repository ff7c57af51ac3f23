-- What a team needs to work with conversations.

-- The event log as a stream: a company's events by number.
create index events_company on crm.events (company_id, n);

-- Who saw what, and what people changed beside the owner: version = epoch + revision.
alter table crm.conversations add column read_position bigint not null default 0, add column revision bigint not null default 1;
create index conversations_company on crm.conversations (company_id, created_at desc, id desc);
create index conversations_people on crm.conversations (company_id) where state = 'open' and (owner = 'human' or escalated_at is not null);

-- What the team tells itself, and the model only where it says so.
create table crm.conversation_notes (
    id              uuid primary key,
    company_id      uuid not null,
    conversation_id uuid not null,
    lead_id         uuid not null,
    author          text not null,
    text            text not null check (text <> ''),
    for_ai          boolean not null default false,
    created_at      timestamptz not null
);
create index conversation_notes_conversation on crm.conversation_notes (conversation_id, created_at desc, id desc);
alter table crm.conversations add column ai_notes boolean not null default false;   -- some are for the model

-- Texts that a person sends again and again; {name} and its like are filled in when one is sent.
create table crm.canned_replies (
    id         uuid primary key,
    company_id uuid not null references crm.companies,
    shortcut   text not null check (shortcut <> ''),
    title      text not null default '',
    text       text not null check (text <> ''),
    version    bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (company_id, shortcut)
);

-- The customer sees that the AI is writing.
alter table crm.companies add column ai_typing boolean not null default false;
