-- The fingerprint of the installation's master key: one row at most, made by the first process that has a key.
create table master_key (
    single boolean primary key default true check (single),
    -- None: the shop was there before fingerprints were; the first key that comes is taken for its own.
    fingerprint text
);
insert into master_key (fingerprint) select null where exists (select from pg_namespace where nspname = 'order');
