-- People and the AI in one conversation.

-- When a conversation goes to a person without one having asked for it, and what the customer is told then (docs/conversations.md). Its members are checked
-- where they are written.
alter table crm.companies add column hand_over jsonb not null default '{}';
alter table crm.companies add column version bigint not null default 1;

-- Of the last escalation; they count while escalated_at is set. The customer is told of it once in a while, not once per escalation.
create domain crm.urgency as text check (value in ('low', 'normal', 'high'));
alter table crm.conversations add column escalation_reason text;
alter table crm.conversations add column escalation_urgency crm.urgency;
alter table crm.conversations add column escalation_told_at timestamptz;

-- What the model wanted beside its text. A turn that handed the conversation over wrote its reply in the person's epoch: the one AI message that may leave there.
alter table crm.turns add column actions jsonb;
alter table crm.turns add column handed_over boolean not null default false;
