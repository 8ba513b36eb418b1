//! Recording of outcomes, from a provider's answer to our books: what a call's outcome means, and writing what it reports.
//! The fourth hop between route and SQL, because authorisations, captures, refunds, voids, webhooks and jobs all end here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use souk_db::Tx;
use souk_flow::{Jobs, Outbox};
use souk_kernel::{Clock, Problem};
use souk_payment_api::PaymentId;
use souk_rpc::Cx;

use crate::PaymentDeps;
use crate::change_batch::{ChangeBatch, PaymentWrite, Written};
use crate::domain::{Applied, PaymentState, ProviderReport};
use crate::errors::refused;
use crate::provider::{Provider, ProviderError, Providers, key};
use crate::question::{About, Question};
use crate::store::{Change, Store, StoredPayment};

/// How long an answer that got lost is asked for before the caller is told to ask again.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// Kind of the jobs that ask for answers that got lost.
pub const ASK: &str = "payment.ask";
/// The caller is expected to ask again itself; this is for when it does not.
const FIRST_DELAY: Duration = Duration::from_secs(15);
/// Rounds of reading, applying and writing one payment; each lost round means another writer moved it on.
const MAX_ROUNDS: u32 = 8;

/// Writes the outcome of calls.
pub struct Recorder {
    /// All SQL.
    pub store: Store,
    /// Who may be called.
    pub providers: Providers,
    /// For webhooks and new payments.
    pub clock: Clock,
    jobs: Jobs,
    changes: ChangeBatch,
    timeout: Duration,
}

impl Recorder {
    /// With what the service was given.
    pub fn new(deps: PaymentDeps) -> Self {
        let db = &deps.db;
        let store = Store::new(db.clone());
        Self {
            jobs: Jobs::new(db),
            changes: ChangeBatch::new(&deps.tasks, store.clone(), Outbox::new(db), deps.clock.clone()),
            store,
            providers: Providers::new(deps.providers),
            clock: deps.clock,
            timeout: deps.provider_timeout,
        }
    }

    /// How long to wait for the provider so that enough of the caller's time is left to ask and to write.
    pub fn within(&self, cx: &Cx) -> Duration {
        match cx.time_left() {
            Some(left) => self.timeout.min(left.saturating_sub(LOOKUP_TIMEOUT).max(left / 2)),
            None => self.timeout,
        }
    }

    /// The provider of a payment that exists.
    pub fn provider_of(&self, payment: &StoredPayment) -> Result<&Arc<dyn Provider>, Problem> {
        self.providers.of(payment.id, &payment.provider)
    }

    /// A payment that must be there.
    ///
    /// # Errors
    /// 404.
    pub async fn known(&self, id: PaymentId) -> Result<StoredPayment, Problem> {
        self.store.get(id).await?.ok_or_else(|| Problem::not_found("payment"))
    }

    /// The report in a provider's answer. An answer that got lost is asked for by `key`; still unknown, a job goes on asking
    /// and the caller is told to repeat: `unavailable` when the provider has not heard of it, `timeout` when even that is
    /// unknown. Never "charge again": the caller's repetition has the same key.
    pub async fn answer(
        &self,
        provider: &Arc<dyn Provider>,
        answer: Result<ProviderReport, ProviderError>,
        key: &str,
        question: &Question,
    ) -> Result<ProviderReport, Problem> {
        let why = match answer {
            Ok(report) => return Ok(report),
            Err(ProviderError::Refused { code, detail }) => return Err(refused(&code, &detail)),
            Err(ProviderError::NotSent(why)) => return Err(Problem::unavailable("payment_provider_unavailable", why)),
            Err(ProviderError::Unknown(why)) => why,
        };
        let problem = match provider.lookup_by_key(key, LOOKUP_TIMEOUT).await {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => Problem::unavailable("payment_provider_unavailable", format!("{why}; not done so far")),
            Err(error) => Problem::timeout(format!("payment provider: {why}; asked for it: {error}")),
        };
        let tx = self.store.begin().await?;
        self.enqueue(&tx, question, FIRST_DELAY).await?;
        tx.commit().await?;
        Err(problem)
    }

