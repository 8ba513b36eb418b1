//! Property tests of stock, on random batches of commands.

use proptest::prelude::*;

use super::*;

/// A database of this test: applies changes as the store does.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    balances: BTreeMap<String, Balance>,
    holds: BTreeMap<Uuid, Hold>,
}

impl World {
    fn with(stock: &[(&str, i64)]) -> Self {
        let balances = stock.iter().enumerate().map(|(i, (sku, on_hand))| {
            let id = Uuid::from_u128(i as u128);
            let policy = StockPolicy::Deny;
            let balance = Balance { stock_id: id, product_id: id, on_hand: *on_hand, reserved: 0, policy, version: 1 };
            ((*sku).to_owned(), balance)
        });
        World { balances: balances.collect(), holds: BTreeMap::new() }
    }

    fn run(&mut self, batch: &[Command]) -> Vec<Result<ReservationStatus, ReservationError>> {
        let mut transaction = StockTransaction::open(self.balances.clone(), self.holds.clone()).unwrap();
        let outcomes = batch.iter().map(|command| transaction.apply(command)).collect();
        let changes = transaction.close();
        for (sku, on_hand, reserved) in changes.balances {
            let balance = self.balances.get_mut(&sku).unwrap();
            balance.on_hand += on_hand;
            balance.reserved += reserved;
        }
        for new in changes.new_holds {
            let hold = Hold { status: new.status, lines: new.lines, expired: false };
            assert!(self.holds.insert(new.key, hold).is_none(), "a key is inserted once");
        }
        for (key, status) in changes.statuses {
            let hold = self.holds.get_mut(&key).unwrap();
            (hold.status, hold.expired) = (status, false);
        }
        outcomes
    }

    fn held(&self, sku: &str) -> i64 {
        let live = |hold: &&Hold| matches!(hold.status, ReservationStatus::Held | ReservationStatus::Allocated);
        self.holds.values().filter(live).filter_map(|hold| hold.lines.get(sku)).sum()
    }

    fn check(&self) {
        for (sku, balance) in &self.balances {
            assert!(balance.reserved >= 0 && balance.on_hand >= balance.reserved, "{sku}: {balance:?}");
            assert_eq!(balance.reserved, self.held(sku), "{sku}: reserved is what the holds add up to");
        }
    }
}

fn lines(of: &[(&str, i64)]) -> Lines {
    of.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect()
}

fn reserve(key: u128, of: &[(&str, i64)]) -> Command {
    Command::Reserve { key: Uuid::from_u128(key), lines: lines(of), ttl_seconds: 900 }
}

fn any_command() -> impl Strategy<Value = Command> {
    let key = || (0u128..12).prop_map(Uuid::from_u128);
    let some_lines = prop::collection::btree_map(
        prop::sample::select(vec!["a".to_owned(), "b".to_owned(), "c".to_owned(), "unknown".to_owned()]),
        1i64..5,
        1..4,
    );
    prop_oneof![
        4 => (key(), some_lines).prop_map(|(key, lines)| Command::Reserve { key, lines, ttl_seconds: 900 }),
        2 => key().prop_map(Command::Allocate),
        2 => key().prop_map(Command::Release),
        1 => key().prop_map(Command::Ship),
    ]
}

proptest! {
    #[test]
    fn a_batch_is_the_same_as_one_after_the_other_and_never_oversells(
        batch in prop::collection::vec(any_command(), 1..60), expire in prop::collection::vec(any::<bool>(), 12)
    ) {
        let start = World::with(&[("a", 6), ("b", 3), ("c", 0)]);
        let (mut at_once, mut one_by_one) = (start.clone(), start);
        let half = batch.len() / 2;
        for part in [&batch[..half], &batch[half..]] {
            let combined = at_once.run(part);
            let single: Vec<_> = part.iter().flat_map(|command| one_by_one.run(std::slice::from_ref(command))).collect();
            prop_assert_eq!(combined, single, "first come, first served, whether combined or not");
            at_once.check();
            // Between the halves some holds run out.
            for (hold, expired) in at_once.holds.values_mut().zip(&expire) {
                hold.expired = *expired && hold.status == ReservationStatus::Held;
            }
            one_by_one.holds = at_once.holds.clone();
            prop_assert_eq!(&at_once, &one_by_one);
        }
    }

    #[test]
    fn all_lines_or_none(batch in prop::collection::vec(any_command(), 1..40)) {
        let mut world = World::with(&[("a", 6), ("b", 3), ("c", 1)]);
        for command in &batch {
            let before = world.clone();
            let outcome = world.run(std::slice::from_ref(command)).remove(0);
            if outcome.is_err() {
                prop_assert_eq!(&world, &before, "a refused command changes nothing");
            }
            if let (Command::Reserve { key, lines, .. }, Ok(_)) = (command, &outcome) {
                prop_assert_eq!(&world.holds[key].lines, lines, "whole");
            }
        }
    }

    #[test]
    fn repeating_a_batch_changes_nothing_more(batch in prop::collection::vec(any_command(), 1..40)) {
        // One command per key: with several, a repetition rightly meets what the later ones did.
        let mut seen = std::collections::HashSet::new();
        let batch: Vec<Command> = batch.into_iter().filter(|command| seen.insert(command.key())).collect();
        let mut world = World::with(&[("a", 40), ("b", 40), ("c", 40)]);
        let first = world.run(&batch);
        let after = world.clone();
        prop_assert_eq!(world.run(&batch), first);
        prop_assert_eq!(world, after);
    }
}

