//! SQL that reads products. A product is one row with its variants folded in by the database, so that a page, a batch and a
//! list cost one round trip each.

use souk_catalog_api::{CategoryId, ListSort, Product, ProductId, Status};
use souk_db::{DbError, Json, Row, RowExt, WalPosition};
use uuid::Uuid;

use super::Store;
use crate::domain::cursor::Cursor;

macro_rules! products {
    ($($tail:literal),+) => {
        concat!(
            "select p.id, p.source, p.external_id, p.slug, p.title, p.brand, p.description, p.description_html, p.status,
                p.category_id,
                c.ancestors, c.slug as motif, p.attributes, p.options, p.media, p.tags, p.seo_title, p.seo_description,
                p.version, p.created_at, p.updated_at,
                (select json_agg(v) from (
                    select id, external_id, sku, option_values, barcode, weight_grams, tax_category, media
                    from variant where product_id = p.id order by position) v) as variants
             from product p join category c on c.id = p.category_id ",
            $($tail),+
        )
    };
}

/// One page of a category and its descendants: the first rows of each by its own index, then the first of those. Only
/// columns of that index are named, so the rows themselves are not looked at.
macro_rules! category_page {
    ($key:literal, $compare:literal, $order:literal) => {
        concat!(
            "select k.* from unnest($1::uuid[]) as branch (id) cross join lateral (select id",
            $key,
            " from product where status = 'published' and category_id = branch.id and ",
            $compare,
            " order by ",
            $order,
            " limit $2) k order by ",
            $order,
            " limit $2"
        )
    };
}

/// One page of everything. `$1` is the list of categories, unused here, so that both take the same parameters.
macro_rules! page {
    ($key:literal, $compare:literal, $order:literal) => {
        concat!(
            "select id",
            $key,
            " from product where $1::uuid[] is not null and status = 'published' and ",
            $compare,
            " order by ",
            $order,
            " limit $2"
        )
    };
}

const BY_SLUG: &str = products!("where p.slug = $1");
const BY_IDS: &str = products!("where p.id = any($1)");
const BY_SKUS: &str = products!("where p.id in (select product_id from variant where sku = any($1))");
const EXPORT: &str = products!("where p.id > $1 order by p.id limit $2");
const MOVED: &str = "select p.slug from old_slug o join product p on p.id = o.product_id
    where o.slug = $1 and p.status <> 'draft'";
const NEWEST: &str = page!("", "id < $3", "id desc");
const TITLE: &str = page!(", title_key", "(title_key, id) > ($4, $3)", "title_key, id");
const PRICE_ASC: &str =
    page!(", lowest_price", "lowest_price is not null and (lowest_price, id) > ($4, $3)", "lowest_price, id");
const PRICE_DESC: &str =
    page!(", lowest_price", "lowest_price is not null and (lowest_price, id) < ($4, $3)", "lowest_price desc, id desc");
const CATEGORY_NEWEST: &str = category_page!("", "id < $3", "id desc");
const CATEGORY_TITLE: &str = category_page!(", title_key", "(title_key, id) > ($4, $3)", "title_key, id");
const CATEGORY_PRICE_ASC: &str =
    category_page!(", lowest_price", "lowest_price is not null and (lowest_price, id) > ($4, $3)", "lowest_price, id");
const CATEGORY_PRICE_DESC: &str = category_page!(
    ", lowest_price",
    "lowest_price is not null and (lowest_price, id) < ($4, $3)",
    "lowest_price desc, id desc"
);

pub(super) const STATEMENTS: &[(&str, &str)] = &[
    ("by_slug", BY_SLUG),
    ("by_ids", BY_IDS),
    ("by_skus", BY_SKUS),
    ("export", EXPORT),
    ("moved", MOVED),
    ("newest", NEWEST),
    ("title", TITLE),
    ("price_asc", PRICE_ASC),
    ("price_desc", PRICE_DESC),
    ("category_newest", CATEGORY_NEWEST),
    ("category_title", CATEGORY_TITLE),
    ("category_price_asc", CATEGORY_PRICE_ASC),
    ("category_price_desc", CATEGORY_PRICE_DESC),
];

/// Which page of a list.
pub(crate) struct Page<'a> {
    /// A category with its descendants; none for everything.
    pub(crate) categories: Option<Vec<CategoryId>>,
    /// Order.
    pub(crate) sort: ListSort,
    /// Rows.
    pub(crate) limit: i64,
    /// The product it begins after.
    pub(crate) after: Option<&'a Cursor>,
}

/// A place in a list: the product and what its place depends on.
pub(crate) struct Listed {
    pub(crate) id: ProductId,
    /// When sorted by it.
    pub(crate) title_key: Option<String>,
    /// When sorted by it.
    pub(crate) lowest_price: Option<i64>,
}

impl Store {
    /// The product at this address, drafts included.
    pub(crate) async fn by_slug(&self, at_least: WalPosition, slug: &str) -> Result<Option<Product>, DbError> {
        self.reads(at_least).query_opt(BY_SLUG, &[&slug]).await?.as_ref().map(product).transpose()
    }

