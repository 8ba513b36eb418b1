//! Seeder: fills a shop with the demo catalogue, products grown from a seed, with drawn pictures in the shop's own storage.

use souk_catalog_api::{CategoryInput, FacetAttribute, MAX_BATCH, PutCategories};
use souk_import::{ImportOptions, Importer, Shop};
use souk_kernel::Problem;
use souk_objects::Objects;
use souk_rpc::Cx;

use crate::catalogue::{DEFAULT_SEED, categories, generate};
use crate::pictures::picture_at;

/// Fills an empty shop with `count` products.
///
/// # Errors
/// Those of the services and of the storage; what was written stays.
pub async fn fill(shop: &Shop, objects: &Objects, count: usize) -> Result<(), Problem> {
    let facets = categories().into_iter().map(|category| CategoryInput {
        path: category.path,
        facets: Some(
            category
                .facets
                .into_iter()
                .map(|(key, label)| FacetAttribute { key: key.into(), label: label.into() })
                .collect(),
        ),
    });
    shop.catalog.put_categories(&Cx::system("demo shop"), PutCategories { categories: facets.collect() }).await?;
    let mut drafts = generate(DEFAULT_SEED, count).peekable();
    while drafts.peek().is_some() {
        let mut batch: Vec<_> = drafts.by_ref().take(MAX_BATCH).collect();
        for media in batch.iter_mut().flat_map(|draft| &mut draft.product.media) {
            if let Some(picture) = media.source_url.as_deref().and_then(picture_at) {
                media.url = Some(format!("/media/{}", objects.put(picture.into_bytes().into()).await?));
            }
        }
        // Each batch stands alone; the categories have their facets already.
        let outcomes = Importer::new(shop, "demo shop", ImportOptions::default()).batch(batch).await?;
        if let Some(refused) = outcomes.iter().find(|outcome| !outcome.refusals.is_empty()) {
            return Err(Problem::internal(format!("the demo catalogue was refused: {refused:?}")));
        }
    }
    Ok(())
}
