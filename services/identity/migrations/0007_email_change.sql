-- Links sent by mail that give an account another address: these name the account, and only its customer can use them. Those that
-- choose a password name none.
alter table account_link add column customer_id uuid references customer (id) on delete cascade;
create index account_link_customer on account_link (customer_id) where customer_id is not null;
