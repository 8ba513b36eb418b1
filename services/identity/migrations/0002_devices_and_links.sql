-- Browsers and programs in which an account was signed in to, by the SHA-256 of the random token they keep. One may be
-- known to several accounts: a family shares a browser. Wrong passwords from elsewhere do not count against them.
create table device (
    token_hash  bytea       not null,
    customer_id uuid        not null references customer (id) on delete cascade,
    created_at  timestamptz not null default now(),
    seen_at     timestamptz not null default now(),
    primary key (token_hash, customer_id),
    constraint device_hash_size check (octet_length(token_hash) = 32)
);
create index device_customer on device (customer_id, seen_at);
create index device_seen on device (seen_at);

-- Links sent by mail, of one use: their token proves the mailbox, and with it a password is chosen, for a new account or
-- for the one there is. Only the token's SHA-256 is here. By the hash of the address, as tries are.
create table account_link (
    token_hash bytea       primary key,
    account    bytea       not null,
    email      text        collate "C" not null,
    name       text        not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint account_link_hash_size check (octet_length(token_hash) = 32)
);
create index account_link_account on account_link (account, created_at);
create index account_link_expiry on account_link (expires_at);

-- When the customer was last told of tries from elsewhere.
alter table customer add column attempts_told_at timestamptz;
