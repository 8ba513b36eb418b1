-- Pictures that were prepared: what is known of the files in object storage, whose names begin with the hash. Only added to.
create table picture (
    hash        text        collate "C" primary key,
    width       integer     not null,
    height      integer     not null,
    placeholder text        not null,
    focus       smallint[]  not null,
    created_at  timestamptz not null
);

-- Addresses that products name as their pictures', and what became of each. The key is the hash of the address, which may be
-- too long for an index.
create table picture_source (
    id            bytea       primary key,
    address       text        not null,
    state         text        not null,
    picture       text        collate "C" references picture,
    etag          text,
    last_modified text,
    code          text,
    reason        text,
    checked_at    timestamptz,
    created_at    timestamptz not null,
    constraint picture_source_state check (state in ('waiting', 'stored', 'failed')),
    constraint picture_source_picture check (state <> 'stored' or picture is not null)
);
create index picture_source_checked on picture_source (state, checked_at desc);

-- Which products name an address.
create index product_source_urls on product using gin (jsonb_path_query_array(media, '$[*].source_url') jsonb_path_ops);

-- Imports of before named addresses too: they are fetched now.
with named as (
    select distinct media.one ->> 'source_url' as address
    from product cross join lateral jsonb_array_elements(product.media) as media (one)
    where media.one ->> 'source_url' is not null and media.one ->> 'url' is null
), source as (
    insert into picture_source (id, address, state, created_at)
    select sha256(convert_to(address, 'UTF8')), address, 'waiting', now() from named
    returning id
)
insert into job (id, kind, key, payload, run_at)
select gen_random_uuid(), 'fetch_picture', encode(id, 'hex'), 'null', now() from source;
