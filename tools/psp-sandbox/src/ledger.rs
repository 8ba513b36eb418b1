//! The sandbox's ledger, pure: what a command means given what happened before, and what a record changes.
//!
//! A command becomes a record ([`Ledger::decide`]), the journal writes it, and only then it counts ([`Ledger::apply`]);
//! at start the same records are applied again. Hence a restart, or a `kill -9`, forgets nothing that was answered.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use souk_kernel::Currency;
use uuid::Uuid;

use crate::token::{Outcome, Token};

/// Minor units of the largest amount; far below overflow even when summed over every authorisation.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;
/// Characters of an idempotency key.
pub const MAX_KEY: usize = 255;
/// Characters of a merchant's reference.
pub const MAX_REFERENCE: usize = 255;

/// Why a command is refused; nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The key was used for something else.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// Not between 1 and [`MAX_AMOUNT`], or more than is left.
    #[error("the amount is not possible")]
    Amount,
    /// No such authorisation.
    #[error("no such authorisation")]
    UnknownAuthorisation,
    /// It holds no money, or less than asked for.
    #[error("the authorisation does not hold that much")]
    NotCapturable,
    /// Money was already taken: that takes a refund.
    #[error("captured money is refunded, not voided")]
    NotVoidable,
    /// Less was taken, or it was already paid back.
    #[error("that much was not captured, or was refunded before")]
    NotRefundable,
    /// The buyer has decided before.
    #[error("this payment waits for nobody")]
    NothingToDecide,
}

/// A short text that is nearly always a UUID, kept small: there is one for every payment of the sandbox's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Name {
    /// A UUID in its usual form.
    Uuid(Uuid),
    /// Anything else.
    Text(Box<str>),
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        match Uuid::try_parse(&text) {
            Ok(uuid) if uuid.hyphenated().to_string() == text => Name::Uuid(uuid),
            _ => Name::Text(text.into()),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        match name {
            Name::Uuid(uuid) => uuid.hyphenated().to_string(),
            Name::Text(text) => text.into(),
        }
    }
}

/// What a merchant asks for.
#[derive(Clone, Debug)]
pub enum Command {
    /// Hold money.
    Authorise { amount: i64, currency: Currency, token: Token, reference: Option<Name> },
    /// Take what is held; all that is left without an amount.
    Capture { authorisation: Target, amount: Option<i64> },
    /// Give back what is held. Of a key that was never seen: make sure that nothing is authorised under it later.
    Void { authorisation: Target },
    /// Pay back what was taken; all that is left without an amount.
    Refund { authorisation: Target, amount: Option<i64> },
}

/// Names an authorisation.
#[derive(Clone, Debug)]
pub enum Target {
    /// By the sandbox's number.
    Id(u64),
    /// By the key it was (or may have been) asked for with.
    Key(String),
}

/// What happened; the journal's lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An authorisation was asked for; the token says with what outcome.
    Authorise { key: Name, amount: i64, currency: Currency, token: Token, reference: Option<Name> },
    /// A key was closed before an authorisation came with it.
    Burn { key: Name, authorisation_key: Name },
    /// Money was taken.
    Capture { key: Name, authorisation: u64, amount: i64 },
    /// Money was given back.
    Void { key: Name, authorisation: u64 },
    /// Money was paid back.
    Refund { key: Name, authorisation: u64, amount: i64 },
    /// The buyer approved or denied.
    Decide { authorisation: u64, approve: bool },
}

/// What a command comes to.
#[derive(Debug)]
pub enum Decision {
    /// It was done before under this key.
    Replay(Operation),
    /// It is to be written, then applied.
    Do(Action),
}

/// What was done under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What.
    pub kind: OperationKind,
    /// To which authorisation.
    pub authorisation: u64,
    /// Minor units moved or asked for.
    pub amount: i64,
}

/// Kinds of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)] // each is its own word
pub enum OperationKind {
    Authorisation,
    Capture,
    Void,
    Refund,
}

