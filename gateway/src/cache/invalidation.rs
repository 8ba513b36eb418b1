//! Which pages an event makes old: from facts to the surrogate keys that pages carry.

use souk_catalog_api::{CategoryChanged, ProductChanged};
use souk_flow::Envelope;
use souk_inventory_api::AvailabilityChanged;
use souk_kernel::Problem;
use souk_pricing_api::PriceChanged;

/// Surrogate keys of everything that shows what `events` changed.
pub fn keys(events: &[Envelope]) -> Vec<String> {
    let mut keys = Vec::new();
    for event in events {
        if let Err(problem) = add(event, &mut keys) {
            let internal = problem.internal_detail().unwrap_or_default();
            tracing::error!(event = %event.id, internal, "cannot tell what an event makes old; pages expire by time");
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

fn add(event: &Envelope, keys: &mut Vec<String>) -> Result<(), Problem> {
    if let Some(changed) = event.parse::<ProductChanged>()? {
        keys.push(format!("product/{}", changed.product_id));
        keys.extend(changed.categories.iter().map(|category| format!("category/{category}")));
    }
    if event.parse::<CategoryChanged>()?.is_some() {
        // The tree is on every page's menu.
        keys.extend(["catalog", "categories"].map(String::from));
    }
    if let Some(changed) = event.parse::<PriceChanged>()? {
        keys.push(format!("product/{}", changed.product_id));
    }
    if let Some(changed) = event.parse::<AvailabilityChanged>()? {
        keys.push(format!("product/{}", changed.product_id));
    }
    Ok(())
}
