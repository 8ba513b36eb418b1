-- What did not leave, for `souk mail list`; few rows beside those that did.
create index delivery_unsent on delivery (created_at) where status <> 'sent';
