//! The state machine of a payment. It learns facts from the provider, by answers, by webhooks, by asking; in any order, any
//! number of times, and comes to the same state (amounts only grow, a void is final).

use souk_payment_api::{MAX_AMOUNT, PaymentStatus};

use super::books::{self, Line};

/// What became of the hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The buyer has to do something first.
    RequiresAction,
    /// Money is, or was, held.
    Authorised,
    /// Refused.
    Declined,
    /// Given back, or closed before it began.
    Voided,
}

/// What a provider says of a payment at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The hold.
    pub hold: Hold,
    /// Minor units held at any time.
    pub authorised: i64,
    /// Minor units taken.
    pub captured: i64,
    /// Minor units paid back.
    pub refunded: i64,
    /// The provider's own id.
    pub provider_ref: String,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// Where the buyer has to go.
    pub action_url: Option<String>,
}

/// State of a payment as our books know it. `amount >= authorised >= captured >= refunded >= 0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// None before anything is known.
    pub hold: Option<Hold>,
    /// Minor units asked for.
    pub amount: i64,
    /// Minor units held at any time.
    pub authorised: i64,
    /// Minor units taken.
    pub captured: i64,
    /// Minor units paid back.
    pub refunded: i64,
    /// The provider's own id; none while a void waits for the provider to hear of it.
    pub provider_ref: Option<String>,
    /// Why it was declined.
    pub decline_code: Option<String>,
    /// Where the buyer has to go.
    pub action_url: Option<String>,
    /// Number of changes.
    pub version: i64,
}

/// What a fact comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Nothing new.
    Known,
    /// A change, with its lines in the books.
    New(Step),
    /// The provider holds money for a payment that was closed here: it has to be voided there.
    MustVoid,
}

/// A change of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state after it.
    pub after: Standing,
    /// What it means for the accounts.
    pub lines: Vec<Line>,
}

/// The provider's fact and our books cannot both be right. Never repaired by guessing: logged, and shown by the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Not `asked >= authorised >= captured >= refunded >= 0`, or asked for nothing or for more than a payment may be.
    #[error("the provider's amounts are out of order")]
    Amounts,
    /// For example declined there and captured here.
    #[error("the provider's state excludes ours")]
    State,
    /// Two provider ids for one payment.
    #[error("the provider knows the payment under another id")]
    OtherPayment,
}

impl Standing {
    /// A payment of `amount` of which nothing is known yet.
    pub fn asked(amount: i64) -> Self {
        Self {
            hold: None,
            amount,
            authorised: 0,
            captured: 0,
            refunded: 0,
            provider_ref: None,
            decline_code: None,
            action_url: None,
            version: 0,
        }
    }

    /// Closes a payment of which nothing is known: whatever the provider says later, nothing will be held.
    pub fn tombstone(amount: i64) -> Step {
        let after = Self { hold: Some(Hold::Voided), version: 1, ..Self::asked(amount) };
        Step { after, lines: Vec::new() }
    }

    /// True for a payment that was closed here and of which the provider has not yet said so.
    pub fn is_tombstone(&self) -> bool {
        self.hold == Some(Hold::Voided) && self.provider_ref.is_none()
    }

    /// The state in the contract's words; none while nothing is known.
    pub fn status(&self) -> Option<PaymentStatus> {
        Some(match self.hold? {
            Hold::RequiresAction => PaymentStatus::RequiresAction,
            Hold::Declined => PaymentStatus::Declined,
            Hold::Voided => PaymentStatus::Voided,
            Hold::Authorised if self.captured == 0 => PaymentStatus::Authorised,
            Hold::Authorised if self.refunded < self.captured => PaymentStatus::Captured,
            Hold::Authorised => PaymentStatus::Refunded,
        })
    }

    /// Minor units of the hold that a void gave back.
    pub fn given_back(&self) -> i64 {
        if self.hold == Some(Hold::Voided) { self.authorised } else { 0 }
    }

