-- A plan made right after these tables were counted with a few rows in them joins all their rows with all of a batch's, and is kept until they are
-- counted again. Not counted at all they are taken for a few hundred rows, and each row of a batch is looked for by its key: so they are counted only
-- once they have thousands.
do $$
declare
    hot text;
begin
    foreach hot in array array['leads', 'lead_contacts', 'conversations', 'messages', 'turns', 'events'] loop
        execute format('alter table crm.%I set (autovacuum_analyze_threshold = 5000, autovacuum_vacuum_threshold = 5000, '
            || 'autovacuum_vacuum_insert_threshold = 5000)', hot);
    end loop;
end $$;
