//! The contract: what each call means, in terms of the payment as our books know it and what the provider answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use souk_db::Db;
use souk_flow::{Jobs, Outbox};
use souk_kernel::{Clock, Kind, Money, Problem};
use souk_payment_api::{
    Audit, AuditRequest, Authorise, ByOrder, ByPayment, MAX_AMOUNT, MAX_TOKEN, Payment, PaymentApi, PaymentId,
    PaymentStatus, Payments, Refund, VoidPayment, looks_like_card,
};
use souk_rpc::{Cx, Permission};

use crate::domain::{Contradiction, RefundRefused, Standing};
use crate::provider::{AskAuthorisation, Provider, ProviderError, key};
use crate::reconcile::{Call, Question};
use crate::settle::{About, LOOKUP_TIMEOUT};
use crate::store::{Change, Store, Stored};
use crate::writer::Writer;
use crate::{PaymentDeps, audit};

/// Payments, for callers.
pub struct PaymentService {
    pub(crate) db: Db,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) writer: Writer,
    pub(crate) clock: Clock,
    providers: BTreeMap<&'static str, Arc<dyn Provider>>,
    timeout: Duration,
}

impl PaymentService {
    /// The service; its worker role runs [`crate::jobs`] beside it.
    pub fn new(deps: PaymentDeps) -> Arc<Self> {
        let store = Store::new(deps.db.clone());
        Arc::new(Self {
            jobs: Jobs::new(&deps.db),
            writer: Writer::new(&deps.tasks, store.clone(), Outbox::new(&deps.db), deps.clock.clone()),
            store,
            db: deps.db,
            clock: deps.clock,
            providers: deps.providers.into_iter().map(|provider| (provider.name(), provider)).collect(),
            timeout: deps.provider_timeout,
        })
    }

    /// Its schema.
    pub fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn providers(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.values()
    }

