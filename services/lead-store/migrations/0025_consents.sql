-- What people allowed, with its proof: rows are only added. `leads.consent` holds what counts now, for the gate: of each scope the newest word.
create table crm.lead_consents (
    id             uuid primary key,
    company_id     uuid not null references crm.companies,
    lead_id        uuid not null references crm.leads,
    scope          text not null check (scope in ('marketing', 'transactional')),
    granted        boolean not null,
    channel        text,                              -- where it was said; null: elsewhere
    source         text not null,
    text_version   text not null,
    proof          text not null,
    given_at       timestamptz not null,              -- when the person said so
    recorded_by    text not null,
    correlation_id text,
    created_at     timestamptz not null
);
create index lead_consents_lead on crm.lead_consents (lead_id, created_at desc, id desc);
create index lead_consents_newest on crm.lead_consents (lead_id, scope, given_at);

-- Those who stand in a stage, a page of them, newest first; it takes the place of an index of stages alone.
create index leads_in_stage on crm.leads (stage_id, created_at desc, id desc);
drop index crm.leads_stage;
