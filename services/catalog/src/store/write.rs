//! SQL that writes products. Writers take turns: what a batch found when it looked is still so when it writes, which makes
//! every SKU and slug decision certain and deadlocks impossible. A turn of 500 products is well below 100 ms.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use souk_catalog_api::{CategoryId, ProductId, ProductInput, Status, VariantId};
use souk_db::{DbError, Row, RowExt, Tx};
use tokio::try_join;
use uuid::Uuid;

use super::{Store, json};
use crate::domain::pictures::KnownPictures;
use crate::domain::plan::{CatalogSnapshot, KnownProduct, Write};
use crate::domain::slug::title_key;

/// Held to the end of the transaction. Any number does that no other lock in this database uses: "catalog" in letters.
const TAKE_TURN: &str = "select pg_advisory_xact_lock(27991764563649639)::text";
const KNOWN_PRODUCTS: &str =
    "select p.source, p.external_id, p.id, p.slug, p.content_hash, p.version, p.status, p.category_id,
        array(select sku from variant where product_id = p.id order by id) as skus,
        array(select id from variant where product_id = p.id order by id) as variant_ids
    from unnest($1::text[], $2::text[]) as w (source, external_id)
    join product p on p.source = w.source and p.external_id = w.external_id";
const KNOWN_SKUS: &str = "select sku, product_id from variant where sku = any($1)";
const KNOWN_SLUGS: &str = "select slug, id from product where slug = any($1)
    union all select slug, product_id from old_slug where slug = any($1)";
/// `wish-2`, `wish-3` …: `-` is 2d and `.` is 2e, so one range of the index holds all that begins with `wish-`.
const NUMBERED_SLUGS: &str = "select t.slug, t.id from unnest($1::text[]) as w (slug) cross join lateral (
        select slug, id from product p
        where p.slug > (w.slug || '-') collate \"C\" and p.slug < (w.slug || '.') collate \"C\"
        union all
        select slug, product_id from old_slug o
        where o.slug > (w.slug || '-') collate \"C\" and o.slug < (w.slug || '.') collate \"C\") t
    where substr(t.slug, length(w.slug) + 2) ~ '^[0-9]{1,9}$'";
const KNOWN_CATEGORIES: &str = "select id, ancestors from category
    where id = any($1) or id in (
        select p.category_id from unnest($2::text[], $3::text[]) as w (source, external_id)
        join product p on p.source = w.source and p.external_id = w.external_id)";
const INSERT_PRODUCTS: &str = "insert into product (id, source, external_id, slug, title, title_key, brand, description, status,
        category_id, attributes, options, media, tags, seo_title, seo_description, content_hash, version, created_at,
        updated_at, description_html)
    select id, source, external_id, slug, title, title_key, brand, description, status, category_id, attributes::jsonb,
        options::jsonb, media::jsonb, tags::jsonb, seo_title, seo_description, content_hash, version, $19,
        $19, description_html
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::uuid[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bigint[],
        $20::text[])
        as n (id, source, external_id, slug, title, title_key, brand, description, status, category_id, attributes, options,
            media, tags, seo_title, seo_description, content_hash, version, description_html)";
const UPDATE_PRODUCTS: &str = "update product p set slug = n.slug, title = n.title, title_key = n.title_key, brand = n.brand,
        description = n.description, description_html = n.description_html, status = n.status, category_id = n.category_id, attributes = n.attributes::jsonb,
        options = n.options::jsonb, media = n.media::jsonb, tags = n.tags::jsonb, seo_title = n.seo_title,
        seo_description = n.seo_description, content_hash = n.content_hash, version = n.version, updated_at = $19
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::uuid[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::bigint[],
        $20::text[])
        as n (id, source, external_id, slug, title, title_key, brand, description, status, category_id, attributes, options,
            media, tags, seo_title, seo_description, content_hash, version, description_html)
    where p.id = n.id";
const DELETE_VARIANTS: &str = "delete from variant where id = any($1)";
const PUT_VARIANTS: &str =
    "insert into variant (id, product_id, position, sku, external_id, option_values, barcode, weight_grams,
        tax_category, media)
    select id, product_id, position, sku, external_id, option_values::jsonb, barcode, weight_grams, tax_category, media
    from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
        $9::text[], $10::integer[])
        as n (id, product_id, position, sku, external_id, option_values, barcode, weight_grams, tax_category, media)
    on conflict (id) do update set position = excluded.position, external_id = excluded.external_id,
        option_values = excluded.option_values, barcode = excluded.barcode, weight_grams = excluded.weight_grams,
        tax_category = excluded.tax_category, media = excluded.media";
