//! Refundable amount: how much may still be paid back.

use super::PaymentState;

/// How far a refund is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Intended; the provider may or may not have done it.
    Pending,
    /// Done.
    Done,
    /// The provider would not.
    Refused,
}

/// A refund that was asked for before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriorRefund {
    /// Its key.
    pub key: String,
    /// Minor units.
    pub amount: i64,
    /// How far it is.
    pub state: RefundState,
}

/// Why a refund is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundError {
    /// The key was used for another amount.
    #[error("another amount was refunded under this key")]
    KeyReused,
    /// More than is left.
    #[error("more than what is captured and not yet refunded")]
    TooMuch,
}

/// What is to be done about a refund of `amount` under `key`, given those `known`. `Ok(None)`: it is to be intended;
/// `Ok(Some(state))`: it was, and is that far.
pub fn decide_refund(
    payment: &PaymentState,
    known: &[PriorRefund],
    key: &str,
    amount: i64,
) -> Result<Option<RefundState>, RefundError> {
    let same = known.iter().find(|refund| refund.key == key);
    if let Some(refund) = same
        && refund.state != RefundState::Refused
    {
        return if refund.amount == amount { Ok(Some(refund.state)) } else { Err(RefundError::KeyReused) };
    }
    // Refunds may also be made on the provider's own pages; those are in the payment's sum only. Ones under way are not
    // yet in it. The larger of the two is spoken for.
    let asked: i64 = known.iter().filter(|refund| refund.state != RefundState::Refused).map(|r| r.amount).sum();
    let left = payment.captured - asked.max(payment.refunded);
    if amount < 1 || amount > left {
        return Err(RefundError::TooMuch);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Hold, ProviderReport};
    use super::*;

    fn captured(amount: i64) -> PaymentState {
        let report = ProviderReport { captured: amount, ..ProviderReport::of(Hold::Authorised, amount) };
        PaymentState::asked(amount).apply(&report).unwrap().step().unwrap().after
    }

    #[test]
    fn a_key_refunds_once_and_one_amount() {
        let payment = captured(100);
        let known = |state| vec![PriorRefund { key: "a".into(), amount: 60, state }];
        for state in [RefundState::Pending, RefundState::Done] {
            assert_eq!(decide_refund(&payment, &known(state), "a", 60), Ok(Some(state)));
            assert_eq!(decide_refund(&payment, &known(state), "a", 61), Err(RefundError::KeyReused));
            assert_eq!(decide_refund(&payment, &known(state), "b", 41), Err(RefundError::TooMuch));
            assert_eq!(decide_refund(&payment, &known(state), "b", 40), Ok(None));
        }
        assert_eq!(decide_refund(&payment, &known(RefundState::Refused), "a", 100), Ok(None));
    }

    proptest! {
        #[test]
        fn promises_never_exceed_what_was_taken(asked in prop::collection::vec((0..6u8, -5..120i64), 1..40)) {
            let payment = captured(100);
            let mut known: Vec<PriorRefund> = Vec::new();
            for (key, amount) in asked {
                let key = key.to_string();
                if decide_refund(&payment, &known, &key, amount) == Ok(None) {
                    known.push(PriorRefund { key, amount, state: RefundState::Pending });
                }
            }
            prop_assert!(known.iter().all(|refund| refund.amount > 0));
            prop_assert!(known.iter().map(|refund| refund.amount).sum::<i64>() <= 100);
        }
    }
}
