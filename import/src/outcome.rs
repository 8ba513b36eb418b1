//! Outcomes of an import: what became of each product, and how its price and stock change. Told from what the shop had before, so
//! that a dry run says the same as the run after it.

use std::collections::HashMap;

use serde::Serialize;
use souk_inventory_api::{Availability, StockPolicy};
use souk_kernel::Money;
use souk_pricing_api::Price;

use crate::draft::{Defect, Offer};

/// What became of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is new.
    Created,
    /// It is known, and something of it is different: its content, a price, a stock.
    Updated,
    /// It is known and the same.
    Unchanged,
    /// It was not taken.
    Refused,
}

/// A product of an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProductOutcome {
    /// The source's id.
    pub external_id: String,
    /// What became of it.
    pub effect: Effect,
    /// Prices and stock of known variants that are different.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<OfferChange>,
    /// Why it was not taken, or its price or stock was not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RefusedProduct>,
    /// Pictures of it that could not be read, or that the shop does not take.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<RefusedProduct>,
}

/// A product, or a price, stock or picture of one, that the shop did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedProduct {
    /// The source's id.
    pub external_id: String,
    /// Stable code.
    pub code: String,
    /// A sentence.
    pub reason: String,
}

/// What is different of the offer of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// The price.
    Price,
    /// The price it is compared with.
    CompareAt,
    /// The units there are.
    Stock,
    /// What happens when they run out.
    StockPolicy,
}

/// A difference of one variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfferChange {
    /// The variant's SKU.
    pub sku: String,
    /// What is different.
    pub what: Changed,
    /// As it was; nothing where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// As it is now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

impl ProductOutcome {
    /// Notes changes of an offer. Of a new product there are none to tell.
    pub(crate) fn add(&mut self, changes: Vec<OfferChange>) {
        if self.effect == Effect::Created || changes.is_empty() {
            return;
        }
        self.effect = Effect::Updated;
        self.changes.extend(changes);
    }
}

impl RefusedProduct {
    /// A product, or a detail of it, that was not taken.
    pub(crate) fn new(external_id: &str, defect: Defect) -> Self {
        Self { external_id: external_id.to_owned(), code: defect.code.to_owned(), reason: defect.reason }
    }
}

impl std::fmt::Display for OfferChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.what {
            Changed::Price => "price",
            Changed::CompareAt => "compare-at price",
            Changed::Stock => "stock",
            Changed::StockPolicy => "stock policy",
        };
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{what} of {} {} -> {}", self.sku, shown(&self.before), shown(&self.after))
    }
}

impl std::fmt::Display for ProductOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.effect {
            Effect::Created => "created",
            Effect::Updated => "updated",
            Effect::Unchanged => "unchanged",
            Effect::Refused => "refused",
        })?;
        let changes = self.changes.iter().map(ToString::to_string);
        let refusals = self.refusals.iter().map(|no| format!("{} [{}]", no.reason, no.code));
        let details: Vec<String> = changes.chain(refusals).collect();
        if details.is_empty() { Ok(()) } else { write!(f, ": {}", details.join("; ")) }
    }
}

/// Prices and stock as the shop has them before a batch.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) prices: HashMap<String, Price>,
    pub(crate) stock: HashMap<String, Availability>,
}

impl Before {
    /// What an offer changes. New variants count as changes, too: of known products they are.
    pub(crate) fn changes(&self, sku: &str, offer: &Offer, update_stock: bool) -> Vec<OfferChange> {
        let mut changes = Vec::new();
        let mut note = |what, before: Option<String>, after: Option<String>| {
            if before != after {
                changes.push(OfferChange { sku: sku.to_owned(), what, before, after });
            }
        };
        let price = self.prices.get(sku);
        let shown = |money: Money| money.to_string();
        note(Changed::Price, price.map(|price| shown(price.price)), Some(shown(offer.price)));
        let compare_at = price.and_then(|price| price.compare_at);
        note(Changed::CompareAt, compare_at.map(shown), offer.compare_at.map(shown));
        let stock = self.stock.get(sku);
        let units = match (stock, offer.stock) {
            (None, _) => Some(offer.initial_stock()),
            (Some(_), Some(units)) if update_stock => Some(units),
            (Some(known), _) => Some(known.on_hand()),
        };
        note(Changed::Stock, stock.map(|known| known.on_hand().to_string()), units.map(|units| units.to_string()));
        // A new variant is limited; that alone is not worth a word.
        let policy = stock.map_or(StockPolicy::Deny, |known| known.policy);
        note(Changed::StockPolicy, Some(name(policy)), Some(name(offer.policy.unwrap_or(policy))));
        changes
    }
}

fn name(policy: StockPolicy) -> String {
    match policy {
        StockPolicy::Deny => "deny",
        StockPolicy::Backorder => "backorder",
        StockPolicy::Untracked => "untracked",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use souk_kernel::Currency;

    use super::*;

    #[test]
    fn only_what_differs_is_a_change() {
        let eur: Currency = "EUR".parse().unwrap();
        let price = Price { sku: "a".into(), price: eur.of(500), compare_at: Some(eur.of(900)) };
        let stock = Availability::new("a", 3, StockPolicy::Deny).holding(2);
        let before = Before {
            prices: HashMap::from([("a".to_owned(), price)]),
            stock: HashMap::from([("a".to_owned(), stock)]),
        };
        let same =
            Offer { price: eur.of(500), compare_at: Some(eur.of(900)), stock: Some(5), default_stock: 0, policy: None };
        assert_eq!(before.changes("a", &same, true), [], "three that can be bought and two that are held are five");
        let other = Offer {
            price: eur.of(450),
            compare_at: None,
            stock: Some(7),
            policy: Some(StockPolicy::Backorder),
            ..same.clone()
        };
        let told = |update| before.changes("a", &other, update).iter().map(ToString::to_string).collect::<Vec<_>>();
        let most = ["price of a 5.00 EUR -> 4.50 EUR", "compare-at price of a 9.00 EUR -> none"];
        let policy = "stock policy of a deny -> backorder";
        assert_eq!(told(false), [most[0], most[1], policy]);
        assert_eq!(told(true), [most[0], most[1], "stock of a 5 -> 7", policy]);
        let new: Vec<String> = before.changes("b", &same, false).iter().map(ToString::to_string).collect();
        assert_eq!(
            new,
            ["price of b none -> 5.00 EUR", "compare-at price of b none -> 9.00 EUR", "stock of b none -> 5"]
        );
    }
}
