//! Event consumer: the catalogue learns the lowest price of each product from others, so that lists can be sorted by it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use souk_db::Tx;
use souk_flow::{Consumer, Envelope, Source};
use souk_kernel::{Event, Problem};
use souk_pricing_api::PriceChanged;
use uuid::Uuid;

use crate::CatalogService;
use crate::store::Store;

/// Consumers to run beside the service, once per shop.
pub fn consumers(_service: &Arc<CatalogService>) -> Vec<Arc<dyn Consumer>> {
    vec![Arc::new(LowestPrices)]
}

pub(crate) struct LowestPrices;

impl LowestPrices {
    pub(crate) const SOURCES: &[Source] = &[Source { schema: "pricing", types: &[PriceChanged::TYPE] }];
}

#[async_trait]
impl Consumer for LowestPrices {
    fn name(&self) -> &'static str {
        "catalog.lowest_prices"
    }

    fn sources(&self) -> &'static [Source] {
        Self::SOURCES
    }

    async fn apply(&self, tx: &mut Tx, events: &[Envelope]) -> Result<(), Problem> {
        let mut newest: BTreeMap<Uuid, (i64, i64)> = BTreeMap::new();
        for event in events {
            let Some(changed) = event.parse::<PriceChanged>()? else { continue };
            let kept = newest.entry(changed.product_id).or_insert((changed.lowest.amount, changed.version));
            if changed.version > kept.1 {
                *kept = (changed.lowest.amount, changed.version);
            }
        }
        if newest.is_empty() {
            return Ok(());
        }
        Ok(Store::set_lowest(tx, &newest).await?)
    }
}
