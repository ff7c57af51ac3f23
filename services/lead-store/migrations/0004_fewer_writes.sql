-- A message's rows are written once and changed on their page.

-- The transaction that writes one of these rows has just made or read the row that it names, and none of those is ever deleted: a check of each by key, with a
-- lock on it, says nothing new. A lead's company is its stage's.
alter table crm.messages drop constraint messages_conversation_id_fkey;
alter table crm.turns drop constraint turns_conversation_id_fkey;
alter table crm.conversations drop constraint conversations_lead_id_fkey, drop constraint conversations_channel_account_id_fkey,
    drop constraint conversations_contact_id_fkey;
alter table crm.lead_contacts drop constraint lead_contacts_lead_id_fkey, drop constraint lead_contacts_channel_account_id_fkey;
alter table crm.leads drop constraint leads_company_id_fkey;

-- A reply's message and its turn hold all that ai_messages said: it is a view of them now.
alter table crm.messages add column sent_at timestamptz;   -- outbound: when the provider took it
update crm.messages m set sent_at = a.sent_at from crm.ai_messages a where a.id = m.id and a.sent_at is not null;
drop table crm.ai_messages;
create view crm.ai_messages as
    select m.id, m.company_id, l.user_id, null::uuid as worker_id, 'customer'::text as role, 'engage'::text as agent_type, m.channel, 'reply'::text as message_type,
           m.message_text, o.locale, m.sent_at, m.status as delivery_status, null::text as user_response, m.template_id, m.correlation_id, t.provider, t.model,
           t.prompt_version, t.safety_checks, t.prompt_tokens, t.completion_tokens, null::text as deep_link, m.created_at, m.updated_at
    from crm.messages m join crm.turns t on t.id = m.turn_id join crm.leads l on l.id = m.lead_id join crm.companies o on o.id = m.company_id
    where m.sender_type = 'ai' and m.direction = 'outbound';
create index messages_ai_correlation on crm.messages (correlation_id) where sender_type = 'ai' and direction = 'outbound';

-- By what does not change while a message waits or leaves: covering an inbound then touches no index.
drop index crm.messages_leaving;
create index messages_leaving on crm.messages (status, created_at, id) where status in ('queued', 'sending', 'unknown');

-- Long texts are written often and read seldom: the quicker compression.
alter table crm.turns alter column prompt set compression lz4;
alter table crm.events alter column payload set compression lz4;
alter table crm.messages alter column message_text set compression lz4;