const FORGET_OLD_SLUGS: &str = "delete from old_slug where slug = any($1)";
const KEEP_OLD_SLUGS: &str = "insert into old_slug (slug, product_id) select * from unnest($1::text[], $2::uuid[])";
const COUNT: &str = "update category c set products = c.products + n.change
    from unnest($1::uuid[], $2::bigint[]) as n (id, change) where c.id = n.id";
/// Prices may arrive again or late: only a newer one counts.
pub(super) const SET_LOWEST: &str = "update product p set lowest_price = n.price, price_version = n.version
    from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as n (id, price, version)
    where p.id = n.id and p.price_version < n.version";

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("take_turn", TAKE_TURN),
    ("known_products", KNOWN_PRODUCTS),
    ("known_skus", KNOWN_SKUS),
    ("known_slugs", KNOWN_SLUGS),
    ("numbered_slugs", NUMBERED_SLUGS),
    ("known_categories", KNOWN_CATEGORIES),
    ("insert_products", INSERT_PRODUCTS),
    ("update_products", UPDATE_PRODUCTS),
    ("delete_variants", DELETE_VARIANTS),
    ("put_variants", PUT_VARIANTS),
    ("forget_old_slugs", FORGET_OLD_SLUGS),
    ("keep_old_slugs", KEEP_OLD_SLUGS),
    ("count", COUNT),
    ("set_lowest", SET_LOWEST),
];

/// A writer's turn: until it is committed or dropped no other writer of the catalogue goes on.
pub(crate) struct Turn {
    pub(super) tx: Tx,
}

impl Store {
    /// Waits for the turn of this writer.
    pub(crate) async fn turn(&self) -> Result<Turn, DbError> {
        let tx = self.db.begin().await?;
        tx.query(TAKE_TURN, &[]).await?;
        Ok(Turn { tx })
    }

    /// Takes lowest prices over, in the transaction of a consumer: product, minor units, version of the price.
    pub(crate) async fn set_lowest(tx: &Tx, prices: &BTreeMap<Uuid, (i64, i64)>) -> Result<(), DbError> {
        let ids: Vec<Uuid> = prices.keys().copied().collect();
        let (amounts, versions): (Vec<i64>, Vec<i64>) = prices.values().copied().unzip();
        tx.execute(SET_LOWEST, &[&ids, &amounts, &versions]).await?;
        Ok(())
    }
}

impl Turn {
    /// The transaction, for the outbox and the commit.
    pub(crate) fn tx(&self) -> &Tx {
        &self.tx
    }

    /// The transaction, to commit it.
    pub(crate) fn into_tx(self) -> Tx {
        self.tx
    }

    /// What is there of the things a batch names: four statements in one round trip, one more when slugs collide.
    pub(crate) async fn snapshot(&self, inputs: &[&ProductInput]) -> Result<CatalogSnapshot, DbError> {
        let sources: Vec<&str> = inputs.iter().map(|input| input.source.as_str()).collect();
        let external_ids: Vec<&str> = inputs.iter().map(|input| input.external_id.as_str()).collect();
        let skus: Vec<&str> = inputs.iter().flat_map(|input| &input.variants).map(|v| v.sku.as_str()).collect();
        let slugs: Vec<&str> = inputs.iter().map(|input| input.slug.as_str()).collect();
        let categories: HashSet<Uuid> = inputs.iter().map(|input| input.category_id.uuid()).collect();
        let categories: Vec<Uuid> = categories.into_iter().collect();
        let (product_params, slug_params, sku_params) =
            ([&sources as _, &external_ids as _], [&slugs as _], [&skus as _]);
        let category_params = [&categories as _, &sources as _, &external_ids as _];
        let (products, skus, slugs, categories) = try_join!(
            self.tx.query(KNOWN_PRODUCTS, &product_params),
            self.tx.query(KNOWN_SKUS, &sku_params),
            self.tx.query(KNOWN_SLUGS, &slug_params),
            self.tx.query(KNOWN_CATEGORIES, &category_params),
        )?;
        let pair = |row: &Row| Ok((row.get_col(0)?, ProductId(row.get_col(1)?)));
        let path = |row: &Row| {
            let ancestors: Vec<Uuid> = row.get_col("ancestors")?;
            Ok((CategoryId(row.get_col("id")?), ancestors.into_iter().map(CategoryId).collect()))
        };
        let mut snapshot = CatalogSnapshot {
            products: products.iter().map(known_product).collect::<Result<_, DbError>>()?,
            skus: skus.iter().map(pair).collect::<Result<_, DbError>>()?,
            slugs: slugs.iter().map(pair).collect::<Result<_, DbError>>()?,
            categories: categories.iter().map(path).collect::<Result<HashMap<_, _>, DbError>>()?,
        };
        let contested = contested_slugs(inputs, &snapshot);
        if !contested.is_empty() {
            let numbered = self.tx.query(NUMBERED_SLUGS, &[&contested]).await?;
            let numbered = numbered.iter().map(pair).collect::<Result<Vec<_>, DbError>>()?;
            snapshot.slugs.extend(numbered);
        }
        Ok(snapshot)
    }

