-- Which model answers, what it may do, what it may cost.

-- Actions that a company's model may take beside its text; a stage's ai_config.actions goes before it.
alter table crm.companies add column ai_actions text[] not null default '{hand_over}';
