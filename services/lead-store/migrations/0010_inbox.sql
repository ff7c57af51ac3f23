-- What a team needs to work with conversations.

-- The event log as a stream: a company's events by number, and where the last one that somebody saw stands.
create index events_company on crm.events (company_id, n);
create index events_id on crm.events (id);

-- Who saw what, and what people changed beside the owner: version = epoch + revision.
alter table crm.conversations add column read_position bigint not null default 0, add column revision bigint not null default 1;
create index conversations_company on crm.conversations (company_id, created_at desc, id desc);
create index conversations_people on crm.conversations (company_id) where state = 'open' and (owner = 'human' or escalated_at is not null);