    /// Writes what a plan decided.
    pub(crate) async fn write(
        &self,
        inputs: &[ProductInput],
        writes: &[Write],
        counts: &BTreeMap<CategoryId, i64>,
        pictures: &KnownPictures,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let (new, changed): (Vec<&Write>, Vec<&Write>) = writes.iter().partition(|write| write.new);
        self.move_slugs(writes).await?;
        self.put_products(INSERT_PRODUCTS, inputs, &new, pictures, now).await?;
        self.put_products(UPDATE_PRODUCTS, inputs, &changed, pictures, now).await?;
        let removed: Vec<Uuid> = writes.iter().flat_map(|write| &write.removed).map(|id| id.uuid()).collect();
        if !removed.is_empty() {
            self.tx.execute(DELETE_VARIANTS, &[&removed]).await?;
        }
        self.put_variants(inputs, writes).await?;
        if !counts.is_empty() {
            let (ids, changes): (Vec<Uuid>, Vec<i64>) = counts.iter().map(|(id, change)| (id.uuid(), *change)).unzip();
            self.tx.execute(COUNT, &[&ids, &changes]).await?;
        }
        Ok(())
    }

    async fn move_slugs(&self, writes: &[Write]) -> Result<(), DbError> {
        let moved: Vec<&Write> = writes.iter().filter(|write| write.old_slug.is_some()).collect();
        if moved.is_empty() {
            return Ok(());
        }
        let new: Vec<&str> = moved.iter().map(|write| write.slug.as_str()).collect();
        let old: Vec<&str> = moved.iter().filter_map(|write| write.old_slug.as_deref()).collect();
        let ids: Vec<Uuid> = moved.iter().map(|write| write.id.uuid()).collect();
        self.tx.execute(FORGET_OLD_SLUGS, &[&new]).await?;
        self.tx.execute(KEEP_OLD_SLUGS, &[&old, &ids]).await?;
        Ok(())
    }

    async fn put_products(
        &self,
        sql: &'static str,
        inputs: &[ProductInput],
        writes: &[&Write],
        pictures: &KnownPictures,
        now: Timestamp,
    ) -> Result<(), DbError> {
        if writes.is_empty() {
            return Ok(());
        }
        let rows: Vec<(&Write, &ProductInput)> = writes.iter().map(|write| (*write, &inputs[write.input])).collect();
        let text = |of: fn(&ProductInput) -> &str| rows.iter().map(|(_, input)| of(input)).collect::<Vec<_>>();
        let maybe = |of: fn(&ProductInput) -> Option<&str>| rows.iter().map(|(_, input)| of(input)).collect::<Vec<_>>();
        let encoded = |of: fn(&ProductInput) -> Result<String, DbError>| {
            rows.iter().map(|(_, input)| of(input)).collect::<Result<Vec<_>, _>>()
        };
        let ids: Vec<Uuid> = rows.iter().map(|(write, _)| write.id.uuid()).collect();
        let slugs: Vec<&str> = rows.iter().map(|(write, _)| write.slug.as_str()).collect();
        let title_keys: Vec<String> = rows.iter().map(|(_, input)| title_key(&input.title)).collect();
        let categories: Vec<Uuid> = rows.iter().map(|(_, input)| input.category_id.uuid()).collect();
        let versions: Vec<i64> = rows.iter().map(|(write, _)| write.version).collect();
        let (attributes, options) = (encoded(|i| json(&i.attributes))?, encoded(|i| json(&i.options))?);
        let tags = encoded(|input| json(&input.tags))?;
        let shown = |input: &ProductInput| input.media.iter().map(|media| pictures.media(media)).collect::<Vec<_>>();
        let media = rows.iter().map(|(_, input)| json(&shown(input))).collect::<Result<Vec<_>, _>>()?;
        self.tx
            .execute(
                sql,
                &[
                    &ids,
                    &text(|input| &input.source),
                    &text(|input| &input.external_id),
                    &slugs,
                    &text(|input| &input.title),
                    &title_keys,
                    &maybe(|input| input.brand.as_deref()),
                    &text(|input| &input.description),
                    &text(|input| match input.status {
                        Status::Published => "published",
                        Status::Unlisted => "unlisted",
                        Status::Draft => "draft",
                    }),
                    &categories,
                    &attributes,
                    &options,
                    &media,
                    &tags,
                    &maybe(|input| input.seo_title.as_deref()),
                    &maybe(|input| input.seo_description.as_deref()),
                    &text(|input| &input.content_hash),
                    &versions,
                    &now,
                    &maybe(|input| input.description_html.as_deref()),
                ],
            )
            .await?;
        Ok(())
    }

