-- Carts: one row each, its content a document that only the code looks into. Saved often, kept for a week, so: room in each
-- page, and no index on anything that every save changes.

create table cart (
    id          uuid        primary key,
    customer_id uuid,
    -- The customer's own cart; others of theirs are left to expire.
    own         boolean     not null default false,
    version     bigint      not null default 1,
    body        json        not null,
    expires_at  timestamptz not null,
    -- Changes once a day at most, so that the index on it costs the saves of a day nothing.
    expires_on  date        not null generated always as ((expires_at at time zone 'UTC')::date) stored,
    created_at  timestamptz not null default now(),
    constraint cart_own_has_customer check (not own or customer_id is not null)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
create unique index cart_own on cart (customer_id) where own;
create index cart_expires_on on cart (expires_on);
