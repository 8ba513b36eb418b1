-- Orders that wait for their buyer at the payment provider: who holds how many, and which were given up.

alter table orders
    -- The client's address, as a keyed hash: for counting, not for reading.
    add column client   bytea,
    -- The buyer gave the checkout up: it cannot be confirmed any more.
    add column given_up boolean not null default false;
