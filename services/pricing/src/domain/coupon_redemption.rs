//! Redemption of coupons: a batch decided one after the other on locked rows, all codes of an order or none.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::CouponStatus;

/// What a caller asks for. Both are idempotent by their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Use up the codes.
    Redeem {
        /// Names the redemption.
        key: String,
        /// The order it is for.
        order_id: Uuid,
        /// In stored form, at least one.
        codes: BTreeSet<String>,
    },
    /// Give back what was used up under the key.
    Unredeem(String),
}

impl Command {
    /// The redemption it is about.
    pub fn key(&self) -> &str {
        match self {
            Command::Redeem { key, .. } | Command::Unredeem(key) => key,
        }
    }
}

/// Why a redemption is refused; nothing of it is used up then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedemptionError {
    /// No uses are left.
    #[error("coupon {0} has been used up")]
    UsedUp(String),
    /// Not valid now.
    #[error("coupon {0} is not valid now")]
    NotValid(String),
    /// There is none.
    #[error("there is no coupon {0}")]
    Unknown(String),
    /// It was given back (or barred) before.
    #[error("this redemption was given back")]
    Gone,
    /// The key is taken by a redemption of other codes.
    #[error("this key already names a redemption of other coupons")]
    Differs,
    /// A redemption names a coupon that is not there: the books are broken.
    #[error("no coupon {0}, which a redemption names")]
    CouponMissing(String),
}

/// A coupon row under lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uses {
    /// Used so far.
    pub used: i64,
    /// At most; none for no limit.
    pub max: Option<i64>,
    /// Its terms, uses aside.
    pub status: CouponStatus,
}

/// A redemption row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// The order it is for; none for a barred key.
    pub order_id: Option<Uuid>,
    /// What it used up.
    pub codes: BTreeSet<String>,
    /// Whether that was given back.
    pub given_back: bool,
}

/// What to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedemptionChanges {
    /// Change of uses by code, sorted.
    pub uses: Vec<(String, i64)>,
    /// New redemptions, in the order they came.
    pub new: Vec<(String, Redemption)>,
    /// Keys of redemptions that were given back.
    pub given_back: Vec<String>,
}

impl RedemptionChanges {
    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty() && self.new.is_empty() && self.given_back.is_empty()
    }
}

/// Coupons and redemptions of one transaction.
pub struct Redemptions {
    coupons: BTreeMap<String, (Uses, i64)>,
    redemptions: HashMap<String, (Redemption, bool)>,
    new: Vec<String>,
    given_back: Vec<String>,
}

impl Redemptions {
    /// On locked rows.
    pub fn open(
        coupons: impl IntoIterator<Item = (String, Uses)>,
        redemptions: impl IntoIterator<Item = (String, Redemption)>,
    ) -> Self {
        Redemptions {
            coupons: coupons.into_iter().map(|(code, uses)| (code, (uses, uses.used))).collect(),
            redemptions: redemptions.into_iter().map(|(key, stored)| (key, (stored, true))).collect(),
            new: Vec::new(),
            given_back: Vec::new(),
        }
    }

    /// Applies one command; the codes that are (or were) redeemed come back. A refused one changes nothing.
    pub fn apply(&mut self, command: &Command) -> Result<Vec<String>, RedemptionError> {
        match command {
            Command::Redeem { key, order_id, codes } => self.redeem(key, *order_id, codes),
            Command::Unredeem(key) => self.unredeem(key),
        }
    }

    fn redeem(&mut self, key: &str, order_id: Uuid, codes: &BTreeSet<String>) -> Result<Vec<String>, RedemptionError> {
        if let Some((known, _)) = self.redemptions.get(key) {
            return match known {
                Redemption { given_back: true, .. } => Err(RedemptionError::Gone),
                known if known.codes == *codes && known.order_id == Some(order_id) => Ok(names(codes)),
                _ => Err(RedemptionError::Differs),
            };
        }
        for code in codes {
            let Some((uses, now)) = self.coupons.get(code) else { return Err(RedemptionError::Unknown(code.clone())) };
            if uses.status != CouponStatus::Valid && uses.status != CouponStatus::UsedUp {
                return Err(RedemptionError::NotValid(code.clone()));
            }
            if uses.max.is_some_and(|max| *now >= max) {
                return Err(RedemptionError::UsedUp(code.clone()));
            }
        }
        for code in codes {
            if let Some((_, now)) = self.coupons.get_mut(code) {
                *now += 1;
            }
        }
        self.add(key, Redemption { order_id: Some(order_id), codes: codes.clone(), given_back: false });
        Ok(names(codes))
    }

    fn unredeem(&mut self, key: &str) -> Result<Vec<String>, RedemptionError> {
        let Some((known, stored)) = self.redemptions.get_mut(key) else {
            self.add(key, Redemption { order_id: None, codes: BTreeSet::new(), given_back: true });
            return Ok(Vec::new());
        };
        let codes = names(&known.codes);
        if known.given_back {
            return Ok(codes);
        }
        if let Some(missing) = codes.iter().find(|code| !self.coupons.contains_key(*code)) {
            return Err(RedemptionError::CouponMissing(missing.clone()));
        }
        known.given_back = true;
        if *stored {
            self.given_back.push(key.to_owned());
        }
        for code in &codes {
            if let Some((_, now)) = self.coupons.get_mut(code) {
                *now -= 1;
            }
        }
        Ok(codes)
    }

