//! Books and journal behind one lock: decide, write, apply. Called by the handlers and the webhook sender.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::books::{Action, Authorisation, Books, Command, Decision, Operation, Refusal};
use crate::journal::{Journal, JournalError, Record};
use crate::token::Token;
use crate::view::{Event, View};
use crate::{SandboxConfig, WebhookEvents};

/// Events that wait for a merchant who is away; beyond, the oldest are given up.
const MAX_PENDING: usize = 10_000;
/// Bytes of the proof in an action page's address: nobody guesses 80 bits.
const PROOF: usize = 10;

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// It makes no sense in the books' present state.
    Refused(Refusal),
    /// The journal cannot be written: nothing happened.
    Disk(std::io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

/// What was done, and what the authorisation is now.
pub struct Done {
    /// Under this key.
    pub operation: Operation,
    /// As it is now.
    pub view: View,
    /// It had been done before.
    pub replayed: bool,
}

/// An event that is due at the merchant's.
pub struct Due {
    /// Number of its record.
    pub seq: u64,
    /// What is posted.
    pub body: Bytes,
}

/// The sandbox without its sockets.
pub struct Core {
    inner: Mutex<Inner>,
    pub config: SandboxConfig,
    pub shutdown: CancellationToken,
    /// Rung when an event is due.
    pub due: Notify,
    base_url: String,
}

struct Inner {
    books: Books,
    journal: Journal,
    next_seq: u64,
    due: VecDeque<Due>,
}

impl Core {
    /// Reads the journal. Blocks.
    pub fn open(config: SandboxConfig, address: SocketAddr, shutdown: CancellationToken) -> Result<Self, JournalError> {
        let base_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let mut core = CoreParts { books: Books::default(), untold: BTreeMap::new(), next_seq: 1 };
        let journal =
            Journal::open(&config.data_dir, |record| core.replay(&record, |id, e| link(&config, &base_url, id, e)))?;
        let due = core.untold.into_iter().map(|(seq, body)| Due { seq, body }).collect();
        let inner = Mutex::new(Inner { books: core.books, journal, next_seq: core.next_seq, due });
        Ok(Self { inner, config, shutdown, due: Notify::new(), base_url })
    }

    /// Does `command` under `key`, or finds that it was done.
    pub fn perform(&self, key: &str, command: Command) -> Result<Done, Failure> {
        let mut inner = self.inner();
        let (operation, replayed) = match inner.books.decide(key, command)? {
            Decision::Replay(operation) => (operation, true),
            Decision::Do(action) => {
                self.record(&mut inner, action)?;
                let done = inner.books.operation(key).ok_or(Refusal::UnknownAuthorisation)?;
                (done, false)
            }
        };
        let view = self.view_of(&inner, operation.authorisation)?;
        Ok(Done { operation, view, replayed })
    }

    /// The buyer's decision about a waiting payment.
    pub fn decide(&self, id: u64, approve: bool) -> Result<View, Failure> {
        let mut inner = self.inner();
        let action = inner.books.decide_action(id, approve)?;
        self.record(&mut inner, action)?;
        Ok(self.view_of(&inner, id)?)
    }

    /// What was done under `key`.
    pub fn lookup(&self, key: &str) -> Option<Done> {
        let inner = self.inner();
        let operation = inner.books.operation(key)?;
        let view = self.view_of(&inner, operation.authorisation).ok()?;
        Some(Done { operation, view, replayed: true })
    }

    /// One authorisation.
    pub fn view(&self, id: u64) -> Option<View> {
        self.view_of(&self.inner(), id).ok()
    }

    /// `limit` authorisations from number `from` on.
    pub fn page(&self, from: u64, limit: u64) -> Vec<View> {
        let inner = self.inner();
        let to = from.saturating_add(limit).min(inner.books.len());
        (from..to).filter_map(|id| self.view_of(&inner, id).ok()).collect()
    }

    /// True when `proof` is the one in the address of this payment's page.
    pub fn proves(&self, id: u64, proof: &str) -> bool {
        proof.as_bytes().ct_eq(page_proof(&self.config, id).as_bytes()).into()
    }

    /// The next event to post.
    pub fn next_due(&self) -> Option<Due> {
        self.inner().due.pop_front()
    }

    /// Notes that the event was accepted or given up.
    pub fn told(&self, seq: u64) {
        if let Err(error) = self.inner().journal.append(&Record::Told { seq }) {
            tracing::warn!(%error, seq, "cannot note that a webhook was delivered; it will be sent again");
        }
    }

    fn record(&self, inner: &mut Inner, action: Action) -> Result<(), Failure> {
        let hook = self.config.webhook.as_ref().is_some_and(|webhook| is_told(webhook.events, &action));
        let (seq, at) = (inner.next_seq, self.config.clock.now().as_millisecond());
        let record = Record::Did { seq, at, hook, action };
        inner.journal.append(&record).map_err(Failure::Disk)?;
        inner.next_seq += 1;
        let Record::Did { action, .. } = record else { return Ok(()) };
        let Some(id) = inner.books.apply(&action) else { return Err(Refusal::UnknownAuthorisation.into()) };
        if hook {
            let view = self.view_of(inner, id)?;
            inner.due.push_back(Due { seq, body: Event::new(seq, at, &action, view).encode() });
            if inner.due.len() > MAX_PENDING
                && let Some(oldest) = inner.due.pop_front()
            {
                tracing::warn!(event = oldest.seq, "too many webhooks wait: the oldest is given up");
                inner.journal.append(&Record::Told { seq: oldest.seq }).map_err(Failure::Disk)?;
            }
            self.due.notify_one();
        }
        Ok(())
    }

    fn view_of(&self, inner: &Inner, id: u64) -> Result<View, Refusal> {
        let entry = inner.books.get(id).ok_or(Refusal::UnknownAuthorisation)?;
        Ok(link(&self.config, &self.base_url, id, entry))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct CoreParts {
    books: Books,
    untold: BTreeMap<u64, Bytes>,
    next_seq: u64,
}

impl CoreParts {
    fn replay(&mut self, record: &Record, view: impl Fn(u64, &Authorisation) -> View) -> Result<(), String> {
        match record {
            Record::Told { seq } => {
                self.untold.remove(seq);
            }
            Record::Did { seq, at, hook, action } => {
                let id = self.books.apply(action).ok_or("a record about an authorisation that is not there")?;
                self.next_seq = seq + 1;
                if let (true, Some(entry)) = (*hook, self.books.get(id)) {
                    self.untold.insert(*seq, Event::new(*seq, *at, action, view(id, entry)).encode());
                }
            }
        }
        Ok(())
    }
}

fn is_told(events: WebhookEvents, action: &Action) -> bool {
    match events {
        WebhookEvents::All => true,
        WebhookEvents::Unanswered => {
            matches!(action, Action::Decide { .. } | Action::Authorise { token: Token::TimeoutAfterCharge, .. })
        }
    }
}

fn link(config: &SandboxConfig, base_url: &str, id: u64, entry: &Authorisation) -> View {
    View::new(id, entry, || format!("{base_url}/pay/{id}/{}", page_proof(config, id)))
}

fn page_proof(config: &SandboxConfig, id: u64) -> String {
    let key = config.api_key.reveal().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"action page ");
    mac.update(&id.to_be_bytes());
    crate::webhook::hex(&mac.finalize().into_bytes()[..PROOF])
}