    /// Takes in what the provider says.
    pub fn learn(&self, fact: &Fact) -> Result<Learned, Contradiction> {
        let ordered = (1..=MAX_AMOUNT).contains(&self.amount)
            && self.amount >= fact.authorised
            && fact.authorised >= fact.captured
            && fact.captured >= fact.refunded
            && fact.refunded >= 0;
        if !ordered {
            return Err(Contradiction::Amounts);
        }
        if self.provider_ref.as_ref().is_some_and(|known| *known != fact.provider_ref) {
            return Err(Contradiction::OtherPayment);
        }
        if self.is_tombstone() && matches!(fact.hold, Hold::Authorised | Hold::RequiresAction) && fact.captured == 0 {
            return Ok(Learned::MustVoid);
        }
        let after = Self {
            hold: Some(self.hold_after(fact.hold)?),
            amount: self.amount,
            authorised: self.authorised.max(fact.authorised),
            captured: self.captured.max(fact.captured),
            refunded: self.refunded.max(fact.refunded),
            provider_ref: Some(fact.provider_ref.clone()),
            decline_code: None,
            action_url: None,
            version: self.version,
        };
        after.with_words(self, fact).changed_from(self)
    }

    /// The hold is decided once and given back once; what says less than is known is old news.
    fn hold_after(&self, theirs: Hold) -> Result<Hold, Contradiction> {
        use Hold::{Authorised, Declined, RequiresAction, Voided};
        match (self.hold, theirs) {
            (None | Some(RequiresAction), theirs) => Ok(theirs),
            (Some(ours), RequiresAction) => Ok(ours),
            (Some(ours), theirs) if ours == theirs => Ok(ours),
            (Some(Authorised), Voided) | (Some(Voided), Authorised) => Ok(Voided),
            // Nothing was held, nothing is given back. "Declined" says more.
            (Some(Declined), Voided) => Ok(Declined),
            (Some(Voided), Declined) if self.authorised == 0 => Ok(if self.is_tombstone() { Voided } else { Declined }),
            _ => Err(Contradiction::State),
        }
    }

    fn with_words(mut self, before: &Self, fact: &Fact) -> Self {
        if self.hold == Some(Hold::Declined) {
            self.decline_code = fact.decline_code.clone().or_else(|| before.decline_code.clone());
        }
        if self.hold == Some(Hold::RequiresAction) {
            self.action_url = fact.action_url.clone().or_else(|| before.action_url.clone());
        }
        self
    }

