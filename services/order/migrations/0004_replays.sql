-- What a replay of a failed checkout answers with, beside the failure.

alter table orders
    -- Of the request that placed the order: named in its failure, then and whenever it is repeated.
    add column request_id text;
