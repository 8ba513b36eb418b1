//! Row mapping of payments: their types, and between them and what PostgreSQL sends and takes.

use jiff::Timestamp;
use souk_db::{DbError, Row, RowExt, ToSql};
use souk_kernel::{Currency, Money};
use souk_payment_api::{Payment, PaymentId, PaymentStatus};
use uuid::Uuid;

use crate::domain::{Hold, Line, PaymentState, PriorRefund, RefundState};

/// A payment as it is stored.
#[derive(Clone, Debug)]
pub struct StoredPayment {
    /// The payment.
    pub id: PaymentId,
    /// What it is for.
    pub order_id: Uuid,
    /// `sandbox`.
    pub provider: String,
    /// What its amounts are counted in.
    pub currency: Currency,
    /// Its state.
    pub state: PaymentState,
    /// When it was opened.
    pub created_at: Timestamp,
}

impl StoredPayment {
    /// The payment as callers see it.
    pub fn payment(&self) -> Payment {
        let state = &self.state;
        let money = |amount| self.currency.of(amount);
        Payment {
            id: self.id,
            order_id: self.order_id,
            provider: self.provider.clone(),
            provider_ref: state.provider_ref.clone(),
            status: state.status().unwrap_or(PaymentStatus::Voided),
            authorised: money(state.authorised),
            captured: money(state.captured),
            refunded: money(state.refunded),
            decline_code: state.decline_code.clone(),
            action_url: state.action_url.clone(),
            created_at: self.created_at,
        }
    }

    /// What was asked for.
    pub fn amount(&self) -> Money {
        self.currency.of(self.state.amount)
    }
}

/// A change to write: the payment after it, and the lines.
#[derive(Clone, Debug)]
pub struct Change {
    /// After it.
    pub stored: StoredPayment,
    /// For the books.
    pub lines: Vec<Line>,
}

/// Changes as the arrays that `unnest` takes.
#[derive(Default)]
pub(super) struct Columns<'a> {
    ids: Vec<Uuid>,
    orders: Vec<Uuid>,
    providers: Vec<&'a str>,
    refs: Vec<Option<&'a str>>,
    holds: Vec<&'static str>,
    currencies: Vec<&'a str>,
    amounts: Vec<i64>,
    authorised: Vec<i64>,
    captured: Vec<i64>,
    refunded: Vec<i64>,
    codes: Vec<Option<&'a str>>,
    urls: Vec<Option<&'a str>>,
    versions: Vec<i64>,
    opened: Vec<Timestamp>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(changes: &'a [Change]) -> Self {
        let mut all = Self::default();
        for Change { stored, .. } in changes {
            let state = &stored.state;
            all.ids.push(stored.id.0);
            all.orders.push(stored.order_id);
            all.providers.push(&stored.provider);
            all.refs.push(state.provider_ref.as_deref());
            all.holds.push(hold_name(state.hold.unwrap_or(Hold::Voided)));
            all.currencies.push(stored.currency.code());
            all.amounts.push(state.amount);
            all.authorised.push(state.authorised);
            all.captured.push(state.captured);
            all.refunded.push(state.refunded);
            all.codes.push(state.decline_code.as_deref());
            all.urls.push(state.action_url.as_deref());
            all.versions.push(state.version);
            all.opened.push(stored.created_at);
        }
        all
    }
}

/// The lines of many changes, likewise.
#[derive(Default)]
pub(super) struct Lines<'a> {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    numbers: Vec<i16>,
    entries: Vec<&'static str>,
    debits: Vec<&'static str>,
    credits: Vec<&'static str>,
    amounts: Vec<i64>,
    currencies: Vec<&'a str>,
    opened: Vec<Timestamp>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(changes: &'a [Change]) -> Self {
        let mut all = Self::default();
        for Change { stored, lines } in changes {
            for (number, line) in (1i16..).zip(lines) {
                all.ids.push(stored.id.0);
                all.versions.push(stored.state.version);
                all.numbers.push(number);
                all.entries.push(line.entry.name());
                all.debits.push(line.debit.name());
                all.credits.push(line.credit.name());
                all.amounts.push(line.amount);
                all.currencies.push(stored.currency.code());
                all.opened.push(stored.created_at);
            }
        }
        all
    }
}

