//! From an answer to our books: what a call's outcome means, and writing what was learnt. The fourth hop between route and
//! SQL, because authorisations, captures, refunds, voids, webhooks and jobs all end here.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use souk_db::Tx;
use souk_kernel::{Money, Problem};
use souk_payment_api::PaymentId;
use uuid::Uuid;

use crate::domain::{Fact, Learned, Standing};
use crate::provider::{Provider, ProviderError, key};
use crate::reconcile::{self, Question};
use crate::service::{PaymentService, refused};
use crate::store::{Change, Stored};
use crate::writer::{Write, Written};

/// How long an answer that got lost is asked for before the caller is told to ask again.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// Rounds of reading, learning and writing one payment; each lost round means somebody else moved it on.
const MAX_ROUNDS: u32 = 8;

/// What a payment is about, for one that our books may not know.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The payment.
    pub id: PaymentId,
    /// Its order.
    pub order_id: Uuid,
    /// Its provider.
    pub provider: &'a str,
    /// What was asked for.
    pub amount: Money,
}

impl<'a> About<'a> {
    /// A payment that we know.
    pub fn of(stored: &'a Stored) -> Self {
        Self { id: stored.id, order_id: stored.order_id, provider: &stored.provider, amount: stored.amount() }
    }

    /// The row with this standing.
    pub fn stored(&self, standing: Standing, created_at: Timestamp) -> Stored {
        let (id, order_id, currency) = (self.id, self.order_id, self.amount.currency);
        Stored { id, order_id, provider: self.provider.to_owned(), currency, standing, created_at }
    }
}

impl PaymentService {
    /// The fact in a provider's answer. An answer that got lost is asked for by `key`; still unknown, a job goes on asking
    /// and the caller is told to repeat: `unavailable` when the provider has not heard of it, `timeout` when even that is
    /// unknown. Never "charge again": the caller's repetition has the same key.
    pub(crate) async fn answer(
        &self,
        provider: &Arc<dyn Provider>,
        answer: Result<Fact, ProviderError>,
        key: &str,
        question: &Question,
    ) -> Result<Fact, Problem> {
        let why = match answer {
            Ok(fact) => return Ok(fact),
            Err(ProviderError::Refused { code, detail }) => return Err(refused(&code, &detail)),
            Err(ProviderError::NotSent(why)) => return Err(Problem::unavailable("payment_provider_unavailable", why)),
            Err(ProviderError::Unknown(why)) => why,
        };
        let problem = match provider.lookup_by_key(key, LOOKUP_TIMEOUT).await {
            Ok(Some(fact)) => return Ok(fact),
            Ok(None) => Problem::unavailable("payment_provider_unavailable", format!("{why}; not done so far")),
            Err(error) => Problem::timeout(format!("payment provider: {why}; asked for it: {error}")),
        };
        let tx = self.store.begin().await?;
        self.enqueue(&tx, question, reconcile::FIRST_DELAY).await?;
        tx.commit().await?;
        Err(problem)
    }

    /// The authorisation as the provider knows it now.
    pub(crate) async fn ask_authorisation(
        &self,
        provider: &Arc<dyn Provider>,
        stored: &Stored,
    ) -> Result<Fact, Problem> {
        let found = provider.lookup_by_key(&key::authorise(stored.id), LOOKUP_TIMEOUT).await;
        let found = found.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        found.ok_or_else(|| Problem::internal(format!("the provider does not know payment {}", stored.id)))
    }

    /// Learns `fact` about a payment and writes it, together with whoever else writes now. `known` is the payment as last
    /// read, if it was. `late`: its opening is news to others, since nobody waits for the answer.
    pub(crate) async fn settle(
        &self,
        mut known: Option<Stored>,
        about: &About<'_>,
        mut fact: Fact,
        late: bool,
    ) -> Result<Stored, Problem> {
        for _ in 0..MAX_ROUNDS {
            let standing = match &known {
                Some(stored) => stored.standing.clone(),
                None => Standing::asked(about.amount.amount),
            };
            let learned = standing.learn(&fact).inspect_err(|contradiction| {
                tracing::error!(payment = %about.id, %contradiction, ?fact, ours = ?standing, "provider and books differ");
            });
            let step = match (learned?, &known) {
                (Learned::New(step), _) => step,
                (Learned::Known, Some(stored)) => return Ok(stored.clone()),
                (Learned::Known, None) => return Err(Problem::internal("a fact about nothing changed nothing")),
                (Learned::MustVoid, _) => {
                    fact = self.void_late(about).await?;
                    continue;
                }
            };
            let created_at = known.as_ref().map_or_else(|| self.clock.now(), |stored| stored.created_at);
            let stored = about.stored(step.after, created_at);
            let change = Change { stored: stored.clone(), lines: step.lines };
            let announce = late || known.is_some();
            match self.writer.write(Write { change, announce }).await? {
                Written::Done => return Ok(stored),
                Written::TooLate => known = Some(self.known(about.id).await?),
            }
        }
        Err(Problem::unavailable("payment_contended", about.id))
    }

    /// Money is held for a payment that was closed: gives it back at once.
    async fn void_late(&self, about: &About<'_>) -> Result<Fact, Problem> {
        tracing::warn!(payment = %about.id, "an authorisation came after the payment was closed: voiding it");
        let provider = self.provider(about.provider);
        let provider = provider.ok_or_else(|| Problem::internal("a payment of a provider that is not configured"))?;
        provider.void(about.id, LOOKUP_TIMEOUT).await.map_err(|error| match error {
            ProviderError::Refused { code, detail } => Problem::internal(format!("late void: {code}: {detail}")),
            // The tombstone's job goes on telling it.
            other => Problem::unavailable("payment_provider_unavailable", other),
        })
    }

    pub(crate) async fn enqueue(&self, tx: &Tx, question: &Question, delay: Duration) -> Result<(), Problem> {
        self.jobs.enqueue(tx, reconcile::KIND, &question.key(), question, delay).await
    }
}
