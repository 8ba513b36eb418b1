-- Prices, coupons with their use, tax and shipping rates. Amounts are minor units of the row's currency.

create table price (
    sku        text        collate "C" primary key,
    product_id uuid        not null,
    currency   text        not null,
    amount     bigint      not null constraint price_not_negative check (amount >= 0),
    compare_at bigint      constraint price_compare_at_higher check (compare_at > amount),
    updated_at timestamptz not null default now()
);
create index price_product on price (product_id);

-- A product's prices change together as far as readers of events can tell.
create table product_price (
    product_id uuid   primary key,
    version    bigint not null default 1
);

-- used never passes max_uses, whatever the code does.
create table coupon (
    code       text        collate "C" primary key,
    terms      jsonb       not null,
    max_uses   bigint,
    used       bigint      not null default 0 constraint coupon_used_not_negative check (used >= 0),
    starts_at  timestamptz,
    ends_at    timestamptz,
    active     boolean     not null,
    updated_at timestamptz not null default now(),
    constraint coupon_not_overused check (max_uses is null or used <= max_uses)
) with (fillfactor = 70);

-- What an order used up, under the key of the step that did it. A row that was given back before anything was redeemed
-- bars its key.
create table redemption (
    key        text        collate "C" primary key,
    order_id   uuid,
    codes      jsonb       not null,
    given_back boolean     not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index redemption_codes on redemption using gin (codes);

-- Tax rates and shipping zones are read and replaced as a whole: one document.
create table rates (
    single     boolean     primary key default true check (single),
    version    bigint      not null default 1,
    body       jsonb       not null,
    updated_at timestamptz not null default now()
);
