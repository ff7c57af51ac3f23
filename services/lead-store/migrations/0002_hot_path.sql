-- What every message pays for and nobody gains from.

-- Every record looks for the company's pipeline.
create index pipelines_company on crm.pipelines (company_id);

-- Nobody looks for an event by its id: the log's order is its key.
alter table crm.events drop constraint events_pkey;
drop index crm.events_relay;
alter table crm.events add constraint events_relay primary key (xid, n);

-- A contact's and a conversation's company is its lead's, a lead's pipeline is its stage's: one check each is enough.
alter table crm.lead_contacts drop constraint lead_contacts_company_id_fkey;
alter table crm.conversations drop constraint conversations_company_id_fkey;
alter table crm.leads drop constraint leads_pipeline_id_fkey;

-- Written once, read whole, never searched: kept as they came.
alter table crm.events alter column payload type json;
alter table crm.send_verdicts alter column saw type json;
alter table crm.turns alter column prompt type json;

-- Each row is updated once, when its message was sent: room for that on its page.
alter table crm.ai_messages set (fillfactor = 80);