/// State of an authorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The buyer has to decide.
    RequiresAction,
    /// Money is held.
    Authorised,
    /// Refused.
    Declined,
    /// Given back, or closed before it began.
    Voided,
    /// Taken, at least in part.
    Captured,
    /// All that was taken was paid back.
    Refunded,
}

/// One authorisation.
#[derive(Clone, Debug)]
pub struct Authorisation {
    /// The key it was asked for with.
    pub key: Name,
    /// The merchant's word for it.
    pub reference: Option<Name>,
    /// What was asked for.
    pub amount: i64,
    /// In which currency; none for a key that was closed before anything was asked for.
    pub currency: Option<Currency>,
    /// By what means; none for a closed key.
    pub token: Option<Token>,
    /// Held at any time.
    pub authorised: i64,
    /// Taken.
    pub captured: i64,
    /// Paid back.
    pub refunded: i64,
    /// Number of changes: what is newer has more.
    pub version: u32,
    held: Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Waiting,
    Yes,
    Declined,
    Voided,
}

impl Authorisation {
    /// Its state.
    pub fn status(&self) -> Status {
        match self.held {
            Held::Waiting => Status::RequiresAction,
            Held::Declined => Status::Declined,
            Held::Voided => Status::Voided,
            Held::Yes if self.captured == 0 => Status::Authorised,
            Held::Yes if self.refunded < self.captured => Status::Captured,
            Held::Yes => Status::Refunded,
        }
    }

    /// Why it was declined.
    pub fn decline_code(&self) -> Option<&'static str> {
        match (self.held, self.token?.outcome()) {
            (Held::Declined, Outcome::Declined(code)) => Some(code),
            (Held::Declined, _) => Some("declined"),
            _ => None,
        }
    }
}

/// All authorisations, and what was done under which key.
#[derive(Default)]
pub struct Ledger {
    authorisations: Vec<Authorisation>,
    operations: HashMap<u128, Operation>,
}

impl Ledger {
    /// The authorisation with this number.
    pub fn get(&self, id: u64) -> Option<&Authorisation> {
        self.authorisations.get(usize::try_from(id).ok()?)
    }

    /// Number of authorisations; they are numbered from 0.
    pub fn len(&self) -> u64 {
        self.authorisations.len() as u64
    }

    /// What was done under `key`.
    pub fn operation(&self, key: &str) -> Option<Operation> {
        self.operations.get(&hashed(key)).copied()
    }

    /// What `command` comes to under `key`.
    pub fn decide(&self, key: &str, command: Command) -> Result<Decision, LedgerError> {
        if let Some(done) = self.operation(key) {
            return if self.same(&done, &command) { Ok(Decision::Replay(done)) } else { Err(LedgerError::KeyReused) };
        }
        let key = Name::from(key.to_owned());
        let action = match command {
            Command::Authorise { amount, currency, token, reference } => {
                if !(1..=MAX_AMOUNT).contains(&amount) {
                    return Err(LedgerError::Amount);
                }
                Action::Authorise { key, amount, currency, token, reference }
            }
            Command::Capture { authorisation, amount } => {
                let (authorisation, held) = self.target(&authorisation)?;
                let left = if held.held == Held::Yes { held.authorised - held.captured } else { 0 };
                let amount = at_most(amount, left, LedgerError::NotCapturable)?;
                Action::Capture { key, authorisation, amount }
            }
            Command::Void { authorisation } => match (self.target(&authorisation), authorisation) {
                (Ok((_, held)), _) if held.captured > 0 => return Err(LedgerError::NotVoidable),
                (Ok((authorisation, _)), _) => Action::Void { key, authorisation },
                (Err(_), Target::Key(unseen)) if String::from(key.clone()) != unseen => {
                    Action::Burn { key, authorisation_key: unseen.into() }
                }
                (Err(refusal), _) => return Err(refusal),
            },
            Command::Refund { authorisation, amount } => {
                let (authorisation, taken) = self.target(&authorisation)?;
                let amount = at_most(amount, taken.captured - taken.refunded, LedgerError::NotRefundable)?;
                Action::Refund { key, authorisation, amount }
            }
        };
        Ok(Decision::Do(action))
    }

