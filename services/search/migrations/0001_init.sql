-- Numbers the readings of products for a shared index, across processes: what was read later has the larger number, and the
-- engine refuses a smaller one. No cache: numbers are taken in their order.
create sequence reading as bigint cache 1;

-- Who builds a shared index. One at a time; a builder that died is replaced when its lease has run out.
create table build_lease (
    index_name  text        primary key,
    holder      uuid        not null,
    lease_until timestamptz not null
);
