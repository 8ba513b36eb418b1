//! The demo shop: on an empty database, products grown from a seed, with drawn pictures in the shop's own storage.

use std::collections::HashMap;

use anyhow::Context;
use souk_catalog_api::{CategoryInput, ExportProducts, FacetAttribute, MAX_BATCH, PutCategories};
use souk_objects::Objects;
use souk_rpc::Cx;

use crate::load::Loader;
use crate::wire::Clients;

/// True when the shop sells nothing yet.
pub async fn is_empty(clients: &Clients) -> anyhow::Result<bool> {
    let cx = Cx::system("souk up");
    let some = clients.catalog.export(&cx, ExportProducts { after: None, limit: 1 }).await?;
    Ok(some.items.is_empty())
}

/// Fills an empty shop with `count` products.
pub async fn demo(clients: &Clients, objects: &Objects, count: usize) -> anyhow::Result<()> {
    let cx = Cx::system("demo shop");
    let facets = souk_demo::categories().into_iter().map(|category| CategoryInput {
        path: category.path,
        facets: Some(
            category
                .facets
                .into_iter()
                .map(|(key, label)| FacetAttribute { key: key.into(), label: label.into() })
                .collect(),
        ),
    });
    clients.catalog.put_categories(&cx, PutCategories { categories: facets.collect() }).await?;
    let mut drafts = souk_demo::generate(souk_demo::DEFAULT_SEED, count).peekable();
    while drafts.peek().is_some() {
        let batch: Vec<_> = drafts.by_ref().take(MAX_BATCH).collect();
        let mut stored = HashMap::new();
        for media in batch.iter().flat_map(|draft| &draft.media) {
            if let Some(picture) = souk_demo::art::at(&media.source_url) {
                let name = objects.put(picture.into_bytes().into()).await.context("cannot store a picture")?;
                stored.insert(media.source_url.clone(), format!("/media/{name}"));
            }
        }
        let lookup = |source: &str| stored.get(source).cloned();
        // Each batch stands alone; the categories have their facets already.
        let refused = Loader::new(clients, "demo shop", false, false, &lookup).batch(batch).await?;
        anyhow::ensure!(refused.is_empty(), "the demo shop was refused: {refused:?}");
    }
    Ok(())
}
