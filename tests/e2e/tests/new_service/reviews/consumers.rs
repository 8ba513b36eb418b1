//! What reviews learn from the catalogue: which products there are.

use async_trait::async_trait;
use souk_catalog_api::ProductChanged;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Source};
use souk_kernel::{Event, Problem};

use super::store;

/// Follows the catalogue.
pub struct Products;

impl Products {
    pub const SOURCES: &[Source] = &[Source { schema: "catalog", types: &[ProductChanged::TYPE] }];
}

#[async_trait]
impl Consumer for Products {
    fn name(&self) -> &'static str {
        "reviews.products"
    }

    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }

    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let mut products = Vec::new();
        for event in events {
            products.extend(event.parse::<ProductChanged>()?.map(|changed| changed.product_id.uuid()));
        }
        Ok(store::known(tx, &products).await?)
    }
}