    pub(crate) fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.get(name)
    }

    /// The provider of a payment that exists.
    pub(crate) fn provider_of(&self, payment: &Stored) -> Result<&Arc<dyn Provider>, Problem> {
        self.provider(&payment.provider).ok_or_else(|| {
            let internal =
                format!("payment {} needs provider {}, which is not configured", payment.id, payment.provider);
            Problem::unavailable("provider_not_configured", internal)
        })
    }

    /// How long to wait for the provider so that enough of the caller's time is left to ask and to write.
    pub(crate) fn within(&self, cx: &Cx) -> Duration {
        match cx.time_left() {
            Some(left) => self.timeout.min(left.saturating_sub(LOOKUP_TIMEOUT).max(left / 2)),
            None => self.timeout,
        }
    }

    pub(crate) async fn known(&self, id: PaymentId) -> Result<Stored, Problem> {
        self.store.get(id).await?.ok_or_else(|| Problem::not_found("payment"))
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
        self.provider(&request.provider).ok_or_else(|| unknown_provider(&request.provider, &self.providers))
    }

    /// The provider could not be asked, or never answered: what our books know stands; nothing is guessed.
    async fn authorise_unheard(&self, request: &Authorise, problem: Problem) -> Result<Stored, Problem> {
        match self.store.get(request.payment_id).await? {
            Some(stored) => same_payment(stored, request),
            None => Err(problem),
        }
    }

    async fn void_known(&self, cx: &Cx, stored: Stored) -> Result<Stored, Problem> {
        match stored.standing.status() {
            Some(PaymentStatus::Declined) => return Ok(stored),
            Some(PaymentStatus::Voided) if !stored.standing.is_tombstone() => return Ok(stored),
            Some(PaymentStatus::Captured | PaymentStatus::Refunded) => return Err(captured()),
            _ => {}
        }
        let provider = self.provider_of(&stored)?;
        let question = Question::about(&stored, Call::Void);
        let answer = provider.void(stored.id, self.within(cx)).await;
        let fact = match self.answer(provider, answer, &key::void(stored.id), &question).await {
            // Captured behind our back: learn that before anything is said.
            Err(problem) if problem.is("payment_refused_by_provider") => {
                self.ask_authorisation(provider, &stored).await?
            }
            // It is closed here, and the job goes on telling the provider.
            Err(problem) if stored.standing.is_tombstone() && problem.kind.is_fault() => return Ok(stored),
            fact => fact?,
        };
        let settled = self.settle(Some(stored.clone()), &About::of(&stored), fact, true).await?;
        if settled.standing.captured > 0 { Err(captured()) } else { Ok(settled) }
    }

    async fn void_unknown(
        &self,
        cx: &Cx,
        request: &VoidPayment,
        provider: &Arc<dyn Provider>,
    ) -> Result<Stored, Problem> {
        let about = About {
            id: request.payment_id,
            order_id: request.order_id,
            provider: provider.name(),
            amount: request.amount,
        };
        let fact = match provider.void(request.payment_id, self.within(cx)).await {
            Ok(fact) => fact,
            Err(ProviderError::Refused { code, detail }) => {
                let found = provider.lookup_by_key(&key::authorise(request.payment_id), LOOKUP_TIMEOUT).await;
                let refused = || Problem::internal(format!("provider refused a void with {code}: {detail}"));
                found.ok().flatten().ok_or_else(refused)?
            }
            // It is closed here and now; the provider is told until it has heard.
            Err(ProviderError::NotSent(why) | ProviderError::Unknown(why)) => {
                tracing::warn!(payment = %request.payment_id, why, "void not confirmed, will be repeated");
                return self.close(&about).await;
            }
        };
        let settled = self.settle(None, &about, fact, true).await?;
        if settled.standing.captured > 0 { Err(captured()) } else { Ok(settled) }
    }

    /// Leaves a tombstone, and a job that closes the key at the provider.
    async fn close(&self, about: &About<'_>) -> Result<Stored, Problem> {
        let step = Standing::tombstone(about.amount.amount);
        let stored = about.stored(step.after, self.clock.now());
        let change = Change { stored: stored.clone(), lines: step.lines };
        let tx = self.store.begin().await?;
        let opened = self.store.open(&tx, &[change]).await?;
        self.enqueue(&tx, &Question::about(&stored, Call::Void), Duration::ZERO).await?;
        tx.commit().await?;
        self.jobs.wake();
        if opened.is_empty() {
            // An authorisation got in first; the job voids it, and the caller may ask again.
            return Err(Problem::unavailable("payment_changed_meanwhile", about.id));
        }
        Ok(stored)
    }
}

#[async_trait]
impl PaymentApi for PaymentService {
    async fn authorise(&self, cx: &Cx, request: Authorise) -> Result<Payment, Problem> {
        let provider = self.check(&request)?;
        let (id, order_id, amount) = (request.payment_id, request.order_id, request.amount);
        let ask = AskAuthorisation { payment: id, order: order_id, amount, token: &request.token };
        let answer = provider.authorise(ask, self.within(cx)).await;
        let about = About { id, order_id, provider: provider.name(), amount };
        let question = Question::new(&about, Call::Authorise);
        let stored = match self.answer(provider, answer, &key::authorise(id), &question).await {
            Ok(fact) => {
                self.settle(None, &about, fact, false).await.and_then(|stored| same_payment(stored, &request))?
            }
            Err(problem) if problem.kind.is_fault() => self.authorise_unheard(&request, problem).await?,
            Err(problem) => return Err(problem),
        };
        let payment = stored.payment();
        metrics::counter!("souk_payments_total", "status" => status_name(payment.status)).increment(1);
        Ok(payment)
    }

    async fn capture(&self, cx: &Cx, request: ByPayment) -> Result<Payment, Problem> {
        let stored = self.known(request.payment_id).await?;
        match stored.standing.status() {
            Some(PaymentStatus::Captured | PaymentStatus::Refunded) => return Ok(stored.payment()),
            Some(PaymentStatus::Authorised) => {}
            _ => return Err(not_capturable()),
        }
        let provider = self.provider_of(&stored)?;
        let held = stored.currency.of(stored.standing.authorised);
        let answer = provider.capture(stored.id, held, self.within(cx)).await;
        let question = Question::about(&stored, Call::Capture);
        let fact = match self.answer(provider, answer, &key::capture(stored.id), &question).await {
            // Voided or captured behind our back: learn that before anything is said.
            Err(problem) if problem.is("payment_refused_by_provider") => {
                self.ask_authorisation(provider, &stored).await?
            }
            fact => fact?,
        };
        let about = About::of(&stored);
        let settled = self.settle(Some(stored.clone()), &about, fact, true).await?;
        if settled.standing.captured == 0 {
            return Err(not_capturable());
        }
        Ok(settled.payment())
    }

