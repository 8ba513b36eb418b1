//! State machine of a payment. It takes in the provider's reports, from answers, webhooks and look-ups; in any order, any
//! number of times, and comes to the same state (amounts only grow, a void is final).

use souk_payment_api::{MAX_AMOUNT, PaymentStatus};

use super::ledger::{self, Line};

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
pub struct ProviderReport {
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
pub struct PaymentState {
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

/// What a report comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Nothing new.
    Unchanged,
    /// A change, with its lines in the books.
    Changed(StateChange),
    /// The provider holds money for a payment that was closed here: it has to be voided there.
    MustVoid,
}

/// A change of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The state after it.
    pub after: PaymentState,
    /// What it means for the accounts.
    pub lines: Vec<Line>,
}

/// The provider's report and our books cannot both be right. Never repaired by guessing: logged, and shown by the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
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

impl PaymentState {
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
    pub fn tombstone(amount: i64) -> StateChange {
        let after = Self { hold: Some(Hold::Voided), version: 1, ..Self::asked(amount) };
        StateChange { after, lines: Vec::new() }
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
    pub fn apply(&self, report: &ProviderReport) -> Result<Applied, Mismatch> {
        let ordered = (1..=MAX_AMOUNT).contains(&self.amount)
            && self.amount >= report.authorised
            && report.authorised >= report.captured
            && report.captured >= report.refunded
            && report.refunded >= 0;
        if !ordered {
            return Err(Mismatch::Amounts);
        }
        if self.provider_ref.as_ref().is_some_and(|known| *known != report.provider_ref) {
            return Err(Mismatch::OtherPayment);
        }
        if self.is_tombstone() && matches!(report.hold, Hold::Authorised | Hold::RequiresAction) && report.captured == 0
        {
            return Ok(Applied::MustVoid);
        }
        let after = Self {
            hold: Some(self.hold_after(report.hold)?),
            amount: self.amount,
            authorised: self.authorised.max(report.authorised),
            captured: self.captured.max(report.captured),
            refunded: self.refunded.max(report.refunded),
            provider_ref: Some(report.provider_ref.clone()),
            decline_code: None,
            action_url: None,
            version: self.version,
        };
        after.with_words(self, report).changed_from(self)
    }

    /// The hold is decided once and given back once; what says less than is known is old news.
    fn hold_after(&self, theirs: Hold) -> Result<Hold, Mismatch> {
        use Hold::{Authorised, Declined, RequiresAction, Voided};
        match (self.hold, theirs) {
            (None | Some(RequiresAction), theirs) => Ok(theirs),
            (Some(ours), RequiresAction) => Ok(ours),
            (Some(ours), theirs) if ours == theirs => Ok(ours),
            (Some(Authorised), Voided) | (Some(Voided), Authorised) => Ok(Voided),
            // Nothing was held, nothing is given back. "Declined" says more.
            (Some(Declined), Voided) => Ok(Declined),
            (Some(Voided), Declined) if self.authorised == 0 => Ok(if self.is_tombstone() { Voided } else { Declined }),
            _ => Err(Mismatch::State),
        }
    }

    fn with_words(mut self, before: &Self, report: &ProviderReport) -> Self {
        if self.hold == Some(Hold::Declined) {
            self.decline_code = report.decline_code.clone().or_else(|| before.decline_code.clone());
        }
        if self.hold == Some(Hold::RequiresAction) {
            self.action_url = report.action_url.clone().or_else(|| before.action_url.clone());
        }
        self
    }

    fn changed_from(mut self, before: &Self) -> Result<Applied, Mismatch> {
        let untaken = matches!(self.hold, Some(Hold::Authorised)) || self.captured == 0;
        let unheld = matches!(self.hold, Some(Hold::Authorised | Hold::Voided)) || self.authorised == 0;
        if !untaken || !unheld {
            return Err(Mismatch::State);
        }
        if self == *before {
            return Ok(Applied::Unchanged);
        }
        self.version += 1;
        let lines = ledger::lines(before, &self);
        Ok(Applied::Changed(StateChange { after: self, lines }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::ledger::Account;
    use super::*;

    impl ProviderReport {
        pub(in crate::domain) fn of(hold: Hold, authorised: i64) -> Self {
            let decline_code = (hold == Hold::Declined).then(|| "declined".to_owned());
            let action_url = (hold == Hold::RequiresAction).then(|| "https://pay/1".to_owned());
            let provider_ref = "auth_1".to_owned();
            Self { hold, authorised, captured: 0, refunded: 0, provider_ref, decline_code, action_url }
        }
    }

    impl Applied {
        pub(in crate::domain) fn step(self) -> Option<StateChange> {
            match self {
                Applied::Changed(step) => Some(step),
                _ => None,
            }
        }
    }

    const AMOUNT: i64 = 100;

    /// A history a provider can have, as the reports it would send.
    fn histories() -> impl Strategy<Value = Vec<ProviderReport>> {
        let taking = prop::collection::vec((1..60i64, any::<bool>()), 0..6);
        (any::<bool>(), 0..4u8, taking).prop_map(|(asks, way, taking)| {
            let mut reports = Vec::new();
            if asks {
                reports.push(ProviderReport::of(Hold::RequiresAction, 0));
            }
            match way {
                0 => reports.push(ProviderReport::of(Hold::Declined, 0)),
                1 => reports.push(ProviderReport::of(Hold::Voided, 0)),
                2 => reports
                    .extend([ProviderReport::of(Hold::Authorised, AMOUNT), ProviderReport::of(Hold::Voided, AMOUNT)]),
                _ => {
                    let mut report = ProviderReport::of(Hold::Authorised, AMOUNT);
                    reports.push(report.clone());
                    for (amount, capture) in taking {
                        match capture {
                            true => report.captured = (report.captured + amount).min(AMOUNT),
                            false => report.refunded = (report.refunded + amount).min(report.captured),
                        }
                        reports.push(report.clone());
                    }
                }
            }
            reports
        })
    }

    fn live(reports: &[ProviderReport]) -> (PaymentState, BTreeMap<Account, i64>) {
        let (mut state, mut accounts) = (PaymentState::asked(AMOUNT), BTreeMap::new());
        for report in reports {
            if let Applied::Changed(step) = state.apply(report).expect("a provider's true history contradicts nothing")
            {
                assert_eq!(step.after.version, state.version + 1);
                for line in &step.lines {
                    assert!(line.amount > 0 && line.debit != line.credit);
                    *accounts.entry(line.debit).or_default() += line.amount;
                    *accounts.entry(line.credit).or_default() -= line.amount;
                }
                state = step.after;
            }
            let s = &state;
            assert!(
                s.amount >= s.authorised && s.authorised >= s.captured && s.captured >= s.refunded && s.refunded >= 0
            );
        }
        (PaymentState { version: 0, ..state }, accounts)
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_facts_do_not_matter(
            (reports, heard) in histories().prop_flat_map(|reports| {
                let again = prop::collection::vec(prop::sample::select(reports.clone()), 0..6);
                let heard = again.prop_map({
                    let reports = reports.clone();
                    move |again| [reports.clone(), again].concat()
                });
                (Just(reports), heard.prop_shuffle())
            })
        ) {
            prop_assert_eq!(live(&heard), live(&reports));
        }

        #[test]
        fn the_accounts_always_say_what_the_payment_says(reports in histories()) {
            let (state, accounts) = live(&reports);
            let balance = |account| accounts.get(&account).copied().unwrap_or_default();
            prop_assert_eq!(accounts.values().sum::<i64>(), 0);
            prop_assert_eq!(balance(Account::PspHold), state.authorised - state.captured - state.given_back());
            prop_assert_eq!(balance(Account::PspReceivable), state.captured - state.refunded);
            prop_assert_eq!(-balance(Account::Sales), state.captured);
            prop_assert_eq!(balance(Account::Refunds), state.refunded);
        }

        #[test]
        fn a_closed_payment_is_never_charged(reports in histories()) {
            let mut state = PaymentState::tombstone(AMOUNT).after;
            for report in &reports {
                match state.apply(report) {
                    Ok(Applied::Changed(step)) => state = step.after,
                    Ok(Applied::MustVoid) => prop_assert!(report.captured == 0),
                    Ok(Applied::Unchanged) => {}
                    Err(mismatch) => {
                        prop_assert!(report.captured > 0, "{:?}", mismatch);
                    }
                }
                prop_assert_eq!(state.status(), Some(PaymentStatus::Voided));
                prop_assert_eq!(state.captured, 0);
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let apply = |state: &PaymentState, report: &ProviderReport| state.apply(report);
        let captured = live(&[ProviderReport { captured: 50, ..ProviderReport::of(Hold::Authorised, AMOUNT) }]).0;
        for wrong in [ProviderReport::of(Hold::Voided, AMOUNT), ProviderReport::of(Hold::Declined, 0)] {
            assert_eq!(apply(&captured, &wrong), Err(Mismatch::State), "{wrong:?}");
        }
        let other = ProviderReport { provider_ref: "auth_2".into(), ..ProviderReport::of(Hold::Authorised, AMOUNT) };
        assert_eq!(apply(&captured, &other), Err(Mismatch::OtherPayment));
        let nothing = PaymentState::asked(AMOUNT);
        for (authorised, captured, refunded) in [(101, 0, 0), (100, 101, 0), (100, 50, 51), (100, 0, -1)] {
            let wrong = ProviderReport { captured, refunded, ..ProviderReport::of(Hold::Authorised, authorised) };
            assert_eq!(apply(&nothing, &wrong), Err(Mismatch::Amounts), "{wrong:?}");
        }
        let wrong = ProviderReport { captured: 1, ..ProviderReport::of(Hold::Voided, 1) };
        assert_eq!(apply(&nothing, &wrong), Err(Mismatch::State));
    }
}
