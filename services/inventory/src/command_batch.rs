//! Group commit of commands on stock: a batch of many callers is one transaction. The fourth hop between route and SQL,
//! because callers, the event consumer and the schedule all end here.

use std::collections::BTreeSet;

use souk_db::{Db, DbError, Tx};
use souk_flow::Outbox;
use souk_inventory_api::{Reservation, ReservationStatus};
use souk_kernel::Problem;
use uuid::Uuid;

use crate::domain::{Changes, Command, Hold, ReservationError, StockTransaction};
use crate::store;

/// Commands of one transaction: enough to share a commit among all who wait for one, few enough to hold the locks for
/// some milliseconds only.
pub const MAX_COMBINED: usize = 512;
/// Tries of a batch that lost a race; each loss means that another batch got on.
const MAX_TRIES: usize = 5;
/// Expired holds given back in one transaction on the way of a reservation; with more, it tries again.
const MAX_RECLAIMED: i64 = 500;

type Outcome = Result<ReservationStatus, ReservationError>;

/// Executes batches of commands in inventory's own database.
#[derive(Clone)]
pub struct CommandBatch {
    db: Db,
    outbox: Outbox,
}

impl CommandBatch {
    /// On `db`.
    pub fn new(db: &Db) -> Self {
        Self { db: db.clone(), outbox: Outbox::new(db) }
    }

    /// One result per command, in order, or why none of them could be written.
    pub async fn execute(&self, commands: &[Command]) -> Result<Vec<Result<Reservation, Problem>>, Problem> {
        let outcomes = self.retry(commands).await?;
        let reservation = |(command, outcome): (&Command, Outcome)| {
            let status = outcome?;
            Ok(Reservation { key: command.key(), status })
        };
        Ok(commands.iter().zip(outcomes).map(reservation).collect())
    }

