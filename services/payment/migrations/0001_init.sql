-- Payments, their books, refunds under way, and which webhooks were seen.

create table payment (
    payment_id   uuid        primary key,
    order_id     uuid        not null,
    provider     text        not null,
    -- The provider's own id; none while a void waits for the provider to hear of it.
    provider_ref text,
    -- What became of the hold. How much was taken and paid back stands beside it.
    hold         text        not null constraint payment_hold check (hold in ('requires_action', 'authorised', 'declined', 'voided')),
    currency     text        not null constraint payment_currency check (length(currency) = 3),
    amount       bigint      not null constraint payment_amount check (amount > 0),
    authorised   bigint      not null,
    captured     bigint      not null,
    refunded     bigint      not null,
    decline_code text,
    action_url   text,
    version      bigint      not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    constraint payment_in_order check (amount >= authorised and authorised >= captured and captured >= refunded and refunded >= 0),
    constraint payment_voided_untaken check (hold <> 'voided' or captured = 0)
);
create index payment_order on payment (order_id);
create unique index payment_provider_ref on payment (provider, provider_ref) where provider_ref is not null;

-- Double entry by construction: a line moves one amount from one account to another, so no line, entry or ledger can have
-- debits that are not its credits, and no trigger has to sum them. The lines of one payment version are one entry. A
-- capture has two lines (the hold ends, the sale is made), whose amounts `audit` compares. Lines are never changed.
-- No foreign key: both tables are written by the same statement, and the check would cost a look-up per line.
create table journal (
    payment_id uuid        not null,
    version    bigint      not null,
    line       smallint    not null,
    entry      text        not null constraint journal_entry check (entry in ('authorise', 'capture', 'void', 'refund')),
    debit      text        not null constraint journal_debit check (debit in ('psp_hold', 'customer_authorised', 'psp_receivable', 'sales', 'refunds')),
    credit     text        not null constraint journal_credit check (credit in ('psp_hold', 'customer_authorised', 'psp_receivable', 'sales', 'refunds')),
    amount     bigint      not null constraint journal_amount check (amount > 0),
    currency   text        not null,
    at         timestamptz not null,
    primary key (payment_id, version, line),
    constraint journal_two_accounts check (debit <> credit)
);

-- The intent to refund is durable before the provider is asked, so that a repeat asks again under the same key and two
-- refunds at once cannot promise the same money.
create table refund (
    payment_id uuid        not null references payment,
    key        text        not null,
    amount     bigint      not null constraint refund_amount check (amount > 0),
    state      text        not null constraint refund_state check (state in ('pending', 'done', 'refused')),
    created_at timestamptz not null default now(),
    primary key (payment_id, key)
);

create table webhook_event (
    provider    text        not null,
    event_id    text        not null,
    type        text        not null,
    payment_id  uuid,
    outcome     text        not null,
    received_at timestamptz not null default now(),
    primary key (provider, event_id)
);
create index webhook_event_received on webhook_event using brin (received_at);
