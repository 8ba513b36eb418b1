//! Core of the sandbox, ledger and journal behind one lock: decide, write, apply. Called by the handlers and the webhook
//! sender.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::{Mutex, MutexGuard};
use sha2::Sha256;
use souk_kernel::{Ids, Secret};
use subtle::ConstantTimeEq;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::journal::{Journal, JournalError, Record};
use crate::ledger::{Action, Authorisation, Command, Decision, Ledger, LedgerError, Operation};
use crate::token::Token;
use crate::view::{Event, View};
use crate::{SandboxConfig, WebhookEvents};

/// Events that wait for a merchant who is away; beyond, the oldest are given up.
const MAX_PENDING: usize = 10_000;
/// Bytes of the proof in an action page's address: no attacker guesses 80 bits.
const PROOF: usize = 10;

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// It makes no sense in the ledger's present state.
    Refused(LedgerError),
    /// The journal cannot be written: nothing happened.
    Disk(std::io::Error),
}

impl From<LedgerError> for Failure {
    fn from(refusal: LedgerError) -> Self {
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
    names: Names,
}

struct Inner {
    ledger: Ledger,
    journal: Journal,
    next_seq: u64,
    due: VecDeque<Due>,
}

impl Core {
    /// Reads the journal. Blocks.
    pub fn open(config: SandboxConfig, address: SocketAddr, shutdown: CancellationToken) -> Result<Self, JournalError> {
        let base_url = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let names = Names { ledger: String::new(), base_url, key: config.api_key.clone() };
        let mut parts = Parts { names, ledger: Ledger::default(), untold: BTreeMap::new(), next_seq: 1 };
        let mut journal = Journal::open(&config.data_dir, |record| parts.replay(record))?;
        if parts.names.ledger.is_empty() {
            let ledger = crate::webhook::hex(&Ids::random().v4().as_bytes()[..4]);
            journal.append(&Record::Born { ledger: ledger.clone() })?;
            parts.names.ledger = ledger;
        }
        let due = parts.untold.into_iter().map(|(seq, body)| Due { seq, body }).collect();
        let inner = Mutex::new(Inner { ledger: parts.ledger, journal, next_seq: parts.next_seq, due });
        Ok(Self { inner, config, shutdown, due: Notify::new(), names: parts.names })
    }

    /// The number in `auth_<ledger>_17`.
    pub fn parse_id(&self, text: &str) -> Option<u64> {
        text.strip_prefix("auth_")?.strip_prefix(self.names.ledger.as_str())?.strip_prefix('_')?.parse().ok()
    }

    /// Does `command` under `key`, or finds that it was done.
    pub fn perform(&self, key: &str, command: Command) -> Result<Done, Failure> {
        let mut inner = self.inner();
        let (operation, replayed) = match inner.ledger.decide(key, command)? {
            Decision::Replay(operation) => (operation, true),
            Decision::Do(action) => {
                self.record(&mut inner, action)?;
                let done = inner.ledger.operation(key).ok_or(LedgerError::UnknownAuthorisation)?;
                (done, false)
            }
        };
        let view = self.view_of(&inner, operation.authorisation)?;
        Ok(Done { operation, view, replayed })
    }

    /// The buyer's decision about a waiting payment.
    pub fn decide(&self, id: u64, approve: bool) -> Result<View, Failure> {
        let mut inner = self.inner();
        let action = inner.ledger.decide_action(id, approve)?;
        self.record(&mut inner, action)?;
        Ok(self.view_of(&inner, id)?)
    }

    /// What was done under `key`.
    pub fn lookup(&self, key: &str) -> Option<Done> {
        let inner = self.inner();
        let operation = inner.ledger.operation(key)?;
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
        let to = from.saturating_add(limit).min(inner.ledger.len());
        (from..to).filter_map(|id| self.view_of(&inner, id).ok()).collect()
    }

    /// True when `proof` is the one in the address of this payment's page.
    pub fn proves(&self, id: u64, proof: &str) -> bool {
        proof.as_bytes().ct_eq(self.names.proof(id).as_bytes()).into()
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
        let Some(id) = inner.ledger.apply(&action) else { return Err(LedgerError::UnknownAuthorisation.into()) };
        if hook {
            let view = self.view_of(inner, id)?;
            inner.due.push_back(Due { seq, body: self.names.event(seq, at, &action, view) });
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

    fn view_of(&self, inner: &Inner, id: u64) -> Result<View, LedgerError> {
        let entry = inner.ledger.get(id).ok_or(LedgerError::UnknownAuthorisation)?;
        Ok(self.names.view(id, entry))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

struct Parts {
    names: Names,
    ledger: Ledger,
    untold: BTreeMap<u64, Bytes>,
    next_seq: u64,
}

impl Parts {
    fn replay(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::Born { ledger } => self.names.ledger = ledger,
            Record::Told { seq } => {
                self.untold.remove(&seq);
            }
            Record::Did { seq, at, hook, action } => {
                let id = self.ledger.apply(&action).ok_or("a record about an authorisation that is not there")?;
                self.next_seq = seq + 1;
                if let (true, Some(entry)) = (hook, self.ledger.get(id)) {
                    let view = self.names.view(id, entry);
                    self.untold.insert(seq, self.names.event(seq, at, &action, view));
                }
            }
        }
        Ok(())
    }
}

/// How things are called outside.
struct Names {
    ledger: String,
    base_url: String,
    key: Secret<String>,
}

impl Names {
    fn view(&self, id: u64, entry: &Authorisation) -> View {
        View::new(format!("auth_{}_{id}", self.ledger), entry, || {
            format!("{}/pay/{id}/{}", self.base_url, self.proof(id))
        })
    }

    fn event(&self, seq: u64, at: i64, action: &Action, view: View) -> Bytes {
        Event::new(format!("evt_{}_{seq}", self.ledger), at, action, view).encode()
    }

    fn proof(&self, id: u64) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.key.reveal().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(b"action page ");
        mac.update(self.ledger.as_bytes());
        mac.update(&id.to_be_bytes());
        crate::webhook::hex(&mac.finalize().into_bytes()[..PROOF])
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
