//! Stock adjustments: each entry on its own, from the balances as locked.

use std::collections::BTreeMap;

use souk_inventory_api::{AdjustLine, AvailabilityChanged, Change, MovementReason};
use uuid::Uuid;

use super::Balance;

/// Units one balance may reach: far above any warehouse, far below an overflow of a sum over all SKUs.
const MAX_ON_HAND: i64 = 1_000_000_000_000;
/// Namespace of stock ids, which are made from warehouse and SKU: the same wherever they are made.
const STOCK_IDS: Uuid = Uuid::from_u128(0x8f0c_7d0e_4b1f_5c55_9a3e_2f6d_1c07_aa01);

/// A balance row to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStock {
    /// The SKU.
    pub sku: String,
    /// Aggregate id of its events.
    pub stock_id: Uuid,
    /// The product it belongs to.
    pub product_id: Uuid,
    /// First units.
    pub on_hand: i64,
}

/// A line of the ledger to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The SKU.
    pub sku: String,
    /// Units; negative for less.
    pub delta: i64,
    /// Why.
    pub reason: MovementReason,
}

/// What a batch of corrections comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// SKUs without a balance so far.
    pub new: Vec<NewStock>,
    /// SKU, its product now, change of `on_hand`.
    pub changes: Vec<(String, Uuid, i64)>,
    /// Lines of the ledger: one for each new and each changed one.
    pub postings: Vec<Posting>,
    /// SKUs refused: less would be left than is reserved, or more than can be.
    pub refused: Vec<String>,
    /// SKUs that are sold otherwise than before.
    pub availability_changes: Vec<AvailabilityChanged>,
}

/// Decides a batch; each SKU occurs once in it. `known` holds the locked balances of its SKUs.
pub fn plan(warehouse: Uuid, lines: &[AdjustLine], known: &BTreeMap<String, Balance>) -> Plan {
    let mut plan = Plan::default();
    for line in lines {
        match known.get(&line.sku) {
            Some(balance) => plan.correct(line, balance),
            None => plan.begin(warehouse, line),
        }
    }
    plan
}

impl Plan {
    /// Entries that move something.
    pub fn changed(&self) -> u64 {
        self.postings.len() as u64
    }

    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.changes.is_empty()
    }

    fn begin(&mut self, warehouse: Uuid, line: &AdjustLine) {
        let (on_hand, reason) = match line.change {
            Change::InitialIfNew(units) | Change::Count(units) => (units, MovementReason::Initial),
            Change::Receive(units) => (units, MovementReason::Received),
        };
        let stock_id = Uuid::new_v5(&STOCK_IDS, format!("{warehouse}/{}", line.sku).as_bytes());
        let (sku, product_id) = (line.sku.clone(), line.product_id);
        if on_hand > 0 {
            self.availability_changes.push(AvailabilityChanged {
                stock_id,
                product_id,
                sku: sku.clone(),
                available: true,
                version: 1,
            });
        }
        self.postings.push(Posting { sku: sku.clone(), delta: on_hand, reason });
        self.new.push(NewStock { sku, stock_id, product_id, on_hand });
    }

    fn correct(&mut self, line: &AdjustLine, balance: &Balance) {
        let (delta, reason) = match line.change {
            Change::InitialIfNew(_) => (0, MovementReason::Initial),
            Change::Count(units) => (units - balance.on_hand, MovementReason::Adjusted),
            Change::Receive(units) => (units, MovementReason::Received),
        };
        let on_hand = balance.on_hand + delta;
        let too_few = balance.policy.is_limited() && on_hand < balance.reserved && delta < 0;
        if too_few || on_hand > MAX_ON_HAND {
            self.refused.push(line.sku.clone());
            return;
        }
        if delta == 0 && line.product_id == balance.product_id {
            return;
        }
        let after = Balance { on_hand, product_id: line.product_id, ..balance.clone() };
        self.availability_changes.extend(balance.told(&line.sku, &after));
        if delta != 0 {
            self.postings.push(Posting { sku: line.sku.clone(), delta, reason });
        }
        // A SKU that moved to another product keeps its units; readers of its events follow.
        self.changes.push((line.sku.clone(), line.product_id, delta));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_inventory_api::StockPolicy;

    use super::*;

    const HERE: Uuid = Uuid::from_u128(1);

    fn line(sku: &str, change: Change) -> AdjustLine {
        AdjustLine { product_id: HERE, sku: sku.into(), change }
    }

    fn balance(on_hand: i64, reserved: i64) -> Balance {
        Balance { stock_id: HERE, product_id: HERE, on_hand, reserved, policy: StockPolicy::Deny, version: 7 }
    }

    #[test]
    fn first_stock_is_set_once_and_a_repeated_import_leaves_it_alone() {
        let first = plan(HERE, &[line("a", Change::InitialIfNew(100))], &BTreeMap::new());
        assert_eq!((first.new.len(), first.new[0].on_hand, first.changed()), (1, 100, 1));
        assert_eq!(first.postings[0].reason, MovementReason::Initial);
        let known = BTreeMap::from([("a".to_owned(), balance(40, 0))]);
        assert_eq!(plan(HERE, &[line("a", Change::InitialIfNew(100))], &known), Plan::default());
    }

    #[test]
    fn a_count_below_what_is_reserved_is_refused_alone() {
        let known = BTreeMap::from([("a".to_owned(), balance(10, 5)), ("b".to_owned(), balance(10, 5))]);
        let plan = plan(HERE, &[line("a", Change::Count(4)), line("b", Change::Count(5))], &known);
        assert_eq!(plan.refused, ["a"]);
        assert_eq!(plan.changes, [("b".to_owned(), HERE, -5)]);
        assert!(!plan.availability_changes[0].available, "b is sold out now");
        assert_eq!(plan.availability_changes[0].version, 8);
    }

    proptest! {
        #[test]
        fn the_ledger_always_explains_the_balance(on_hand in 0i64..1000, reserved in 0i64..1000, units in 0i64..2000, what in 0..3) {
            let reserved = reserved.min(on_hand);
            let change = [Change::InitialIfNew(units), Change::Count(units), Change::Receive(units.max(1))][what as usize];
            let known = BTreeMap::from([("a".to_owned(), balance(on_hand, reserved))]);
            let plan = plan(HERE, &[line("a", change)], &known);
            let moved: i64 = plan.changes.iter().map(|(_, _, delta)| delta).sum();
            prop_assert_eq!(moved, plan.postings.iter().map(|p| p.delta).sum::<i64>());
            prop_assert!(on_hand + moved >= reserved);
            let changed = (on_hand > reserved) != (on_hand + moved > reserved);
            prop_assert_eq!(changed, !plan.availability_changes.is_empty());
        }
    }
}
