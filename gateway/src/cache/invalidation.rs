//! Cache invalidation: from the events of services to the surrogate keys of the pages that they make old.
//!
//! It reads events by type and text, so that the gateway needs the contracts of services and not the event log.

use std::fmt::Display;

use souk_catalog_api::{CategoryChanged, ProductChanged};
use souk_inventory_api::AvailabilityChanged;
use souk_kernel::{Event, Problem};
use souk_pricing_api::PriceChanged;

/// Surrogate keys of everything that shows what an event changed; none of an event that no page shows. `data` is its JSON.
///
/// # Errors
/// Internal: the event is of a known type and cannot be read.
pub fn surrogate_keys(event_type: &str, data: &str) -> Result<Vec<String>, Problem> {
    let mut keys = Vec::new();
    match event_type {
        ProductChanged::TYPE => {
            let changed: ProductChanged = parse(data)?;
            keys.push(product(changed.product_id));
            keys.extend(changed.categories.iter().map(|category| format!("category/{category}")));
        }
        // The tree is on every page's menu.
        CategoryChanged::TYPE => keys.extend(["catalog", "categories"].map(String::from)),
        PriceChanged::TYPE => keys.push(product(parse::<PriceChanged>(data)?.product_id)),
        AvailabilityChanged::TYPE => keys.push(product(parse::<AvailabilityChanged>(data)?.product_id)),
        _ => {}
    }
    Ok(keys)
}

fn product(id: impl Display) -> String {
    format!("product/{id}")
}

fn parse<E: Event>(data: &str) -> Result<E, Problem> {
    serde_json::from_str(data)
        .map_err(|error| Problem::internal(format!("an event of type {} is unreadable: {error}", E::TYPE)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use souk_kernel::{Currency, Money};
    use uuid::Uuid;

    use super::*;

    fn keys<E: Event>(event: &E) -> Vec<String> {
        surrogate_keys(E::TYPE, &serde_json::to_string(event).unwrap()).unwrap()
    }

    #[test]
    fn an_event_makes_old_what_shows_its_subject() {
        let (id, category) = (Uuid::from_u128(7), Uuid::from_u128(9));
        let data =
            json!({ "product_id": id, "slug": "bag", "categories": [category], "published": true, "version": 1 });
        let changed: ProductChanged = serde_json::from_value(data).unwrap();
        assert_eq!(keys(&changed), [format!("product/{id}"), format!("category/{category}")]);
        let changed: CategoryChanged =
            serde_json::from_value(json!({ "category_id": category, "version": 1 })).unwrap();
        assert_eq!(keys(&changed), ["catalog", "categories"]);
        let lowest: Money = Currency::EUR.of(999);
        assert_eq!(
            keys(&PriceChanged { product_id: id, skus: Vec::new(), lowest, version: 1 }),
            [format!("product/{id}")]
        );
        let sold_out =
            AvailabilityChanged { stock_id: category, product_id: id, sku: "BAG".into(), available: false, version: 1 };
        assert_eq!(keys(&sold_out), [format!("product/{id}")]);
    }

    #[test]
    fn events_that_no_page_shows_have_no_keys_and_unreadable_ones_are_errors() {
        assert!(surrogate_keys("order.placed.v1", "{}").unwrap().is_empty());
        assert!(surrogate_keys(PriceChanged::TYPE, "{}").is_err());
    }
}