    async fn void(&self, cx: &Cx, request: VoidPayment) -> Result<Payment, Problem> {
        check_amount(request.amount)?;
        let stored = match self.store.get(request.payment_id).await? {
            Some(stored) => self.void_known(cx, stored).await?,
            None => {
                let provider = self.provider(&request.provider);
                let provider = provider.ok_or_else(|| unknown_provider(&request.provider, &self.providers))?;
                self.void_unknown(cx, &request, provider).await?
            }
        };
        Ok(stored.payment())
    }

    async fn refund(&self, cx: &Cx, request: Refund) -> Result<Payment, Problem> {
        check_amount(request.amount)?;
        Ok(self.refund_once(cx, request).await?.payment())
    }

    async fn by_order(&self, cx: &Cx, request: ByOrder) -> Result<Payments, Problem> {
        cx.actor.require(Permission::Orders)?;
        let stored = self.store.by_order(request.order_id).await?;
        Ok(Payments { items: stored.iter().map(Stored::payment).collect() })
    }

    async fn audit(&self, cx: &Cx, _: AuditRequest) -> Result<Audit, Problem> {
        cx.actor.require(Permission::Orders)?;
        audit::audit(self).await
    }
}

fn check_amount(amount: Money) -> Result<(), Problem> {
    if (1..=MAX_AMOUNT).contains(&amount.amount) {
        return Ok(());
    }
    Err(Problem::invalid("payment_amount", "the amount must be more than zero, and not absurd"))
}

fn unknown_provider(name: &str, known: &BTreeMap<&'static str, Arc<dyn Provider>>) -> Problem {
    let known: Vec<&str> = known.keys().copied().collect();
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).take(40).collect();
    let detail = format!("there is no payment provider {name:?}; there is {}", known.join(", "));
    Problem::invalid_fields(
        "unknown_payment_provider",
        detail.clone(),
        vec![souk_kernel::FieldError { pointer: "/payment/provider".into(), detail }],
    )
}

/// A repeated authorisation must be about the same money.
fn same_payment(stored: Stored, request: &Authorise) -> Result<Stored, Problem> {
    let same =
        stored.order_id == request.order_id && stored.amount() == request.amount && stored.provider == request.provider;
    match same {
        true => Ok(stored),
        false => Err(Problem::conflict("payment_mismatch", "this payment was made for something else")),
    }
}

fn captured() -> Problem {
    Problem::conflict("payment_captured", "the money was taken already: it is refunded, not voided")
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

impl From<Contradiction> for Problem {
    fn from(contradiction: Contradiction) -> Self {
        Problem::new(Kind::Internal, "payment_contradiction", "something went wrong on our side")
            .with_internal(contradiction.to_string())
    }
}

impl From<RefundRefused> for Problem {
    fn from(refused: RefundRefused) -> Self {
        match refused {
            RefundRefused::KeyReused => Problem::conflict("refund_key_reused", refused.to_string()),
            RefundRefused::TooMuch => Problem::conflict("refund_too_much", refused.to_string()),
        }
    }
}

/// What a provider's refusal means to the caller.
pub(crate) fn refused(code: &str, detail: &str) -> Problem {
    match code {
        "unknown_token" => Problem::invalid("payment_token_unknown", "the payment provider does not know this token"),
        "card_number_refused" => Problem::invalid("card_number_refused", "this looks like a card number: send a token"),
        "idempotency_key_reused" => Problem::conflict("payment_mismatch", "this payment was made for something else"),
        _ => Problem::new(Kind::Conflict, "payment_refused_by_provider", "the payment provider will not do this")
            .with_internal(format!("{code}: {detail}")),
    }
}
