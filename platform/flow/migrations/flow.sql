-- What every service's schema holds for durable flow (souk_flow owns these tables and every statement on them).

-- Events, written in the transaction of what they tell of. Read in (xid, seq) order up to the oldest running transaction.
create table outbox (
    xid         xid8        not null default pg_current_xact_id(),
    seq         bigint      generated always as identity,
    id          uuid        not null,
    type        text        not null,
    aggregate   uuid        not null,
    version     bigint      not null,
    time        timestamptz not null default clock_timestamp(),
    traceparent text,
    data        json        not null,
    primary key (xid, seq),
    constraint outbox_aggregate_version unique (aggregate, version, type)
);
create index outbox_time on outbox using brin (time);

-- Which event has had its effect here: inserted with the effect.
create table inbox (
    consumer text        not null,
    event_id uuid        not null,
    at       timestamptz not null default now(),
    primary key (consumer, event_id)
);
create index inbox_at on inbox using brin (at);

-- How far a consumer has read an owner's log, and which process reads for it. The epoch fences a reader that lost its lease.
create table consumer_cursor (
    consumer    text        not null,
    source      text        not null,
    xid         xid8        not null default '0',
    seq         bigint      not null default 0,
    holder      uuid        not null,
    lease_until timestamptz not null,
    epoch       bigint      not null default 1,
    primary key (consumer, source)
);

-- Events that failed too often, and those of the same aggregate behind them.
create table dead_letter (
    consumer    text        not null,
    event_id    uuid        not null,
    source      text        not null,
    type        text        not null,
    aggregate   uuid        not null,
    version     bigint      not null,
    time        timestamptz not null,
    traceparent text,
    data        json        not null,
    error       text        not null,
    parked_at   timestamptz not null default clock_timestamp(),
    replay_at   timestamptz,
    primary key (consumer, event_id)
);
create index dead_letter_aggregate on dead_letter (consumer, aggregate);

create table job (
    id          uuid        primary key,
    kind        text        not null,
    key         text        not null,
    payload     json        not null,
    run_at      timestamptz not null,
    attempts    int         not null default 0,
    lease_until timestamptz,
    dead        boolean     not null default false,
    last_error  text,
    created_at  timestamptz not null default now(),
    constraint job_kind_key unique (kind, key)
);
create index job_due on job (kind, run_at) where not dead;

create table schedule (
    name        text        primary key,
    next_at     timestamptz not null,
    lease_until timestamptz
);

create table saga (
    id          uuid        primary key,
    kind        text        not null,
    state       json        not null,
    phase       text        not null constraint saga_phase check (phase in ('forward', 'undo', 'done', 'undone')),
    step        int         not null default 0,
    epoch       bigint      not null default 1,
    lease_until timestamptz not null,
    attempts    int         not null default 0,
    last_error  text,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);
create index saga_unfinished on saga (lease_until) where phase in ('forward', 'undo');

-- Who asked for what under which key. The subject is what the effect made; its reply is read from there.
create table idempotency_key (
    scope      text        not null,
    key        text        not null,
    body_hash  bytea       not null,
    subject    uuid        not null,
    created_at timestamptz not null default now(),
    primary key (scope, key)
);
create index idempotency_key_created on idempotency_key using brin (created_at);
