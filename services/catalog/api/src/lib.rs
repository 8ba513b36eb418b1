//! Contract of the catalogue: what is for sale, how it is described, and where it stands in the category tree.
//! Prices are pricing's, stock is inventory's; a product here carries neither.

mod category;
mod media;
mod picture;
mod product;

use std::collections::BTreeMap;

pub use category::{
    Category, CategoryInput, CategoryPut, CategoryTree, FacetAttribute, PutCategories, PutCategoriesReply,
};
pub use media::{
    FetchPictures, ListPictures, Look, MAX_NAMED, PictureReport, PictureState, PicturesQueued, SourcePicture,
    StoreMedia, StoredMedia,
};
pub use picture::{Format, MAX_HEIGHT, PreparedPicture, WIDTHS};
pub use product::{
    Attribute, AttributeValue, Media, MediaInput, Outcome, Product, ProductInput, ProductOption, ProductOutcome,
    Status, Variant, VariantInput,
};
use serde::{Deserialize, Serialize};
use souk_kernel::{Event, Kind, Problem};
use uuid::Uuid;

souk_kernel::ids! {
    /// A product.
    ProductId,
    /// One thing of a product that can be put into a cart; it has exactly one SKU.
    VariantId,
    /// A node of the category tree.
    CategoryId,
}

/// Code of the 404 for a slug that a product had before.
pub const PRODUCT_MOVED: &str = "product_moved";

/// Products of one batch, in and out: keeps a write transaction short, so that event readers are not held up.
pub const MAX_BATCH: usize = 500;
/// Products of one page of a list.
pub const MAX_PAGE: u32 = 100;

souk_rpc::service! {
    /// The catalogue.
    pub trait CatalogApi at "/rpc/catalog/v1", client CatalogClient, serve serve_catalog, fake CatalogFake {
        /// The published product with this slug; 404 for drafts and unknown ones. When the slug is an old one the 404 has
        /// the code [`PRODUCT_MOVED`] and its `data` is `{"moved_to": "<slug>"}`.
        fn product_by_slug(BySlug) -> Product [idempotent];
        /// Published products by slug, in any order; drafts and unknown slugs are left out, old ones are in `moved`. At most
        /// [`MAX_BATCH`].
        fn products_by_slug(BySlugs) -> ProductsBySlug [idempotent];
        /// Products by id, drafts included, in any order; unknown ids are left out. At most [`MAX_BATCH`].
        fn products(ByIds) -> Products [idempotent];
        /// Variants with what a cart line shows; unknown SKUs and unpublished products are left out. At most [`MAX_BATCH`].
        fn variants(BySkus) -> VariantCards [idempotent];
        /// A page of published products, newest first or as asked.
        fn list(ListProducts) -> ProductPage [idempotent];
        /// The whole tree with counts of published products; small enough to be kept by every caller.
        fn categories(AllCategories) -> CategoryTree [idempotent];
        /// Creates or updates products by (source, external id). Each stands alone: a refused one does not stop the rest.
        /// A product whose content hash is unchanged is left alone. At most [`MAX_BATCH`]. Permission: catalog.
        fn put_products(PutProducts) -> PutProductsReply [idempotent];
        /// Creates or updates categories by path, with the attributes that are facets there. Permission: catalog.
        fn put_categories(PutCategories) -> PutCategoriesReply [idempotent];
        /// Products in id order for exports, drafts included. Permission: catalog.
        fn export(ExportProducts) -> Products [idempotent];
        /// Prepares a picture and keeps it under a name made of its content. Permission: catalog.
        fn store_media(StoreMedia) -> StoredMedia [idempotent];
        /// What became of the pictures that imports named by an address. Permission: catalog.
        fn pictures(ListPictures) -> PictureReport [idempotent];
        /// Has pictures fetched in the background, given up ones too. Permission: catalog.
        fn fetch_pictures(FetchPictures) -> PicturesQueued [idempotent];
    }
}

/// Asks for one product page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BySlug {
    /// The last part of its address.
    pub slug: String,
}

/// Asks for the products of several pages.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BySlugs {
    /// At most [`MAX_BATCH`].
    pub slugs: Vec<String>,
}

