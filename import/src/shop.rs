//! Import target and export source: clients of the three contracts of a shop, and its products as drafts.

use std::collections::{BTreeMap, HashMap};

use souk_catalog_api::{
    AllCategories, CatalogClient, Category, CategoryId, ExportProducts, MAX_BATCH, MediaInput, Product, ProductInput,
    VariantInput,
};
use souk_inventory_api::{Availability, AvailabilityRequest, InventoryClient, StockPolicy};
use souk_kernel::Problem;
use souk_pricing_api::{Price, PricesRequest, PricingClient};
use souk_rpc::Cx;

use crate::draft::{NO_CATEGORY, Offer, ProductDraft};

/// Prices or counts asked for at once.
pub(crate) const MAX_LINES: usize = if souk_pricing_api::MAX_BATCH < souk_inventory_api::MAX_BATCH {
    souk_pricing_api::MAX_BATCH
} else {
    souk_inventory_api::MAX_BATCH
};

/// Where products, prices and stock are kept.
#[derive(Clone)]
pub struct Shop {
    /// Products and categories.
    pub catalog: CatalogClient,
    /// Prices.
    pub pricing: PricingClient,
    /// Stock.
    pub inventory: InventoryClient,
}

/// A walk through all products of a shop, page by page.
pub struct Export<'a> {
    shop: &'a Shop,
    cx: Cx,
    categories: HashMap<CategoryId, Category>,
    after: Option<souk_catalog_api::ProductId>,
    unpriced: u64,
}

impl Shop {
    /// True when it sells nothing yet.
    ///
    /// # Errors
    /// The catalogue's.
    pub async fn is_empty(&self) -> Result<bool, Problem> {
        let request = ExportProducts { after: None, limit: 1 };
        Ok(self.catalog.export(&Cx::system("import"), request).await?.items.is_empty())
    }

    /// Prices and stock of at most [`MAX_LINES`] SKUs.
    pub(crate) async fn offers(
        &self,
        cx: &Cx,
        skus: &[String],
    ) -> Result<(HashMap<String, Price>, HashMap<String, Availability>), Problem> {
        let (prices, stock) = tokio::try_join!(
            self.pricing.prices(cx, PricesRequest { skus: skus.to_vec() }),
            self.inventory.availability(cx, AvailabilityRequest { skus: skus.to_vec() })
        )?;
        let prices = prices.items.into_iter().map(|price| (price.sku.clone(), price)).collect();
        Ok((prices, stock.items.into_iter().map(|stock| (stock.sku.clone(), stock)).collect()))
    }

    /// Starts an export. `what` names it in logs.
    ///
    /// # Errors
    /// The catalogue's.
    pub async fn export(&self, what: &str) -> Result<Export<'_>, Problem> {
        let cx = Cx::system(what);
        let tree = self.catalog.categories(&cx, AllCategories {}).await?;
        let categories = tree.items.into_iter().map(|category| (category.id, category)).collect();
        Ok(Export { shop: self, cx, categories, after: None, unpriced: 0 })
    }
}

impl Export<'_> {
    /// The next products; none at the end. May be empty before it, when no product of a page has a price.
    ///
    /// # Errors
    /// Those of the services.
    pub async fn page(&mut self) -> Result<Option<Vec<ProductDraft>>, Problem> {
        let request = ExportProducts { after: self.after, limit: MAX_BATCH as u32 };
        let page = self.shop.catalog.export(&self.cx, request).await?;
        let Some(last) = page.items.last() else { return Ok(None) };
        self.after = Some(last.id);
        let skus: Vec<String> = page.items.iter().flat_map(|p| p.variants.iter().map(|v| v.sku.clone())).collect();
        let (mut prices, mut stock) = (HashMap::new(), HashMap::new());
        for chunk in skus.chunks(MAX_LINES) {
            let (found, there) = self.shop.offers(&self.cx, chunk).await?;
            prices.extend(found);
            stock.extend(there);
        }
        let count = page.items.len();
        let draft = |product| draft(product, &self.categories, &prices, &stock);
        let drafts: Vec<ProductDraft> = page.items.into_iter().filter_map(draft).collect();
        self.unpriced += (count - drafts.len()) as u64;
        Ok(Some(drafts))
    }

    /// Products left out so far because they have no price.
    pub fn unpriced(&self) -> u64 {
        self.unpriced
    }
}

/// The draft that would import as this product; none without a price.
fn draft(
    product: Product,
    categories: &HashMap<CategoryId, Category>,
    prices: &HashMap<String, Price>,
    stock: &HashMap<String, Availability>,
) -> Option<ProductDraft> {
    let offer = |sku: &String| {
        let price = prices.get(sku)?;
        let stock = stock.get(sku);
        // How many units there are of what is not counted says nothing.
        let counted = stock.filter(|stock| stock.policy != StockPolicy::Untracked);
        Some(Offer {
            price: price.price,
            compare_at: price.compare_at,
            stock: counted.map(|stock| stock.on_hand().max(0)),
            default_stock: 0,
            policy: stock.map(|stock| stock.policy),
        })
    };
    let offers = product.variants.iter().map(|variant| offer(&variant.sku)).collect::<Option<Vec<_>>>()?;
    let variants = product.variants.into_iter().map(|variant| VariantInput {
        external_id: variant.external_id,
        sku: variant.sku,
        option_values: variant.option_values,
        barcode: variant.barcode,
        weight_grams: variant.weight_grams,
        tax_category: variant.tax_category,
        media: variant.media,
    });
    let media = product.media.into_iter().map(|media| MediaInput {
        url: media.url,
        source_url: media.source_url,
        alt: media.alt,
        width: media.width,
        height: media.height,
    });
    let names = product.category_path.iter().filter_map(|id| Some(categories.get(id)?.name.clone()));
    let category = names.collect();
    let product = ProductInput {
        source: product.source.unwrap_or_else(|| "souk".into()),
        external_id: product.external_id.unwrap_or_else(|| product.id.to_string()),
        slug: product.slug,
        title: product.title,
        brand: product.brand,
        description: product.description,
        description_html: product.description_html,
        status: product.status,
        category_id: NO_CATEGORY,
        attributes: product.attributes,
        options: product.options,
        variants: variants.collect(),
        media: media.collect(),
        tags: product.tags,
        seo_title: product.seo_title,
        seo_description: product.seo_description,
        content_hash: String::new(),
    };
    Some(ProductDraft { product, category, offers, files: BTreeMap::new() })
}
