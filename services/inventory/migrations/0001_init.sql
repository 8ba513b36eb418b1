-- Stock: a ledger of movements that is only ever added to, a balance per SKU and warehouse, and who holds what.
-- SKUs compare by bytes ("C"): every writer locks balances in that order.

create table warehouse (
    id         uuid        primary key,
    code       text        not null constraint warehouse_code unique,
    name       text        not null,
    created_at timestamptz not null default now()
);
-- The one that is there from the start; its id is a constant of the code.
insert into warehouse (id, code, name) values ('00000000-0000-7000-8000-000000000001', 'main', 'Main warehouse');

-- Room is left in each page so that updates of a hot row stay within it and touch no index.
create table stock (
    sku          text   collate "C" not null,
    warehouse_id uuid   not null references warehouse (id),
    stock_id     uuid   not null constraint stock_id_unique unique,
    product_id   uuid   not null,
    on_hand      bigint not null,
    reserved     bigint not null default 0,
    version      bigint not null default 1,
    primary key (sku, warehouse_id),
    constraint stock_reserved_not_negative check (reserved >= 0),
    constraint stock_not_oversold check (on_hand >= reserved)
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Where every unit came from and went: on_hand is the sum of these.
create table movement (
    id           bigint      generated always as identity primary key,
    warehouse_id uuid        not null references warehouse (id),
    sku          text        collate "C" not null,
    delta        bigint      not null,
    reason       text        not null constraint movement_reason check (reason in ('initial', 'received', 'shipped', 'returned', 'adjusted')),
    reference    uuid,
    note         text        not null default '',
    at           timestamptz not null default now(),
    constraint movement_direction check (case reason when 'shipped' then delta < 0
                                                     when 'received' then delta > 0
                                                     when 'returned' then delta > 0
                                                     when 'initial' then delta >= 0
                                                     else delta <> 0 end)
);
create index movement_sku on movement (sku, id);
create unique index movement_shipped_once on movement (reference, sku, warehouse_id) where reason = 'shipped';

create function movement_is_final() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger of movements is only ever added to' using errcode = 'restrict_violation';
end $$;
create trigger movement_is_final before update or delete or truncate on movement
    for each statement execute function movement_is_final();

-- lines: {"SKU": units}. A released row that never held anything bars its key: the release overtook the reservation.
create table reservation (
    key          uuid        primary key,
    warehouse_id uuid        not null references warehouse (id),
    status       text        not null constraint reservation_status check (status in ('held', 'allocated', 'released', 'shipped')),
    lines        jsonb       not null,
    expires_at   timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    constraint reservation_held_expires check ((status = 'held') = (expires_at is not null))
) with (fillfactor = 85);
create index reservation_expiry on reservation (expires_at) where status = 'held';
create index reservation_released on reservation (updated_at) where status = 'released';

-- Corrections that were made under an idempotency key, with what became of them.
create table adjustment (
    id      uuid        primary key,
    changed bigint      not null default 0,
    refused text[]      not null default '{}',
    at      timestamptz not null default now()
);