    /// The authorisation as the provider knows it now.
    pub async fn look_up_authorisation(
        &self,
        provider: &Arc<dyn Provider>,
        stored: &StoredPayment,
    ) -> Result<ProviderReport, Problem> {
        let found = provider.lookup_by_key(&key::authorise(stored.id), LOOKUP_TIMEOUT).await;
        let found = found.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        found.ok_or_else(|| Problem::internal(format!("the provider does not know payment {}", stored.id)))
    }

    /// Applies `report` to a payment and writes it, together with the others that write now. `known` is the payment as last
    /// read, if it was. `late`: its opening is news to others, since no caller waits for the answer.
    pub async fn record_outcome(
        &self,
        mut known: Option<StoredPayment>,
        about: &About<'_>,
        mut report: ProviderReport,
        late: bool,
    ) -> Result<StoredPayment, Problem> {
        for _ in 0..MAX_ROUNDS {
            let state = match &known {
                Some(stored) => stored.state.clone(),
                None => PaymentState::asked(about.amount.amount),
            };
            let applied = state.apply(&report).inspect_err(|mismatch| {
                tracing::error!(payment = %about.id, %mismatch, ?report, ours = ?state, "provider and books differ");
            });
            let change = match (applied?, &known) {
                (Applied::Changed(change), _) => change,
                (Applied::Unchanged, Some(stored)) => return Ok(stored.clone()),
                (Applied::Unchanged, None) => {
                    return Err(Problem::internal("a report about nothing changed nothing"));
                }
                (Applied::MustVoid, _) => {
                    report = self.void_late(about).await?;
                    continue;
                }
            };
            let created_at = known.as_ref().map_or_else(|| self.clock.now(), |stored| stored.created_at);
            let stored = stored_payment(about, change.after, created_at);
            let change = Change { stored: stored.clone(), lines: change.lines };
            let announce = late || known.is_some();
            match self.changes.write(PaymentWrite { change, announce }).await? {
                Written::Done => return Ok(stored),
                Written::TooLate => known = Some(self.known(about.id).await?),
            }
        }
        Err(Problem::unavailable("payment_contended", about.id))
    }

    /// Money is held for a payment that was closed: gives it back at once.
    async fn void_late(&self, about: &About<'_>) -> Result<ProviderReport, Problem> {
        tracing::warn!(payment = %about.id, "an authorisation came after the payment was closed: voiding it");
        let provider = self.providers.get(about.provider);
        let provider = provider.ok_or_else(|| Problem::internal("a payment of a provider that is not configured"))?;
        provider.void(about.id, LOOKUP_TIMEOUT).await.map_err(|error| match error {
            ProviderError::Refused { code, detail } => Problem::internal(format!("late void: {code}: {detail}")),
            // The tombstone's job goes on telling it.
            other => Problem::unavailable("payment_provider_unavailable", other),
        })
    }

    /// Has a job ask in `delay`, when `tx` is committed; call [`Recorder::wake_jobs`] then if it should be at once.
    pub async fn enqueue(&self, tx: &Tx, question: &Question, delay: Duration) -> Result<(), Problem> {
        self.jobs.enqueue(tx, ASK, &question.key(), question, delay).await
    }

    /// After the commit of a job that is due now.
    pub fn wake_jobs(&self) {
        self.jobs.wake();
    }
}

/// The row of a payment that is in `state`.
pub fn stored_payment(about: &About<'_>, state: PaymentState, created_at: Timestamp) -> StoredPayment {
    let (id, order_id, currency) = (about.id, about.order_id, about.amount.currency);
    StoredPayment { id, order_id, provider: about.provider.to_owned(), currency, state, created_at }
}
