-- A reply that went out by another channel than it was asked on: the history finds these few without looking at every turn of a long conversation.
alter table crm.turns add column reply_elsewhere boolean not null default false;
update crm.turns t set reply_elsewhere = true from crm.messages m where m.id = t.message_id and m.conversation_id <> t.conversation_id;
create index turns_elsewhere on crm.turns (conversation_id, opened_position) where reply_elsewhere;
