//! Stock policies: which SKUs of a batch get another one, and which are sold otherwise by that.

use std::collections::BTreeMap;

use souk_inventory_api::{AvailabilityChanged, PolicyOf, StockPolicy};

use super::Balance;

/// What a batch of policies comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyPlan {
    /// SKUs with another policy than before.
    pub changes: Vec<(String, StockPolicy)>,
    /// SKUs that are sold otherwise than before.
    pub availability_changes: Vec<AvailabilityChanged>,
}

/// Decides a batch; each SKU occurs once in it. `known` holds the locked balances of its SKUs.
pub fn plan_policies(items: &[PolicyOf], known: &BTreeMap<String, Balance>) -> PolicyPlan {
    let mut plan = PolicyPlan::default();
    for PolicyOf { sku, policy } in items {
        let Some(before) = known.get(sku).filter(|balance| balance.policy != *policy) else { continue };
        let after = Balance { policy: *policy, ..before.clone() };
        plan.availability_changes.extend(before.told(sku, &after));
        plan.changes.push((sku.clone(), *policy));
    }
    plan
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn only_what_differs_changes_and_only_what_flips_is_told() {
        let balance = |on_hand, policy| Balance {
            stock_id: Uuid::nil(),
            product_id: Uuid::nil(),
            on_hand,
            reserved: 0,
            policy,
            version: 3,
        };
        let known = BTreeMap::from([
            ("gone".to_owned(), balance(0, StockPolicy::Deny)),
            ("there".to_owned(), balance(5, StockPolicy::Deny)),
            ("same".to_owned(), balance(0, StockPolicy::Backorder)),
            ("ended".to_owned(), balance(-2, StockPolicy::Backorder)),
        ]);
        let item = |sku: &str, policy| PolicyOf { sku: sku.to_owned(), policy };
        let items = [
            item("gone", StockPolicy::Backorder),
            item("there", StockPolicy::Untracked),
            item("same", StockPolicy::Backorder),
            item("ended", StockPolicy::Deny),
            item("unknown", StockPolicy::Backorder),
        ];
        let plan = plan_policies(&items, &known);
        let changed: Vec<&str> = plan.changes.iter().map(|(sku, _)| sku.as_str()).collect();
        assert_eq!(changed, ["gone", "there", "ended"]);
        let told: Vec<(&str, bool, i64)> =
            plan.availability_changes.iter().map(|e| (e.sku.as_str(), e.available, e.version)).collect();
        assert_eq!(told, [("gone", true, 4), ("ended", false, 4)]);
    }
}
