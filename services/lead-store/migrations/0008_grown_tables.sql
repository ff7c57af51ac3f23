-- What a table of millions needs.

-- A lead's conversations, closed ones too: shown with the lead, moved when two leads turn out to be one.
create index conversations_lead on crm.conversations (lead_id);

-- The sweep's partial indexes (who is owed, what is leaving) keep an entry of each row version until it is vacuumed: a fifth of millions is too late.
alter table crm.conversations set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
alter table crm.messages set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
