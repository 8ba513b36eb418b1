-- The catalogue. Writers take turns (an advisory lock, see store/write.rs), readers never wait.

create table category (
    id        uuid    primary key,
    parent_id uuid    references category,
    path      text    collate "C" not null,
    slug      text    not null,
    ancestors uuid[]  not null,             -- from the root to itself
    name      text    not null,
    position  integer not null,             -- among its siblings
    facets    jsonb   not null default '[]',
    products  bigint  not null default 0,   -- published ones in this very node; a reader adds up the branches
    version   bigint  not null default 1,
    constraint category_path unique (path),
    constraint category_products check (products >= 0)
);

-- One row is one product page: attributes, options and pictures are parts of the product and have no life of their own.
create table product (
    id              uuid        primary key,
    source          text,
    external_id     text,
    slug            text        collate "C" not null,
    title           text        not null,
    title_key       text        collate "C" not null,   -- folded, for sorting
    brand           text,
    description     text        not null,
    status          text        not null,
    category_id     uuid        not null references category,
    attributes      jsonb       not null,
    options         jsonb       not null,
    media           jsonb       not null,
    tags            jsonb       not null,
    seo_title       text,
    seo_description text,
    content_hash    text        not null,
    -- A projection of pricing's events, for sorting only; what a buyer pays is always asked from pricing.
    lowest_price    bigint,
    price_version   bigint      not null default 0,
    version         bigint      not null,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    constraint product_slug unique (slug),
    constraint product_source unique (source, external_id),
    constraint product_status check (status in ('published', 'draft'))
);
create index product_category_newest on product (category_id, id desc) where status = 'published';
create index product_category_title on product (category_id, title_key, id) where status = 'published';
create index product_category_price on product (category_id, lowest_price, id)
    where status = 'published' and lowest_price is not null;
create index product_title on product (title_key, id) where status = 'published';
create index product_price on product (lowest_price, id) where status = 'published' and lowest_price is not null;

create table variant (
    id            uuid    primary key,
    product_id    uuid    not null references product on delete cascade,
    position      integer not null,
    sku           text    collate "C" not null,
    external_id   text,
    option_values jsonb   not null,
    barcode       text,
    weight_grams  bigint  not null,
    tax_category  text    not null,
    media         integer,
    constraint variant_sku unique (sku)
);
create index variant_product on variant (product_id, position);

-- Addresses that products had before: a link once published keeps working.
create table old_slug (
    slug       text collate "C" primary key,
    product_id uuid not null references product on delete cascade
);
create index old_slug_product on old_slug (product_id);
