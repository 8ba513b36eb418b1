//! Public REST of inventory: what can be bought now, straight from the primary. Kept thin on purpose: it is asked for
//! every product page, and the answer must never come from a cache.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_inventory_api::{Availability, StockPolicy};
use souk_kernel::Problem;
use souk_web::{ApiError, Operations, Reply, Routes, no_store, op};

use crate::service::InventoryService;

/// SKUs of one question: a page of a list with all its variants.
pub const MAX_SKUS: usize = 50;
/// Characters of a SKU.
const MAX_SKU: usize = 200;

/// What is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[allow(dead_code)] // documents the query, which is read by hand
struct AvailabilityQuery {
    /// SKUs, separated by commas or by repeating the parameter.
    #[schemars(length(min = 1, max = MAX_SKUS), inner(length(min = 1, max = MAX_SKU)))]
    sku: Vec<String>,
}

/// What can be bought now.
#[derive(Debug, Serialize, JsonSchema)]
struct AvailabilityReply {
    /// In any order; unknown SKUs are left out.
    items: Vec<AvailabilityItem>,
}

/// Stock of one SKU.
#[derive(Debug, Serialize, JsonSchema)]
struct AvailabilityItem {
    /// The SKU.
    sku: String,
    /// Units that can be bought now; the most an order may have where `stock_policy` sets no limit.
    available: i64,
    /// What happens when the units run out.
    stock_policy: Policy,
    /// True when it can be bought and has to come in first.
    backordered: bool,
}

/// What happens when the units of a SKU run out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Policy {
    /// It is sold out.
    Deny,
    /// It is sold on, and delivered when more units come in.
    Backorder,
    /// Its units are not counted.
    Untracked,
}

impl From<Availability> for AvailabilityItem {
    fn from(item: Availability) -> Self {
        let stock_policy = match item.policy {
            StockPolicy::Deny => Policy::Deny,
            StockPolicy::Backorder => Policy::Backorder,
            StockPolicy::Untracked => Policy::Untracked,
        };
        Self { backordered: item.is_backordered(), sku: item.sku, available: item.available, stock_policy }
    }
}

/// The public routes.
pub fn routes(service: Arc<InventoryService>) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Arc<InventoryService>> {
    Routes::new().get(
        "/api/v1/availability",
        availability,
        op("getAvailability")
            .tag("inventory")
            .summary("Units that can be bought now")
            .description("Read from the primary, never from a cache. Unknown SKUs are left out.")
            .query::<AvailabilityQuery>()
            .reply(200)
            .codes(&["invalid_request"]),
    )
}

async fn availability(
    State(service): State<Arc<InventoryService>>,
    uri: Uri,
) -> Result<Reply<AvailabilityReply>, ApiError> {
    let skus = skus_of(uri.query().unwrap_or_default())?;
    let items = service.available(&skus).await?.into_iter().map(AvailabilityItem::from).collect();
    Ok(no_store(&AvailabilityReply { items }))
}

/// SKUs of `sku=a,b&sku=c`; other parameters are ignored, as cache busters are.
fn skus_of(query: &str) -> Result<Vec<Cow<'_, str>>, Problem> {
    let mut skus: Vec<Cow<'_, str>> = Vec::new();
    for pair in query.split('&') {
        let Some(("sku", list)) = pair.split_once('=') else { continue };
        for raw in list.split(',').flat_map(|part| part.split("%2C")).flat_map(|part| part.split("%2c")) {
            let wrong = || Problem::invalid_field("/sku", "a SKU is at most 200 characters of text");
            let sku = match raw.bytes().any(|b| b == b'%' || b == b'+') {
                false => Cow::Borrowed(raw),
                true => Cow::Owned(
                    percent_decode_str(&raw.replace('+', " ")).decode_utf8().map_err(|_| wrong())?.into_owned(),
                ),
            };
            if sku.chars().count() > MAX_SKU || sku.chars().any(char::is_control) {
                return Err(wrong());
            }
            if !sku.is_empty() && !skus.contains(&sku) {
                skus.push(sku);
            }
        }
    }
    match skus.len() {
        0 => Err(Problem::invalid_field("/sku", "name at least one SKU")),
        1..=MAX_SKUS => Ok(skus),
        _ => Err(Problem::invalid_field("/sku", format!("at most {MAX_SKUS} SKUs"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_come_with_commas_repeated_or_encoded() {
        assert_eq!(skus_of("sku=a,b&x=1&sku=c&sku=a").unwrap(), ["a", "b", "c"]);
        assert_eq!(skus_of("sku=a%2Cb%20c+d").unwrap(), ["a", "b c d"]);
        assert!(skus_of("").is_err());
        assert!(skus_of("sku=").is_err());
        assert!(skus_of("sku=%00").is_err());
        assert!(skus_of("sku=%ff").is_err());
        let many = |n: usize| format!("sku={}", (0..n).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
        assert_eq!(skus_of(&many(50)).unwrap().len(), 50);
        assert!(skus_of(&many(51)).is_err());
    }
}
