-- A turn whose reply was taken back stays what it was, with the message it wrote: its job may run again, and that is another turn. Before, the second reply took
-- the first one's row, and the withdrawn message had a turn that did not know it.
alter table crm.turns add column taken_back boolean not null default false;
alter table crm.turns drop constraint turns_job_id_key;
create unique index turns_job on crm.turns (job_id) where not taken_back;
