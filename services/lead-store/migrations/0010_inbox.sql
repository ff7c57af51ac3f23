-- What a team needs to work with conversations.

-- The event log as a stream: a company's events by number, and where the last one that somebody saw stands.
create index events_company on crm.events (company_id, n);
create index events_id on crm.events (id);
