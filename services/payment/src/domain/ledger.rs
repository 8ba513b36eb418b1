//! Double-entry ledger: what a change of a payment means for the accounts.
//!
//! | report | debit | credit |
//! |---|---|---|
//! | authorise | `psp_hold` | `customer_authorised` |
//! | void | `customer_authorised` | `psp_hold` |
//! | capture | `customer_authorised`, `psp_receivable` | `psp_hold`, `sales` |
//! | refund | `refunds` | `psp_receivable` |
//!
//! So `psp_hold` is what the provider keeps for us, `psp_receivable` what it owes us, and sales less refunds the latter's
//! other side.

use super::PaymentState;

/// Where money is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // the table above says what each is
pub enum Account {
    PspHold,
    CustomerAuthorised,
    PspReceivable,
    Sales,
    Refunds,
}

impl Account {
    /// As it is written in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Account::PspHold => "psp_hold",
            Account::CustomerAuthorised => "customer_authorised",
            Account::PspReceivable => "psp_receivable",
            Account::Sales => "sales",
            Account::Refunds => "refunds",
        }
    }
}

/// Why a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is its own word
pub enum LedgerEntry {
    Authorise,
    Capture,
    Void,
    Refund,
}

impl LedgerEntry {
    /// As it is written in the journal.
    pub fn name(self) -> &'static str {
        match self {
            LedgerEntry::Authorise => "authorise",
            LedgerEntry::Capture => "capture",
            LedgerEntry::Void => "void",
            LedgerEntry::Refund => "refund",
        }
    }
}

/// One amount moved between two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Why.
    pub entry: LedgerEntry,
    /// To.
    pub debit: Account,
    /// From.
    pub credit: Account,
    /// Minor units, more than zero.
    pub amount: i64,
}

/// The lines that lead from `before` to `after`.
pub fn lines(before: &PaymentState, after: &PaymentState) -> Vec<Line> {
    use Account::{CustomerAuthorised, PspHold, PspReceivable, Refunds, Sales};
    let held = after.authorised - before.authorised;
    let taken = after.captured - before.captured;
    let given_back = after.given_back() - before.given_back();
    let paid_back = after.refunded - before.refunded;
    let all = [
        Line { entry: LedgerEntry::Authorise, debit: PspHold, credit: CustomerAuthorised, amount: held },
        Line { entry: LedgerEntry::Capture, debit: CustomerAuthorised, credit: PspHold, amount: taken },
        Line { entry: LedgerEntry::Capture, debit: PspReceivable, credit: Sales, amount: taken },
        Line { entry: LedgerEntry::Void, debit: CustomerAuthorised, credit: PspHold, amount: given_back },
        Line { entry: LedgerEntry::Refund, debit: Refunds, credit: PspReceivable, amount: paid_back },
    ];
    all.into_iter().filter(|line| line.amount > 0).collect()
}
