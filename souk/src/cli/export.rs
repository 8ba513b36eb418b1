//! `souk export products`: NDJSON in Souk's own form, which `souk import products` recognises by itself.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use souk_catalog_api::{AllCategories, Attribute, Category, CategoryId, ExportProducts, MAX_BATCH, Product, Status};
use souk_import::{AttributeDraft, AttributeValue, DraftStatus, MediaDraft, OptionDraft, ProductDraft, VariantDraft};
use souk_inventory_api::AvailabilityRequest;
use souk_pricing_api::{Price, PricesRequest};
use souk_rpc::Cx;

use super::Place;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// An export.
#[derive(Debug, Args)]
pub struct Products {
    /// Where to; standard output by default.
    #[arg(long)]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Runs the command.
pub async fn products(args: Products, config: Config) -> anyhow::Result<ExitCode> {
    let offline = OfflineShop::open(&args.place.apply(config)).await?;
    let mut out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(std::fs::File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(std::io::stdout().lock()),
    };
    let result = write_all(&offline, &mut out).await;
    offline.close().await?;
    let (written, unpriced) = result?;
    eprintln!("wrote {written} products");
    if unpriced > 0 {
        eprintln!("left out {unpriced} products that have no price");
    }
    Ok(ExitCode::SUCCESS)
}

async fn write_all(offline: &OfflineShop, out: &mut dyn Write) -> anyhow::Result<(u64, u64)> {
    let (clients, cx) = (&offline.clients, Cx::system("souk export products"));
    let tree = clients.catalog.categories(&cx, AllCategories {}).await?;
    let names: HashMap<CategoryId, &Category> = tree.items.iter().map(|category| (category.id, category)).collect();
    let (mut written, mut unpriced, mut after) = (0, 0, None);
    loop {
        let page = clients.catalog.export(&cx, ExportProducts { after, limit: MAX_BATCH as u32 }).await?;
        let Some(last) = page.items.last() else { break };
        after = Some(last.id);
        let skus: Vec<String> = page.items.iter().flat_map(|p| p.variants.iter().map(|v| v.sku.clone())).collect();
        let (mut prices, mut stock) = (HashMap::new(), HashMap::new());
        for chunk in skus.chunks(souk_pricing_api::MAX_BATCH.min(souk_inventory_api::MAX_BATCH)) {
            let (found, there) = tokio::try_join!(
                clients.pricing.prices(&cx, PricesRequest { skus: chunk.to_vec() }),
                clients.inventory.availability(&cx, AvailabilityRequest { skus: chunk.to_vec() })
            )?;
            prices.extend(found.items.into_iter().map(|price| (price.sku.clone(), price)));
            stock.extend(there.items.into_iter().map(|stock| (stock.sku, stock.available)));
        }
        for product in &page.items {
            match draft(product, &names, &prices, &stock) {
                Some(draft) => {
                    souk_import::export::write_ndjson(&mut &mut *out, &draft)?;
                    written += 1;
                }
                None => unpriced += 1,
            }
        }
    }
    out.flush()?;
    Ok((written, unpriced))
}

/// The draft that would import as this product; none without a price.
fn draft(
    product: &Product,
    categories: &HashMap<CategoryId, &Category>,
    prices: &HashMap<String, Price>,
    stock: &HashMap<String, i64>,
) -> Option<ProductDraft> {
    let mut variants = Vec::with_capacity(product.variants.len());
    for variant in &product.variants {
        let price = prices.get(&variant.sku)?;
        let media = variant.media.and_then(|at| product.media.get(usize::try_from(at).ok()?));
        variants.push(VariantDraft {
            external_id: variant.external_id.clone(),
            sku: variant.sku.clone(),
            option_values: variant.option_values.clone(),
            price: price.price,
            compare_at: price.compare_at,
            barcode: variant.barcode.clone(),
            weight_grams: (variant.weight_grams > 0).then_some(variant.weight_grams),
            stock: stock.get(&variant.sku).copied(),
            tax_category: variant.tax_category.clone(),
            media: media.and_then(|media| media.source_url.clone()),
        });
    }
    let names = product.category_path.iter().filter_map(|id| Some(categories.get(id)?.name.clone()));
    Some(ProductDraft {
        source: product.source.clone().unwrap_or_else(|| "souk".into()),
        external_id: product.external_id.clone().unwrap_or_else(|| product.id.to_string()),
        slug: product.slug.clone(),
        title: product.title.clone(),
        brand: product.brand.clone(),
        description: product.description.clone(),
        category: names.collect(),
        attributes: product.attributes.iter().filter_map(attribute).collect(),
        options: product
            .options
            .iter()
            .map(|option| OptionDraft { name: option.name.clone(), values: option.values.clone() })
            .collect(),
        variants,
        media: product
            .media
            .iter()
            .filter_map(|media| Some(MediaDraft { source_url: media.source_url.clone()?, alt: media.alt.clone() }))
            .collect(),
        status: match product.status {
            Status::Published => DraftStatus::Published,
            Status::Draft => DraftStatus::Draft,
        },
        tags: product.tags.clone(),
        seo_title: product.seo_title.clone(),
        seo_description: product.seo_description.clone(),
    })
}

fn attribute(attribute: &Attribute) -> Option<AttributeDraft> {
    let value = match &attribute.value {
        souk_catalog_api::AttributeValue::Text(text) => AttributeValue::Text(text.clone()),
        souk_catalog_api::AttributeValue::Number { value, unit } => {
            AttributeValue::Number { value: value.parse().ok()?, unit: unit.clone() }
        }
        souk_catalog_api::AttributeValue::Bool(yes) => AttributeValue::Bool(*yes),
    };
    Some(AttributeDraft { key: attribute.key.clone(), label: attribute.label.clone(), value })
}