#[test]
fn the_last_unit_goes_to_the_first() {
    let mut world = World::with(&[("a", 1)]);
    let outcomes = world.run(&[reserve(1, &[("a", 1)]), reserve(2, &[("a", 1)])]);
    let shortage = Shortage { sku: "a".into(), wanted: 1, available: 0 };
    assert_eq!(outcomes, [Ok(ReservationStatus::Held), Err(ReservationError::OutOfStock(vec![shortage]))]);
}

#[test]
fn an_expired_hold_makes_room_and_cannot_be_allocated() {
    let mut world = World::with(&[("a", 1)]);
    world.run(&[reserve(1, &[("a", 1)])]);
    world.holds.get_mut(&Uuid::from_u128(1)).unwrap().expired = true;
    let outcomes = world.run(&[Command::Allocate(Uuid::from_u128(1)), reserve(2, &[("a", 1)])]);
    assert_eq!(outcomes, [Err(ReservationError::Gone), Ok(ReservationStatus::Held)]);
    world.check();
}

#[test]
fn a_release_that_overtakes_bars_the_key() {
    let mut world = World::with(&[("a", 1)]);
    let outcomes = world.run(&[Command::Release(Uuid::from_u128(1)), reserve(1, &[("a", 1)])]);
    assert_eq!(outcomes, [Ok(ReservationStatus::Released), Err(ReservationError::Gone)]);
}

#[test]
fn shipping_takes_only_allocated_units_and_only_once() {
    let (mut world, key) = (World::with(&[("a", 3)]), Uuid::from_u128(1));
    let outcomes = world.run(&[Command::Ship(key), reserve(1, &[("a", 2)]), Command::Ship(key)]);
    assert_eq!(
        outcomes,
        [Err(ReservationError::Unknown), Ok(ReservationStatus::Held), Err(ReservationError::NotAllocated)]
    );
    let outcomes = world.run(&[Command::Allocate(key), Command::Ship(key), Command::Ship(key), Command::Release(key)]);
    assert_eq!(
        outcomes[1..],
        [Ok(ReservationStatus::Shipped), Ok(ReservationStatus::Shipped), Err(ReservationError::AlreadyShipped)]
    );
    assert_eq!((world.balances["a"].on_hand, world.balances["a"].reserved), (1, 0));
}

#[test]
fn only_a_change_of_availability_is_told() {
    let world = World::with(&[("a", 2)]);
    let availability_changes = |batch: &[Command]| {
        let mut transaction = StockTransaction::open(world.balances.clone(), world.holds.clone()).unwrap();
        for command in batch {
            transaction.apply(command).unwrap();
        }
        transaction.close().availability_changes
    };
    assert_eq!(availability_changes(&[reserve(1, &[("a", 1)])]), []);
    let sold_out = availability_changes(&[reserve(1, &[("a", 2)])]);
    assert_eq!((sold_out.len(), sold_out[0].available, sold_out[0].version), (1, false, 2));
    let there_and_back = [reserve(1, &[("a", 2)]), Command::Release(Uuid::from_u128(1))];
    assert_eq!(availability_changes(&there_and_back), [], "within one commit nobody saw it");
}

#[test]
fn on_backorder_more_is_sold_than_there_is_and_the_books_say_so() {
    for (policy, flips) in [(StockPolicy::Backorder, 1), (StockPolicy::Untracked, 0)] {
        let mut world = World::with(&[("a", 1)]);
        world.balances.get_mut("a").unwrap().policy = policy;
        let key = Uuid::from_u128(1);
        let mut transaction = StockTransaction::open(world.balances.clone(), []).unwrap();
        assert_eq!(transaction.apply(&reserve(1, &[("a", 3)])), Ok(ReservationStatus::Held));
        let told = transaction.close().availability_changes;
        assert_eq!((told.len(), told.iter().all(|event| event.available)), (flips, true), "{policy:?}");
        world.run(&[reserve(1, &[("a", 3)]), Command::Allocate(key)]);
        assert_eq!((world.balances["a"].on_hand, world.balances["a"].reserved), (1, 3));
        assert_eq!(world.run(&[Command::Ship(key)]), [Ok(ReservationStatus::Shipped)]);
        assert_eq!((world.balances["a"].on_hand, world.balances["a"].reserved), (-2, 0));
        world.run(&[reserve(2, &[("a", 1)]), Command::Release(Uuid::from_u128(2))]);
        assert_eq!((world.balances["a"].on_hand, world.balances["a"].reserved), (-2, 0));
    }
}

#[test]
fn what_is_owed_from_backorders_keeps_a_limited_sku_sold_out() {
    let mut world = World::with(&[("a", -2)]);
    let outcome = world.run(&[reserve(1, &[("a", 1)])]).remove(0);
    let shortage = Shortage { sku: "a".into(), wanted: 1, available: 0 };
    assert_eq!(outcome, Err(ReservationError::OutOfStock(vec![shortage])));
}

#[test]
fn a_hold_without_a_balance_is_a_fault_not_a_silent_loss() {
    let hold = Hold { status: ReservationStatus::Allocated, lines: lines(&[("a", 1)]), expired: false };
    let mut transaction = StockTransaction::open([], [(Uuid::from_u128(1), hold)]).unwrap();
    assert_eq!(
        transaction.apply(&Command::Release(Uuid::from_u128(1))),
        Err(ReservationError::BalanceMissing("a".into()))
    );
}
