-- Keys say when they were last used, and their list is a page; a POST of a company under an Idempotency-Key is known again though it names an id.
alter table crm.api_keys add column last_used_at timestamptz;
create index api_keys_company on crm.api_keys (company_id, created_at, id);
alter table crm.companies add column request_id uuid unique;
