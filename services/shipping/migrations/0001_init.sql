-- Parcels. The id is random: it is what a buyer shows to follow the parcel, so it must not be guessed.
create table shipment (
    shipment_id     uuid        primary key,
    order_id        uuid        not null,
    status          text        not null constraint shipment_status check (status in ('shipped', 'delivered')),
    carrier         text,
    tracking_number text,
    shipped_at      timestamptz not null,
    delivered_at    timestamptz,
    -- Number of the order's last change that was about this parcel: the order's events are numbered through.
    version         bigint      not null,
    constraint shipment_delivered check ((status = 'delivered') = (delivered_at is not null)),
    constraint shipment_order_version unique (order_id, version)
);
-- The same parcel is noted once; parcels without a number are one.
create unique index shipment_order_tracking on shipment (order_id, coalesce(tracking_number, ''));