/// `$1` to `$22` of `OPEN`.
#[rustfmt::skip]
pub(super) fn open_params<'a>(p: &'a Columns, l: &'a Lines) -> [&'a (dyn ToSql + Sync); 22] {
    [
        &p.ids, &p.orders, &p.providers, &p.refs, &p.holds, &p.currencies, &p.amounts, &p.authorised, &p.captured,
        &p.refunded, &p.codes, &p.urls, &p.opened,
        &l.ids, &l.versions, &l.numbers, &l.entries, &l.debits, &l.credits, &l.amounts, &l.currencies, &l.opened,
    ]
}

/// `$1` to `$18` of `CHANGE`.
#[rustfmt::skip]
pub(super) fn change_params<'a>(p: &'a Columns, l: &'a Lines, at: &'a Timestamp) -> [&'a (dyn ToSql + Sync); 18] {
    [
        &p.ids, &p.versions, &p.refs, &p.holds, &p.authorised, &p.captured, &p.refunded, &p.codes, &p.urls, at,
        &l.ids, &l.versions, &l.numbers, &l.entries, &l.debits, &l.credits, &l.amounts, &l.currencies,
    ]
}

pub(super) fn decode(row: &Row) -> Result<StoredPayment, DbError> {
    let hold: &str = row.get_col("hold")?;
    let state = PaymentState {
        hold: Some(parse_hold(hold)?),
        amount: row.get_col("amount")?,
        authorised: row.get_col("authorised")?,
        captured: row.get_col("captured")?,
        refunded: row.get_col("refunded")?,
        provider_ref: row.get_col("provider_ref")?,
        decline_code: row.get_col("decline_code")?,
        action_url: row.get_col("action_url")?,
        version: row.get_col("version")?,
    };
    Ok(StoredPayment {
        id: PaymentId(row.get_col("payment_id")?),
        order_id: row.get_col("order_id")?,
        provider: row.get_col("provider")?,
        currency: currency(row)?,
        state,
        created_at: row.get_col("created_at")?,
    })
}

pub(super) fn decode_refund(row: &Row) -> Result<PriorRefund, DbError> {
    let state: &str = row.get_col("state")?;
    let state = match state {
        "pending" => RefundState::Pending,
        "done" => RefundState::Done,
        "refused" => RefundState::Refused,
        other => return Err(unexpected("state", other)),
    };
    Ok(PriorRefund { key: row.get_col("key")?, amount: row.get_col("amount")?, state })
}

pub(super) fn currency(row: &Row) -> Result<Currency, DbError> {
    let code: &str = row.get_col("currency")?;
    code.parse().map_err(|_| unexpected("currency", code))
}

fn hold_name(hold: Hold) -> &'static str {
    match hold {
        Hold::RequiresAction => "requires_action",
        Hold::Authorised => "authorised",
        Hold::Declined => "declined",
        Hold::Voided => "voided",
    }
}

fn parse_hold(name: &str) -> Result<Hold, DbError> {
    let all = [Hold::RequiresAction, Hold::Authorised, Hold::Declined, Hold::Voided];
    all.into_iter().find(|hold| hold_name(*hold) == name).ok_or_else(|| unexpected("hold", name))
}

pub(super) fn refund_state(state: RefundState) -> &'static str {
    match state {
        RefundState::Pending => "pending",
        RefundState::Done => "done",
        RefundState::Refused => "refused",
    }
}

fn unexpected(column: &str, value: &str) -> DbError {
    DbError::Column { column: column.to_owned(), detail: format!("unexpected value {value}") }
}
