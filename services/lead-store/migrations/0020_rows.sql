-- Whole batches of messages are covered, authorised and settled together: room for a second version of each row on its page. Covering an inbound then touches no
-- index, and costs a third.
alter table crm.messages set (fillfactor = 50);