/// What stands at some addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProductsBySlug {
    /// Each at most once.
    pub items: Vec<Product>,
    /// Slugs that a product had before, and the one it has now.
    pub moved: BTreeMap<String, String>,
}

/// The 404 of a slug that a product had before it got `to`.
pub fn moved(to: &str) -> Problem {
    Problem::new(Kind::NotFound, PRODUCT_MOVED, "this product has another address now")
        .with_data(serde_json::json!({ "moved_to": to }))
}

/// The new slug that such a 404 names.
pub fn moved_to(problem: &Problem) -> Option<&str> {
    problem.data.as_deref().filter(|_| problem.is(PRODUCT_MOVED))?.get("moved_to")?.as_str()
}

/// Asks for products by id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ByIds {
    /// At most [`MAX_BATCH`].
    pub ids: Vec<ProductId>,
}

/// Asks for variants by SKU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BySkus {
    /// At most [`MAX_BATCH`].
    pub skus: Vec<String>,
}

/// Products.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Products {
    /// Each at most once.
    pub items: Vec<Product>,
}

/// A variant as a cart, an order or a mail shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VariantCard {
    /// The variant.
    pub id: VariantId,
    /// Its product.
    pub product_id: ProductId,
    /// The product's category, for taxes and coupons.
    pub category_id: Option<CategoryId>,
    /// Its SKU.
    pub sku: String,
    /// Slug of the product.
    pub slug: String,
    /// Title of the product.
    pub title: String,
    /// `Silver / Large`; empty for a product with one variant.
    pub options: String,
    /// Which tax rate applies, `standard`.
    pub tax_category: String,
    /// Shipping weight.
    pub weight_grams: u32,
    /// Picture, relative to the shop's root.
    pub image: String,
}

/// Variants found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VariantCards {
    /// In any order.
    pub items: Vec<VariantCard>,
}

/// How a list is sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListSort {
    /// Newest first.
    #[default]
    Newest,
    /// By title.
    Title,
    /// Cheapest first.
    PriceAsc,
    /// Dearest first.
    PriceDesc,
}

/// Asks for a page of the catalogue.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListProducts {
    /// Slug path of a category (`computers/notebooks`); its descendants are included.
    pub category: Option<String>,
    /// Order.
    #[serde(default)]
    pub sort: ListSort,
    /// 1 to [`MAX_PAGE`].
    pub limit: u32,
    /// Where the page before this one ended; opaque.
    pub cursor: Option<String>,
}

/// A page.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProductPage {
    /// The products.
    pub items: Vec<Product>,
    /// Pass it on for the next page; none at the end.
    pub next_cursor: Option<String>,
}

/// Asks for the category tree.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AllCategories {}

/// A batch of an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutProducts {
    /// At most [`MAX_BATCH`].
    pub products: Vec<ProductInput>,
    /// Says what would happen and changes nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What became of each, in the order given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PutProductsReply {
    /// One per input.
    pub outcomes: Vec<ProductOutcome>,
}

/// Asks for an export batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ExportProducts {
    /// The last id of the batch before.
    pub after: Option<ProductId>,
    /// 1 to [`MAX_BATCH`].
    pub limit: u32,
}

/// A product was created, changed, published, unpublished or deleted. Thin on purpose: readers ask for what they need,
/// in batches, and so always see the newest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductChanged {
    /// The product.
    pub product_id: ProductId,
    /// Its slug, for caches.
    pub slug: String,
    /// Its categories from leaf to root, old and new, for caches.
    pub categories: Vec<CategoryId>,
    /// Whether buyers see it now.
    pub published: bool,
    /// Version of the product.
    pub version: i64,
}

impl Event for ProductChanged {
    const TYPE: &'static str = "catalog.product_changed.v1";
    fn aggregate(&self) -> Uuid {
        self.product_id.0
    }
    fn version(&self) -> i64 {
        self.version
    }
}

/// The category tree changed: names, facets or nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CategoryChanged {
    /// The node.
    pub category_id: CategoryId,
    /// Its version.
    pub version: i64,
}

impl Event for CategoryChanged {
    const TYPE: &'static str = "catalog.category_changed.v1";
    fn aggregate(&self) -> Uuid {
        self.category_id.0
    }
    fn version(&self) -> i64 {
        self.version
    }
}