    async fn put_variants(&self, inputs: &[ProductInput], writes: &[Write]) -> Result<(), DbError> {
        let mut rows = Vec::new();
        for write in writes {
            let variants = inputs[write.input].variants.iter();
            rows.extend(
                variants.zip(&write.variants).zip(0i32..).map(|((variant, id), at)| (write.id, id, at, variant)),
            );
        }
        if rows.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = rows.iter().map(|(_, id, ..)| id.uuid()).collect();
        let products: Vec<Uuid> = rows.iter().map(|(product, ..)| product.uuid()).collect();
        let positions: Vec<i32> = rows.iter().map(|(_, _, at, _)| *at).collect();
        let variants = || rows.iter().map(|(.., variant)| *variant);
        let skus: Vec<&str> = variants().map(|v| v.sku.as_str()).collect();
        let external_ids: Vec<Option<&str>> = variants().map(|v| v.external_id.as_deref()).collect();
        let options = variants().map(|v| json(&v.option_values)).collect::<Result<Vec<_>, _>>()?;
        let barcodes: Vec<Option<&str>> = variants().map(|v| v.barcode.as_deref()).collect();
        let weights: Vec<i64> = variants().map(|v| i64::from(v.weight_grams)).collect();
        let taxes: Vec<&str> = variants().map(|v| v.tax_category.as_str()).collect();
        let media: Vec<Option<i32>> = variants().map(|v| v.media.and_then(|at| i32::try_from(at).ok())).collect();
        self.tx
            .execute(
                PUT_VARIANTS,
                &[&ids, &products, &positions, &skus, &external_ids, &options, &barcodes, &weights, &taxes, &media],
            )
            .await?;
        Ok(())
    }
}

/// Slugs that another product holds, or that several of the batch wish for: these need numbers.
fn contested_slugs<'a>(inputs: &[&'a ProductInput], snapshot: &CatalogSnapshot) -> Vec<&'a str> {
    let mut wished = HashSet::new();
    let mut contested = HashSet::new();
    for input in inputs {
        let identity = (input.source.clone(), input.external_id.clone());
        let own = snapshot.products.get(&identity).map(|product| product.id);
        let taken = snapshot.slugs.get(&input.slug).is_some_and(|holder| Some(*holder) != own);
        if taken || !wished.insert(input.slug.as_str()) {
            contested.insert(input.slug.as_str());
        }
    }
    contested.into_iter().collect()
}

fn known_product(row: &Row) -> Result<((String, String), KnownProduct), DbError> {
    let skus: Vec<String> = row.get_col("skus")?;
    let variant_ids: Vec<Uuid> = row.get_col("variant_ids")?;
    let status: &str = row.get_col("status")?;
    let known = KnownProduct {
        id: ProductId(row.get_col("id")?),
        slug: row.get_col("slug")?,
        content_hash: row.get_col("content_hash")?,
        version: row.get_col("version")?,
        published: status == "published",
        category_id: CategoryId(row.get_col("category_id")?),
        variants: skus.into_iter().zip(variant_ids.into_iter().map(VariantId)).collect(),
    };
    Ok(((row.get_col("source")?, row.get_col("external_id")?), known))
}
