-- Replies of calls that carried an Idempotency-Key (souk_idempotency owns this table and every statement on it).
create table idempotent_reply (
    -- Hash of whose key it is, of the call and of the key.
    name         bytea       primary key,
    -- Hash of what was asked.
    request      bytea       not null,
    -- Which call is at it, and until when others leave it alone.
    holder       uuid        not null,
    locked_until timestamptz not null,
    -- Sealed with a key that only the request yields; null while the first call runs.
    reply        bytea,
    created_at   timestamptz not null default now()
);
create index idempotent_reply_created on idempotent_reply (created_at);