    /// Runs a batch until it is decided: again after a lost race, and again for those who met a shortage while there
    /// were more expired holds than one transaction gives back. Commands are idempotent, so an unknown commit is
    /// simply tried again.
    async fn retry(&self, commands: &[Command]) -> Result<Vec<Outcome>, Problem> {
        let mut decided: Vec<Option<Outcome>> = vec![None; commands.len()];
        let mut open: Vec<usize> = (0..commands.len()).collect();
        let mut tries = 0;
        while !open.is_empty() {
            let batch: Vec<&Command> = open.iter().map(|at| &commands[*at]).collect();
            let (outcomes, more_expired) = match self.transact(&batch).await {
                Ok(done) => done,
                Err(error) if tries < MAX_TRIES && may_be_repeated(&error) => {
                    tries += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let mut again = Vec::new();
            for (at, outcome) in open.into_iter().zip(outcomes) {
                if more_expired && matches!(outcome, Err(ReservationError::OutOfStock(_))) {
                    again.push(at);
                }
                decided[at] = Some(outcome);
            }
            open = again;
        }
        Ok(decided.into_iter().flatten().collect())
    }

    /// One transaction; the flag says that more expired holds may be left than it gave back.
    async fn transact(&self, commands: &[&Command]) -> Result<(Vec<Outcome>, bool), DbError> {
        let tx = self.db.begin().await?;
        let max_expired = if commands.iter().any(|c| matches!(c, Command::Reserve { .. })) { MAX_RECLAIMED } else { 0 };
        let (outcomes, changes, reclaimed) = decide(&tx, commands, max_expired).await?;
        let told = self.write(&tx, &changes).await?;
        tx.commit().await?;
        if told {
            self.outbox.wake();
        }
        Ok((outcomes, max_expired > 0 && reclaimed >= max_expired))
    }

    /// Executes commands inside the transaction of an event consumer. A command that is refused fails them all.
    pub async fn execute_in(&self, tx: &Tx, commands: &[Command]) -> Result<(), Problem> {
        let commands: Vec<&Command> = commands.iter().collect();
        let (outcomes, changes, _) = decide(tx, &commands, 0).await?;
        for outcome in outcomes {
            outcome?;
        }
        self.write(tx, &changes).await?;
        Ok(())
    }

    /// Gives back at most `limit` expired holds in one transaction; how many there were.
    pub async fn reclaim(&self, limit: i64) -> Result<usize, Problem> {
        let tx = self.db.begin().await?;
        let expired = store::lock_expired(&tx, limit).await?;
        let count = expired.len();
        if count == 0 {
            return Ok(0);
        }
        let skus: BTreeSet<&str> = expired.iter().flat_map(|(_, hold)| hold.lines.keys()).map(String::as_str).collect();
        let balances = store::lock_stock(&tx, &Vec::from_iter(skus)).await?;
        let changes = StockTransaction::open(balances, expired)?.close();
        let told = self.write(&tx, &changes).await?;
        tx.commit().await?;
        if told {
            self.outbox.wake();
        }
        Ok(count)
    }

    /// True when there is something to tell the readers of events after the commit.
    async fn write(&self, tx: &Tx, changes: &Changes) -> Result<bool, DbError> {
        if changes.is_empty() {
            return Ok(false);
        }
        if !store::write(tx, changes).await? {
            return Err(DbError::Serialization("another process made one of these reservations first".into()));
        }
        self.outbox.push_all(tx, &changes.availability_changes).await?;
        Ok(!changes.availability_changes.is_empty())
    }
}

/// Locks what the commands touch and decides them; also how many expired holds of others were given back.
async fn decide(tx: &Tx, commands: &[&Command], max_expired: i64) -> Result<(Vec<Outcome>, Changes, i64), DbError> {
    let keys: Vec<Uuid> = BTreeSet::from_iter(commands.iter().map(|command| command.key())).into_iter().collect();
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    // Reservations whose balances change, or may.
    let mut moving: BTreeSet<Uuid> = BTreeSet::new();
    for command in commands {
        match command {
            Command::Reserve { lines, .. } => wanted.extend(lines.keys().map(String::as_str)),
            Command::Release(key) | Command::Ship(key) => drop(moving.insert(*key)),
            Command::Allocate(_) => {}
        }
    }
    let reserved: Vec<&str> = wanted.iter().copied().collect();
    let holds = store::lock_reservations(tx, &keys, &reserved, max_expired).await?;
    let known: BTreeSet<Uuid> = keys.iter().copied().collect();
    let reclaimed = holds.iter().filter(|(key, _)| !known.contains(key)).count();
    let touched = holds.iter().filter(|(key, hold)| hold.expired || moving.contains(key));
    wanted.extend(touched.flat_map(|(_, hold): &(Uuid, Hold)| hold.lines.keys()).map(String::as_str));
    let balances = match wanted.is_empty() {
        true => Vec::new(),
        false => store::lock_stock(tx, &Vec::from_iter(wanted)).await?,
    };
    let mut transaction =
        StockTransaction::open(balances, holds).map_err(|error| DbError::RowMissing(error.to_string()))?;
    let outcomes = commands.iter().map(|command| transaction.apply(command)).collect();
    Ok((outcomes, transaction.close(), i64::try_from(reclaimed).unwrap_or(i64::MAX)))
}

fn may_be_repeated(error: &DbError) -> bool {
    error.is_retryable() || matches!(error, DbError::OutcomeUnknown(_))
}

impl From<ReservationError> for Problem {
    fn from(error: ReservationError) -> Problem {
        let text = error.to_string();
        match error {
            ReservationError::OutOfStock(shortages) => Problem::conflict("out_of_stock", text).with_data(shortages),
            ReservationError::Gone => Problem::conflict("reservation_gone", text),
            ReservationError::Differs => Problem::conflict("reservation_differs", text),
            ReservationError::NotAllocated => Problem::conflict("reservation_not_allocated", text),
            ReservationError::AlreadyShipped => Problem::conflict("reservation_shipped", text),
            ReservationError::Unknown => Problem::not_found("reservation"),
            ReservationError::BalanceMissing(_) => Problem::internal(text),
        }
    }
}