    /// The buyer's decision about a payment that waits for one.
    pub fn decide_action(&self, id: u64, approve: bool) -> Result<Action, LedgerError> {
        match self.get(id).ok_or(LedgerError::UnknownAuthorisation)?.held {
            Held::Waiting => Ok(Action::Decide { authorisation: id, approve }),
            _ => Err(LedgerError::NothingToDecide),
        }
    }

    /// Enters what happened; gives the number of the authorisation it was about. `None`: the record contradicts the
    /// ledger, so it was not made by [`Ledger::decide`] on them.
    pub fn apply(&mut self, action: &Action) -> Option<u64> {
        match action {
            Action::Authorise { key, amount, currency, token, reference } => {
                let outcome = token.outcome();
                let (held, authorised) = match outcome {
                    Outcome::Authorised => (Held::Yes, *amount),
                    Outcome::Declined(_) => (Held::Declined, 0),
                    Outcome::RequiresAction => (Held::Waiting, 0),
                };
                let (currency, token) = (Some(*currency), Some(*token));
                Some(self.open(key, reference.clone(), *amount, currency, token, held, authorised))
            }
            Action::Burn { key, authorisation_key } => {
                let id = self.open(authorisation_key, None, 0, None, None, Held::Voided, 0);
                self.note(key, OperationKind::Void, id, 0);
                Some(id)
            }
            Action::Capture { key, authorisation, amount } => {
                let entry = self.change(*authorisation)?;
                entry.captured += amount;
                self.note(key, OperationKind::Capture, *authorisation, *amount);
                Some(*authorisation)
            }
            Action::Void { key, authorisation } => {
                let entry = self.change(*authorisation)?;
                if entry.held != Held::Declined {
                    entry.held = Held::Voided;
                }
                self.note(key, OperationKind::Void, *authorisation, 0);
                Some(*authorisation)
            }
            Action::Refund { key, authorisation, amount } => {
                let entry = self.change(*authorisation)?;
                entry.refunded += amount;
                self.note(key, OperationKind::Refund, *authorisation, *amount);
                Some(*authorisation)
            }
            Action::Decide { authorisation, approve } => {
                let entry = self.change(*authorisation)?;
                entry.held = if *approve { Held::Yes } else { Held::Declined };
                entry.authorised = if *approve { entry.amount } else { 0 };
                Some(*authorisation)
            }
        }
    }

    fn target(&self, target: &Target) -> Result<(u64, &Authorisation), LedgerError> {
        let id = match target {
            Target::Id(id) => *id,
            Target::Key(key) => match self.operation(key) {
                Some(Operation { kind: OperationKind::Authorisation, authorisation, .. }) => authorisation,
                _ => return Err(LedgerError::UnknownAuthorisation),
            },
        };
        self.get(id).map(|entry| (id, entry)).ok_or(LedgerError::UnknownAuthorisation)
    }

    fn same(&self, done: &Operation, command: &Command) -> bool {
        let targets = |target: &Target| self.target(target).is_ok_and(|(id, _)| id == done.authorisation);
        match (done.kind, command) {
            (OperationKind::Authorisation, Command::Authorise { amount, currency, token, .. }) => {
                self.get(done.authorisation).is_some_and(|entry| match entry.token {
                    Some(used) => (used, entry.amount, entry.currency) == (*token, *amount, Some(*currency)),
                    None => true, // closed before anything was asked for: whatever comes is answered "voided"
                })
            }
            (OperationKind::Capture, Command::Capture { authorisation, amount })
            | (OperationKind::Refund, Command::Refund { authorisation, amount }) => {
                targets(authorisation) && amount.is_none_or(|amount| amount == done.amount)
            }
            (OperationKind::Void, Command::Void { authorisation }) => targets(authorisation),
            _ => false,
        }
    }

