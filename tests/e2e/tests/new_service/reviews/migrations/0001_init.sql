create table product (
    product_id uuid primary key
);

create table review (
    review_id uuid primary key,
    product_id uuid not null references product,
    stars integer not null check (stars > 0)
);
create index on review (product_id);
