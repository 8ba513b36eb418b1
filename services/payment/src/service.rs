//! Implementation of the contract: what each call means, in terms of the payment as our books know it and what the provider
//! answers.

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use souk_db::Db;
use souk_kernel::{Money, Problem};
use souk_payment_api::{
    Audit, AuditRequest, Authorise, ByOrder, ByPayment, MAX_AMOUNT, MAX_TOKEN, Payment, PaymentApi, PaymentStatus,
    Payments, Refund, VoidPayment, looks_like_card,
};
use souk_rpc::{Cx, Permission};

use crate::provider::{AskAuthorisation, Provider, key};
use crate::question::{About, Call, Question};
use crate::record_outcome::Recorder;
use crate::store::StoredPayment;
use crate::{PaymentDeps, audit, refunds, voids, webhook};

/// Payments, for callers.
pub struct PaymentService {
    db: Db,
    recorder: Arc<Recorder>,
}

impl PaymentService {
    /// The service; its worker role runs [`crate::jobs`] beside it.
    pub fn new(deps: PaymentDeps) -> Arc<Self> {
        let db = deps.db.clone();
        Arc::new(Self { recorder: Arc::new(Recorder::new(deps)), db })
    }

    /// Its schema.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// What the worker's jobs and schedules work with.
    pub(crate) fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Takes a webhook in.
    ///
    /// # Errors
    /// As [`webhook::receive`] says.
    pub async fn webhook(&self, provider: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        webhook::receive(&self.recorder, provider, headers, body).await
    }

    fn check(&self, request: &Authorise) -> Result<&Arc<dyn Provider>, Problem> {
        check_amount(request.amount)?;
        if looks_like_card(&request.token) {
            let detail = "this looks like a card number: send the provider's token";
            return Err(Problem::invalid("card_number_refused", detail));
        }
        if request.token.is_empty() || request.token.len() > MAX_TOKEN {
            return Err(Problem::invalid_field("/payment/token", format!("must have 1 to {MAX_TOKEN} characters")));
        }
        self.recorder.providers.requested(&request.provider)
    }

    /// The provider could not be asked, or never answered: what our books know stands; nothing is guessed.
    async fn authorise_unheard(&self, request: &Authorise, problem: Problem) -> Result<StoredPayment, Problem> {
        match self.recorder.store.get(request.payment_id).await? {
            Some(stored) => same_payment(stored, request),
            None => Err(problem),
        }
    }
}

#[async_trait]
impl PaymentApi for PaymentService {
    async fn authorise(&self, cx: &Cx, request: Authorise) -> Result<Payment, Problem> {
        let provider = self.check(&request)?;
        let (id, order_id, amount) = (request.payment_id, request.order_id, request.amount);
        let ask = AskAuthorisation { payment: id, order: order_id, amount, token: &request.token };
        let answer = provider.authorise(ask, self.recorder.within(cx)).await;
        let about = About { id, order_id, provider: provider.name(), amount };
        let question = Question::new(&about, Call::Authorise);
        let stored = match self.recorder.answer(provider, answer, &key::authorise(id), &question).await {
            Ok(report) => self
                .recorder
                .record_outcome(None, &about, report, false)
                .await
                .and_then(|stored| same_payment(stored, &request))?,
            Err(problem) if problem.kind.is_fault() => self.authorise_unheard(&request, problem).await?,
            Err(problem) => return Err(problem),
        };
        let payment = stored.payment();
        metrics::counter!("souk_payments_total", "status" => status_name(payment.status)).increment(1);
        Ok(payment)
    }

    async fn capture(&self, cx: &Cx, request: ByPayment) -> Result<Payment, Problem> {
        let stored = self.recorder.known(request.payment_id).await?;
        match stored.state.status() {
            Some(PaymentStatus::Captured | PaymentStatus::Refunded) => return Ok(stored.payment()),
            Some(PaymentStatus::Authorised) => {}
            _ => return Err(not_capturable()),
        }
        let provider = self.recorder.provider_of(&stored)?;
        let held = stored.currency.of(stored.state.authorised);
        let answer = provider.capture(stored.id, held, self.recorder.within(cx)).await;
        let question = Question::of(&stored, Call::Capture);
        let report = match self.recorder.answer(provider, answer, &key::capture(stored.id), &question).await {
            // Voided or captured behind our back: take that in before anything is said.
            Err(problem) if problem.is("payment_refused_by_provider") => {
                self.recorder.look_up_authorisation(provider, &stored).await?
            }
            report => report?,
        };
        let about = About::of(&stored);
        let recorded = self.recorder.record_outcome(Some(stored.clone()), &about, report, true).await?;
        if recorded.state.captured == 0 {
            return Err(not_capturable());
        }
        Ok(recorded.payment())
    }

    async fn void(&self, cx: &Cx, request: VoidPayment) -> Result<Payment, Problem> {
        check_amount(request.amount)?;
        let stored = voids::void(&self.recorder, cx, &request).await?;
        Ok(stored.payment())
    }

    async fn refund(&self, cx: &Cx, request: Refund) -> Result<Payment, Problem> {
        check_amount(request.amount)?;
        Ok(refunds::refund(&self.recorder, cx, request).await?.payment())
    }

    async fn by_order(&self, cx: &Cx, request: ByOrder) -> Result<Payments, Problem> {
        cx.actor.require(Permission::Orders)?;
        let stored = self.recorder.store.by_order(request.order_id).await?;
        Ok(Payments { items: stored.iter().map(StoredPayment::payment).collect() })
    }

    async fn audit(&self, cx: &Cx, _: AuditRequest) -> Result<Audit, Problem> {
        cx.actor.require(Permission::Orders)?;
        audit::audit(&self.recorder).await
    }
}

fn check_amount(amount: Money) -> Result<(), Problem> {
    if (1..=MAX_AMOUNT).contains(&amount.amount) {
        return Ok(());
    }
    Err(Problem::invalid("payment_amount", "the amount must be more than zero, and not absurd"))
}

/// A repeated authorisation must be about the same money.
fn same_payment(stored: StoredPayment, request: &Authorise) -> Result<StoredPayment, Problem> {
    let same =
        stored.order_id == request.order_id && stored.amount() == request.amount && stored.provider == request.provider;
    match same {
        true => Ok(stored),
        false => Err(Problem::conflict("payment_mismatch", "this payment was made for something else")),
    }
}

fn not_capturable() -> Problem {
    Problem::conflict("payment_not_capturable", "this payment holds no money")
}

fn status_name(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Authorised => "authorised",
        PaymentStatus::Declined => "declined",
        PaymentStatus::RequiresAction => "requires_action",
        PaymentStatus::Captured => "captured",
        PaymentStatus::Voided => "voided",
        PaymentStatus::Refunded => "refunded",
    }
}
