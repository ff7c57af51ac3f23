-- Who became this person: moved along when this one turns out to be somebody else too.
create index leads_merged on crm.leads (merged_into) where merged_into is not null;