    fn changed_from(mut self, before: &Self) -> Result<Learned, Contradiction> {
        let untaken = matches!(self.hold, Some(Hold::Authorised)) || self.captured == 0;
        let unheld = matches!(self.hold, Some(Hold::Authorised | Hold::Voided)) || self.authorised == 0;
        if !untaken || !unheld {
            return Err(Contradiction::State);
        }
        if self == *before {
            return Ok(Learned::Known);
        }
        self.version += 1;
        let lines = books::lines(before, &self);
        Ok(Learned::New(Step { after: self, lines }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::books::Account;
    use super::*;

    impl Fact {
        pub(in crate::domain) fn of(hold: Hold, authorised: i64) -> Self {
            let decline_code = (hold == Hold::Declined).then(|| "declined".to_owned());
            let action_url = (hold == Hold::RequiresAction).then(|| "https://pay/1".to_owned());
            let provider_ref = "auth_1".to_owned();
            Self { hold, authorised, captured: 0, refunded: 0, provider_ref, decline_code, action_url }
        }
    }

    impl Learned {
        pub(in crate::domain) fn step(self) -> Option<Step> {
            match self {
                Learned::New(step) => Some(step),
                _ => None,
            }
        }
    }

    const AMOUNT: i64 = 100;

    /// A history a provider can have, as the facts it would send.
    fn histories() -> impl Strategy<Value = Vec<Fact>> {
        let taking = prop::collection::vec((1..60i64, any::<bool>()), 0..6);
        (any::<bool>(), 0..4u8, taking).prop_map(|(asks, way, taking)| {
            let mut facts = Vec::new();
            if asks {
                facts.push(Fact::of(Hold::RequiresAction, 0));
            }
            match way {
                0 => facts.push(Fact::of(Hold::Declined, 0)),
                1 => facts.push(Fact::of(Hold::Voided, 0)),
                2 => facts.extend([Fact::of(Hold::Authorised, AMOUNT), Fact::of(Hold::Voided, AMOUNT)]),
                _ => {
                    let mut fact = Fact::of(Hold::Authorised, AMOUNT);
                    facts.push(fact.clone());
                    for (amount, capture) in taking {
                        match capture {
                            true => fact.captured = (fact.captured + amount).min(AMOUNT),
                            false => fact.refunded = (fact.refunded + amount).min(fact.captured),
                        }
                        facts.push(fact.clone());
                    }
                }
            }
            facts
        })
    }

    fn live(facts: &[Fact]) -> (Standing, BTreeMap<Account, i64>) {
        let (mut standing, mut accounts) = (Standing::asked(AMOUNT), BTreeMap::new());
        for fact in facts {
            if let Learned::New(step) = standing.learn(fact).expect("a provider's true history contradicts nothing") {
                assert_eq!(step.after.version, standing.version + 1);
                for line in &step.lines {
                    assert!(line.amount > 0 && line.debit != line.credit);
                    *accounts.entry(line.debit).or_default() += line.amount;
                    *accounts.entry(line.credit).or_default() -= line.amount;
                }
                standing = step.after;
            }
            let s = &standing;
            assert!(
                s.amount >= s.authorised && s.authorised >= s.captured && s.captured >= s.refunded && s.refunded >= 0
            );
        }
        (Standing { version: 0, ..standing }, accounts)
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_facts_do_not_matter(
            (facts, heard) in histories().prop_flat_map(|facts| {
                let again = prop::collection::vec(prop::sample::select(facts.clone()), 0..6);
                let heard = again.prop_map({
                    let facts = facts.clone();
                    move |again| [facts.clone(), again].concat()
                });
                (Just(facts), heard.prop_shuffle())
            })
        ) {
            prop_assert_eq!(live(&heard), live(&facts));
        }

        #[test]
        fn the_accounts_always_say_what_the_payment_says(facts in histories()) {
            let (standing, accounts) = live(&facts);
            let balance = |account| accounts.get(&account).copied().unwrap_or_default();
            prop_assert_eq!(accounts.values().sum::<i64>(), 0);
            prop_assert_eq!(balance(Account::PspHold), standing.authorised - standing.captured - standing.given_back());
            prop_assert_eq!(balance(Account::PspReceivable), standing.captured - standing.refunded);
            prop_assert_eq!(-balance(Account::Sales), standing.captured);
            prop_assert_eq!(balance(Account::Refunds), standing.refunded);
        }

        #[test]
        fn a_closed_payment_is_never_charged(facts in histories()) {
            let mut standing = Standing::tombstone(AMOUNT).after;
            for fact in &facts {
                match standing.learn(fact) {
                    Ok(Learned::New(step)) => standing = step.after,
                    Ok(Learned::MustVoid) => prop_assert!(fact.captured == 0),
                    Ok(Learned::Known) => {}
                    Err(contradiction) => {
                        prop_assert!(fact.captured > 0, "{:?}", contradiction);
                    }
                }
                prop_assert_eq!(standing.status(), Some(PaymentStatus::Voided));
                prop_assert_eq!(standing.captured, 0);
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let learn = |standing: &Standing, fact: &Fact| standing.learn(fact);
        let captured = live(&[Fact { captured: 50, ..Fact::of(Hold::Authorised, AMOUNT) }]).0;
        for wrong in [Fact::of(Hold::Voided, AMOUNT), Fact::of(Hold::Declined, 0)] {
            assert_eq!(learn(&captured, &wrong), Err(Contradiction::State), "{wrong:?}");
        }
        let other = Fact { provider_ref: "auth_2".into(), ..Fact::of(Hold::Authorised, AMOUNT) };
        assert_eq!(learn(&captured, &other), Err(Contradiction::OtherPayment));
        let nothing = Standing::asked(AMOUNT);
        for (authorised, captured, refunded) in [(101, 0, 0), (100, 101, 0), (100, 50, 51), (100, 0, -1)] {
            let wrong = Fact { captured, refunded, ..Fact::of(Hold::Authorised, authorised) };
            assert_eq!(learn(&nothing, &wrong), Err(Contradiction::Amounts), "{wrong:?}");
        }
        let wrong = Fact { captured: 1, ..Fact::of(Hold::Voided, 1) };
        assert_eq!(learn(&nothing, &wrong), Err(Contradiction::State));
    }
}
