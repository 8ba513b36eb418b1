-- What must be known to write about an order: shipping's events carry only its id.
create table contact (
    order_id   uuid        primary key,
    email      text        not null,
    name       text        not null,
    number     text        not null,
    -- The right to see the order, for the link in a mail.
    token      text        not null,
    created_at timestamptz not null default now()
);

-- Messages to send and sent. The id is deterministic, so one fact never makes two messages.
create table delivery (
    message_id text        primary key,
    order_id   uuid        not null,
    template   text        not null,
    -- What the template needs beside the contact; forgotten once the message is sent.
    content    json,
    status     text        not null default 'queued' constraint delivery_status check (status in ('queued', 'sent', 'failed')),
    attempts   int         not null default 0,
    next_at    timestamptz not null default now(),
    last_error text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index delivery_order on delivery (order_id);
create index delivery_due on delivery (next_at) where status = 'queued';

-- One process sends at a time, until this lapses: so that sending needs no write per message before it and one after.
create table sender (
    the_one     boolean     primary key default true constraint sender_the_one check (the_one),
    holder      uuid        not null,
    lease_until timestamptz not null
);
