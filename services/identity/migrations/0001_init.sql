-- Who somebody is and how they prove it. Secrets are here only as what proves them: passwords as Argon2id hashes,
-- session and refresh tokens as SHA-256 of 256 random bits, private signing keys sealed with a key that is elsewhere.

create table customer (
    id            uuid        primary key,
    email         text        collate "C" not null constraint customer_email unique,
    name          text        not null,
    password_hash text        not null,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    constraint customer_email_lower check (email = lower(email))
);

create table staff (
    id            uuid        primary key,
    email         text        collate "C" not null constraint staff_email unique,
    name          text        not null,
    password_hash text        not null,
    permissions   text[]      not null,
    created_at    timestamptz not null default now(),
    constraint staff_email_lower check (email = lower(email))
);

-- A sign-in: a browser's token and a family of refresh tokens, of which only the last is good. The row goes when the
-- session ends, so what is not here is not signed in. Room in each page for the updates of seen_at.
create table session (
    id           uuid        primary key,
    customer_id  uuid        not null references customer (id) on delete cascade,
    session_hash bytea       not null constraint session_token unique,
    refresh_hash bytea       not null,
    created_at   timestamptz not null default now(),
    seen_at      timestamptz not null default now(),
    expires_at   timestamptz not null,
    constraint session_hash_size check (octet_length(session_hash) = 32 and octet_length(refresh_hash) = 32)
) with (fillfactor = 80);
create index session_customer on session (customer_id, created_at);
create index session_expiry on session (expires_at);

-- Tries of a password since the last right one, for accounts that exist and for such as don't: by the hash of the
-- address, so that both look the same.
create table login_attempt (
    account       bytea       primary key,
    failures      int         not null,
    blocked_until timestamptz,
    at            timestamptz not null
) with (fillfactor = 80);
create index login_attempt_at on login_attempt (at);

create table address (
    id          uuid        primary key,
    customer_id uuid        not null references customer (id) on delete cascade,
    is_default  boolean     not null,
    address     jsonb       not null,
    created_at  timestamptz not null default now()
);
create index address_customer on address (customer_id);
create unique index address_one_default on address (customer_id) where is_default;

-- Keys that access tokens are signed with. A new one is published some time before it signs; the generation makes one
-- of two processes that want to add one lose.
create table signing_key (
    kid        text        primary key,
    generation int         not null constraint signing_key_generation unique,
    public_key bytea       not null,
    sealed     bytea       not null,
    created_at timestamptz not null default now(),
    active_at  timestamptz not null,
    constraint signing_key_size check (octet_length(public_key) = 32)
);
