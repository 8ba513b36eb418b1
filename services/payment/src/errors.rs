//! Error mapping: domain errors and providers' refusals as the problems that callers see.

use souk_kernel::{Kind, Problem};

use crate::domain::{Mismatch, RefundError};

impl From<Mismatch> for Problem {
    fn from(mismatch: Mismatch) -> Self {
        Problem::new(Kind::Internal, "payment_contradiction", "something went wrong on our side")
            .with_internal(mismatch.to_string())
    }
}

impl From<RefundError> for Problem {
    fn from(error: RefundError) -> Self {
        match error {
            RefundError::KeyReused => Problem::conflict("refund_key_reused", error.to_string()),
            RefundError::TooMuch => Problem::conflict("refund_too_much", error.to_string()),
        }
    }
}

/// What a provider's refusal means to the caller.
pub fn refused(code: &str, detail: &str) -> Problem {
    match code {
        "unknown_token" => Problem::invalid("payment_token_unknown", "the payment provider does not know this token"),
        "card_number_refused" => Problem::invalid("card_number_refused", "this looks like a card number: send a token"),
        "idempotency_key_reused" => Problem::conflict("payment_mismatch", "this payment was made for something else"),
        _ => Problem::new(Kind::Conflict, "payment_refused_by_provider", "the payment provider will not do this")
            .with_internal(format!("{code}: {detail}")),
    }
}