    fn add(&mut self, key: &str, redemption: Redemption) {
        self.redemptions.insert(key.to_owned(), (redemption, false));
        self.new.push(key.to_owned());
    }

    /// What has to be written.
    pub fn close(mut self) -> RedemptionChanges {
        let changed = self.coupons.into_iter().map(|(code, (uses, now))| (code, now - uses.used));
        let new = self.new.into_iter().filter_map(|key| {
            let (redemption, _) = self.redemptions.remove(&key)?;
            Some((key, redemption))
        });
        RedemptionChanges {
            uses: changed.filter(|(_, change)| *change != 0).collect(),
            new: new.collect(),
            given_back: self.given_back,
        }
    }
}

fn names(codes: &BTreeSet<String>) -> Vec<String> {
    codes.iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct World {
        coupons: BTreeMap<String, Uses>,
        redemptions: BTreeMap<String, Redemption>,
    }

    impl World {
        fn new(coupons: &[(&str, Option<i64>)]) -> Self {
            let uses = |max| Uses { used: 0, max, status: CouponStatus::Valid };
            let coupons = coupons.iter().map(|(code, max)| ((*code).to_owned(), uses(*max))).collect();
            World { coupons, redemptions: BTreeMap::new() }
        }

        fn run(&mut self, batch: &[Command]) -> Vec<Result<Vec<String>, RedemptionError>> {
            let mut redemptions = Redemptions::open(self.coupons.clone(), self.redemptions.clone());
            let outcomes = batch.iter().map(|command| redemptions.apply(command)).collect();
            let changes = redemptions.close();
            for (code, change) in changes.uses {
                self.coupons.get_mut(&code).unwrap().used += change;
            }
            for (key, redemption) in changes.new {
                assert!(self.redemptions.insert(key, redemption).is_none());
            }
            for key in changes.given_back {
                self.redemptions.get_mut(&key).unwrap().given_back = true;
            }
            outcomes
        }
    }

    fn redeem(key: &str, codes: &[&str]) -> Command {
        let codes = codes.iter().map(|c| (*c).to_owned()).collect();
        Command::Redeem { key: key.into(), order_id: Uuid::nil(), codes }
    }

    fn any_command() -> impl Strategy<Value = Command> {
        let key = || (0..8u8).prop_map(|n| format!("k{n}"));
        let codes = prop::collection::btree_set(prop::sample::select(vec!["A", "B", "FREE", "NONE"]), 1..3);
        prop_oneof![
            3 => (key(), codes).prop_map(|(key, codes)| redeem(&key, &codes.into_iter().collect::<Vec<_>>())),
            1 => key().prop_map(Command::Unredeem),
        ]
    }

    proptest! {
        #[test]
        fn never_more_uses_than_allowed_and_a_batch_is_one_after_the_other(batch in prop::collection::vec(any_command(), 1..50)) {
            let mut at_once = World::new(&[("A", Some(3)), ("B", Some(1)), ("FREE", None)]);
            let mut one_by_one = at_once.clone();
            let combined = at_once.run(&batch);
            let single: Vec<_> = batch.iter().flat_map(|c| one_by_one.run(std::slice::from_ref(c))).collect();
            prop_assert_eq!(combined, single);
            prop_assert_eq!(&at_once, &one_by_one);
            for (code, uses) in &at_once.coupons {
                let live = at_once.redemptions.values().filter(|r| !r.given_back && r.codes.contains(code)).count();
                prop_assert_eq!(uses.used, live as i64);
                prop_assert!(uses.max.is_none_or(|max| uses.used <= max));
            }
        }
    }

    #[test]
    fn all_codes_or_none_and_a_repetition_changes_nothing() {
        let mut world = World::new(&[("A", Some(5)), ("B", Some(1))]);
        let outcomes = world.run(&[redeem("1", &["A", "B"]), redeem("2", &["A", "B"]), redeem("1", &["B", "A"])]);
        assert_eq!(outcomes[1], Err(RedemptionError::UsedUp("B".into())));
        assert_eq!(outcomes[0], outcomes[2]);
        assert_eq!(world.coupons["A"].used, 1);
        assert_eq!(world.run(&[redeem("1", &["A"])]), [Err(RedemptionError::Differs)]);
        let outcomes = world.run(&[
            Command::Unredeem("1".into()),
            Command::Unredeem("1".into()),
            Command::Unredeem("overtaken".into()),
            redeem("overtaken", &["A"]),
            redeem("1", &["A", "B"]),
        ]);
        assert_eq!(outcomes[3..], [Err(RedemptionError::Gone), Err(RedemptionError::Gone)]);
        assert_eq!((world.coupons["A"].used, world.coupons["B"].used), (0, 0));
    }

    #[test]
    fn only_valid_coupons_count() {
        let mut world = World::new(&[("A", None)]);
        world.coupons.get_mut("A").unwrap().status = CouponStatus::Over;
        assert_eq!(world.run(&[redeem("1", &["A"])]), [Err(RedemptionError::NotValid("A".into()))]);
        assert_eq!(world.run(&[redeem("1", &["X"])]), [Err(RedemptionError::Unknown("X".into()))]);
    }
}
