-- What a turn writes.

-- When to look for silence is written with the rest of the conversation, not after it.
alter type crm.conversation_state_row add attribute silence_at timestamptz;

-- The prompt, of some KB, lies beside the row: the row stays small, and its commit finds room on its page and touches no index.
alter table crm.turns set (fillfactor = 30, toast_tuple_target = 768);