    #[allow(clippy::too_many_arguments)] // the fields of one entry, named at its only two callers
    fn open(
        &mut self,
        key: &Name,
        reference: Option<Name>,
        amount: i64,
        currency: Option<Currency>,
        token: Option<Token>,
        held: Held,
        authorised: i64,
    ) -> u64 {
        let id = self.len();
        let key_of = key.clone();
        let entry = Authorisation {
            key: key_of,
            reference,
            amount,
            currency,
            token,
            authorised,
            captured: 0,
            refunded: 0,
            version: 1,
            held,
        };
        self.authorisations.push(entry);
        self.note(key, OperationKind::Authorisation, id, amount);
        id
    }

    fn change(&mut self, id: u64) -> Option<&mut Authorisation> {
        let entry = self.authorisations.get_mut(usize::try_from(id).ok()?)?;
        entry.version += 1;
        Some(entry)
    }

    fn note(&mut self, key: &Name, kind: OperationKind, authorisation: u64, amount: i64) {
        let key = String::from(key.clone());
        self.operations.insert(hashed(&key), Operation { kind, authorisation, amount });
    }
}

/// Keys are looked up by 128 bits of their SHA-256: a fixed size each, and no two that meet by chance.
fn hashed(key: &str) -> u128 {
    let digest = Sha256::digest(key.as_bytes());
    let mut first = [0u8; 16];
    first.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(first)
}

fn at_most(amount: Option<i64>, left: i64, refusal: LedgerError) -> Result<i64, LedgerError> {
    match amount {
        Some(amount) if amount < 1 => Err(LedgerError::Amount),
        Some(amount) if amount > left => Err(refusal),
        Some(amount) => Ok(amount),
        None if left < 1 => Err(refusal),
        None => Ok(left),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn commands() -> impl Strategy<Value = (String, Command)> {
        let key = (0..12u8).prop_map(|n| format!("key{n}"));
        let target =
            prop_oneof![(0..8u64).prop_map(Target::Id), (0..12u8).prop_map(|n| Target::Key(format!("key{n}")))];
        let amount = prop::option::of(-1..200i64);
        let token = prop::sample::select(Token::ALL.map(|(_, token)| token).to_vec());
        let command = prop_oneof![
            (1..100i64, token).prop_map(|(amount, token)| {
                Command::Authorise { amount, currency: Currency::EUR, token, reference: None }
            }),
            (target.clone(), amount.clone())
                .prop_map(|(authorisation, amount)| Command::Capture { authorisation, amount }),
            target.clone().prop_map(|authorisation| Command::Void { authorisation }),
            (target, amount).prop_map(|(authorisation, amount)| Command::Refund { authorisation, amount }),
        ];
        (key, command)
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_amounts_stay_in_order(asked in prop::collection::vec(commands(), 1..60), approve: bool) {
            let (mut ledger, mut journal) = (Ledger::default(), Vec::new());
            for (key, command) in asked {
                if let Ok(Decision::Do(action)) = ledger.decide(&key, command.clone()) {
                    ledger.apply(&action).unwrap();
                    journal.push(action);
                    let again = ledger.decide(&key, command.clone());
                    prop_assert!(matches!(again, Ok(Decision::Replay(_))), "{key} {command:?}: {again:?}");
                }
                if let Ok(action) = ledger.decide_action(0, approve) {
                    ledger.apply(&action).unwrap();
                    journal.push(action);
                }
                for id in 0..ledger.len() {
                    let entry = ledger.get(id).unwrap();
                    prop_assert!(entry.amount >= entry.authorised || entry.token.is_none());
                    prop_assert!(entry.authorised >= entry.captured, "{entry:?}");
                    prop_assert!(entry.captured >= entry.refunded && entry.refunded >= 0, "{entry:?}");
                    prop_assert!(entry.held != Held::Voided || entry.captured == 0, "{entry:?}");
                }
            }
            let mut again = Ledger::default();
            for action in &journal {
                let line = serde_json::to_string(action).unwrap();
                again.apply(&serde_json::from_str(&line).unwrap()).unwrap();
            }
            prop_assert_eq!(format!("{:?}", again.authorisations), format!("{:?}", ledger.authorisations));
            prop_assert_eq!(again.operations, ledger.operations);
        }
    }
}
