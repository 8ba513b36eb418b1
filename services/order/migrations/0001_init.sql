-- Orders. Ids are UUIDv7, so a range of ids is a range of time: partitions by month, made ahead by ensure_partitions().
create sequence order_number_seq start 1000001;

create table orders (
    id               uuid        not null,
    number           text        not null,
    status           text        not null
        constraint orders_status check (status in ('pending', 'confirmed', 'shipped', 'delivered', 'cancelled', 'failed')),
    payment_status   text        not null
        constraint orders_payment_status check (payment_status in ('none', 'authorised', 'captured', 'voided', 'refunded')),
    customer_id      uuid,
    cart_id          uuid        not null,
    email            text        not null,
    shipping_address json        not null,
    shipping_name    text        not null,
    lines            json        not null,
    coupons          json        not null,
    currency         text        not null,
    subtotal         bigint      not null,
    discount         bigint      not null,
    shipping         bigint      not null,
    tax              bigint      not null,
    total            bigint      not null,
    failure          json,
    action_url       text,
    shipments        json        not null default '[]',
    version          bigint      not null,
    placed_at        timestamptz not null,
    updated_at       timestamptz not null,
    primary key (id),
    constraint orders_amounts check (
        subtotal >= 0 and discount >= 0 and discount <= subtotal and shipping >= 0 and tax >= 0 and total >= 0),
    -- Tax is either within the prices or on top of them.
    constraint orders_total check (
        total = subtotal - discount + shipping or total = subtotal - discount + shipping + tax),
    constraint orders_failed check ((status = 'failed') = (failure is not null)),
    -- A confirmed order has money behind it (I4); a failed one has none.
    constraint orders_paid check (status not in ('confirmed', 'shipped', 'delivered') or payment_status <> 'none')
) partition by range (id);
create index orders_customer on orders (customer_id, id) where customer_id is not null;
create index orders_status_id on orders (status, id);

-- Uniqueness of what is not the partition key stands in small side tables.
create table order_number (
    number   text primary key,
    order_id uuid not null
);
-- A cart becomes at most one order that lives.
create table cart_checkout (
    cart_id  uuid primary key,
    order_id uuid not null
);

-- The lowest UUIDv7 of a moment.
create function uuid_at(moment timestamptz) returns uuid language sql immutable as $$
    select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Partitions from last month (clocks differ) to `ahead` months from now; returns how many were made.
create function ensure_partitions(ahead int) returns int language plpgsql as $$
declare
    month timestamptz := date_trunc('month', now() at time zone 'utc') at time zone 'utc' - interval '1 month';
    made  int := 0;
    part  text;
begin
    for i in 0 .. ahead + 1 loop
        part := 'orders_' || to_char(month at time zone 'utc', 'YYYY_MM');
        if to_regclass(part) is null then
            execute format('create table %I partition of orders for values from (%L) to (%L)',
                part, uuid_at(month), uuid_at(month + interval '1 month'));
            made := made + 1;
        end if;
        month := month + interval '1 month';
    end loop;
    return made;
end
$$;
select ensure_partitions(3);
