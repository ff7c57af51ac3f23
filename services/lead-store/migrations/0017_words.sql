-- What a column may hold is its type now. PostgreSQL reads a table's checks anew, from their text, for every statement that writes to it, and builds the expression
-- of a stored generated column likewise: two thirds of the time of a statement that writes one message. A domain's check is read once per session.
create domain crm.direction as text check (value in ('inbound', 'outbound'));
create domain crm.sender_type as text check (value in ('customer', 'ai', 'operator', 'system'));
create domain crm.message_status as text
    check (value in ('received', 'queued', 'sending', 'unknown', 'sent', 'failed', 'delivered', 'read', 'held', 'withdrawn', 'cancelled'));
create domain crm.cause as text check (value in ('reply', 'operator', 'notice', 'proactive'));
create domain crm.external_id as text check (octet_length(value) <= 255);
create domain crm.conversation_state as text check (value in ('open', 'closed'));
create domain crm.owner as text check (value in ('ai', 'human'));
create domain crm.turn_state as text check (value in ('open', 'committed', 'superseded'));
create domain crm.verdict as text check (value in ('go', 'defer', 'refuse', 'busy', 'done'));
create domain crm.contact_kind as text check (value in ('phone', 'bsuid', 'email', 'device', 'user'));
create domain crm.channel as text check (value in ('whatsapp_cloud', 'whatsapp_web', 'email', 'sms', 'push', 'in_app'));
create domain crm.json_object as jsonb check (jsonb_typeof(value) = 'object');

-- A view of the messages stands in the way of their columns' types.
do $$
declare
    ai_messages text := pg_get_viewdef('crm.ai_messages');
begin
    drop view crm.ai_messages;

    alter table crm.messages drop constraint messages_direction_check, drop constraint messages_sender_type_check, drop constraint messages_status_check,
        drop constraint messages_cause_check, drop constraint messages_external_id_check,
        drop constraint messages_check, -- inbound is what was received: the two places that write messages say both words
        drop column has_text,
        alter column direction type crm.direction, alter column sender_type type crm.sender_type, alter column status type crm.message_status,
        alter column cause type crm.cause, alter column external_id type crm.external_id;

    execute 'create view crm.ai_messages as ' || ai_messages;
end $$;

alter table crm.conversations drop constraint conversations_state_check, drop constraint conversations_owner_check, drop column human_intervention_required,
    alter column state type crm.conversation_state, alter column owner type crm.owner;
alter table crm.turns drop constraint turns_state_check, alter column state type crm.turn_state;
alter table crm.send_verdicts drop constraint send_verdicts_verdict_check, alter column verdict type crm.verdict;
alter table crm.lead_contacts drop constraint lead_contacts_kind_check, alter column kind type crm.contact_kind;
alter table crm.leads drop constraint leads_attributes_check, drop constraint leads_preferred_channel_check,
    alter column attributes type crm.json_object, alter column preferred_channel type crm.channel;
-- It was admitted_at once more.
alter table crm.events drop column created_at;