    /// Where the product went that had this address.
    pub(crate) async fn moved(&self, at_least: WalPosition, slug: &str) -> Result<Option<String>, DbError> {
        self.reads(at_least).query_opt(MOVED, &[&slug]).await?.map(|row| row.get_col("slug")).transpose()
    }

    /// Products by id.
    pub(crate) async fn by_ids(&self, at_least: WalPosition, ids: &[ProductId]) -> Result<Vec<Product>, DbError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        self.reads(at_least).query(BY_IDS, &[&ids]).await?.iter().map(product).collect()
    }

    /// Products that have one of these SKUs.
    pub(crate) async fn by_skus(&self, at_least: WalPosition, skus: &[&str]) -> Result<Vec<Product>, DbError> {
        self.reads(at_least).query(BY_SKUS, &[&skus]).await?.iter().map(product).collect()
    }

    /// Products after `after` in the order of their ids.
    pub(crate) async fn export(&self, after: Option<ProductId>, limit: i64) -> Result<Vec<Product>, DbError> {
        let after = after.map_or(Uuid::nil(), ProductId::uuid);
        self.db.primary().query(EXPORT, &[&after, &limit]).await?.iter().map(product).collect()
    }

    /// Places of a page of published products; by price only those that have one. From an index alone.
    pub(crate) async fn page(&self, at_least: WalPosition, page: &Page<'_>) -> Result<Vec<Listed>, DbError> {
        let descends = matches!(page.sort, ListSort::Newest | ListSort::PriceDesc);
        let id = page.after.map_or(if descends { Uuid::max() } else { Uuid::nil() }, |after| after.id.uuid());
        let title = page.after.and_then(|after| after.title.as_deref()).unwrap_or_default();
        let price = page.after.and_then(|after| after.price).unwrap_or(if descends { i64::MAX } else { i64::MIN });
        let branches: Vec<Uuid> = page.categories.iter().flatten().map(|id| id.uuid()).collect();
        let reads = self.reads(at_least);
        let sql = match (page.sort, page.categories.is_some()) {
            (ListSort::Newest, false) => NEWEST,
            (ListSort::Newest, true) => CATEGORY_NEWEST,
            (ListSort::Title, false) => TITLE,
            (ListSort::Title, true) => CATEGORY_TITLE,
            (ListSort::PriceAsc, false) => PRICE_ASC,
            (ListSort::PriceAsc, true) => CATEGORY_PRICE_ASC,
            (ListSort::PriceDesc, false) => PRICE_DESC,
            (ListSort::PriceDesc, true) => CATEGORY_PRICE_DESC,
        };
        let rows = match page.sort {
            ListSort::Newest => reads.query(sql, &[&branches, &page.limit, &id]).await?,
            ListSort::Title => reads.query(sql, &[&branches, &page.limit, &id, &title]).await?,
            ListSort::PriceAsc | ListSort::PriceDesc => {
                reads.query(sql, &[&branches, &page.limit, &id, &price]).await?
            }
        };
        rows.iter().map(|row| listed(row, page.sort)).collect()
    }
}

fn listed(row: &Row, sort: ListSort) -> Result<Listed, DbError> {
    let (title_key, lowest_price) = match sort {
        ListSort::Newest => (None, None),
        ListSort::Title => (Some(row.get_col("title_key")?), None),
        ListSort::PriceAsc | ListSort::PriceDesc => (None, Some(row.get_col("lowest_price")?)),
    };
    Ok(Listed { id: ProductId(row.get_col("id")?), title_key, lowest_price })
}

fn product(row: &Row) -> Result<Product, DbError> {
    let status: &str = row.get_col("status")?;
    let ancestors: Vec<Uuid> = row.get_col("ancestors")?;
    let category: Uuid = row.get_col("category_id")?;
    let id: Uuid = row.get_col("id")?;
    Ok(Product {
        id: ProductId(id),
        source: row.get_col("source")?,
        external_id: row.get_col("external_id")?,
        slug: row.get_col("slug")?,
        title: row.get_col("title")?,
        brand: row.get_col("brand")?,
        description: row.get_col("description")?,
        description_html: row.get_col("description_html")?,
        status: match status {
            "published" => Status::Published,
            "unlisted" => Status::Unlisted,
            _ => Status::Draft,
        },
        category_id: Some(CategoryId(category)),
        category_path: ancestors.into_iter().map(CategoryId).collect(),
        motif: row.get_col("motif")?,
        attributes: json(row, "attributes")?,
        options: json(row, "options")?,
        variants: json(row, "variants")?,
        media: json(row, "media")?,
        tags: json(row, "tags")?,
        seo_title: row.get_col("seo_title")?,
        seo_description: row.get_col("seo_description")?,
        version: row.get_col("version")?,
        created_at: row.get_col("created_at")?,
        updated_at: row.get_col("updated_at")?,
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Row, column: &'static str) -> Result<T, DbError> {
    let Json(value) = row.get_col::<Json<T>>(column)?;
    Ok(value)
}
