-- Rows travel in binary, arrays inside them as their text.
alter type crm.turn_committed_row alter attribute document_ids type text;
