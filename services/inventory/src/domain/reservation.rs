//! Reservations of stock: one transaction's balances and holds as locked, commands applied one after the other, and the
//! changes to write back. Deciding here, on locked rows, is what keeps anything from being sold twice.

use std::collections::{BTreeMap, HashMap};

use souk_inventory_api::{AvailabilityChanged, ReservationStatus, Shortage, StockPolicy};
use uuid::Uuid;

/// Units per SKU; sorted, so that locks are taken in one order everywhere.
pub type Lines = BTreeMap<String, i64>;

/// What a caller asks for. Every command is idempotent by its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Hold all lines or none.
    Reserve {
        /// Names the reservation.
        key: Uuid,
        /// Units wanted.
        lines: Lines,
        /// Seconds until the hold expires.
        ttl_seconds: u32,
    },
    /// Make the hold permanent.
    Allocate(Uuid),
    /// Give it back.
    Release(Uuid),
    /// Take its units out of the warehouse.
    Ship(Uuid),
}

impl Command {
    /// The reservation it is about.
    pub fn key(&self) -> Uuid {
        match self {
            Command::Reserve { key, .. } | Command::Allocate(key) | Command::Release(key) | Command::Ship(key) => *key,
        }
    }
}

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReservationError {
    /// At least one line cannot be held; nothing is.
    #[error("not enough in stock")]
    OutOfStock(Vec<Shortage>),
    /// It expired, was released, or never was.
    #[error("the reservation has expired or was released")]
    Gone,
    /// The key is taken by a reservation of other lines.
    #[error("this key already names a reservation of other lines")]
    Differs,
    /// Only an order's own units leave the warehouse.
    #[error("the reservation was not allocated to its order")]
    NotAllocated,
    /// What has left cannot be given back.
    #[error("the order's units have already been shipped")]
    AlreadyShipped,
    /// Nothing is known of the key.
    #[error("no such reservation")]
    Unknown,
    /// A hold names a SKU without a balance: the books are broken.
    #[error("no balance of SKU {0}, which a reservation holds")]
    BalanceMissing(String),
}

/// A balance row under lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Aggregate id of its events.
    pub stock_id: Uuid,
    /// The product it belongs to.
    pub product_id: Uuid,
    /// Units in the warehouse.
    pub on_hand: i64,
    /// Units of them that are held.
    pub reserved: i64,
    /// What happens when they run out.
    pub policy: StockPolicy,
    /// Rises with every change.
    pub version: i64,
}

/// How a SKU is sold now: what its event tells, and pages show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sale {
    /// Not at all.
    SoldOut,
    /// It has to come in first.
    OnBackorder,
    /// It is there, or its units are not counted.
    InStock,
}

impl Balance {
    /// How it is sold.
    pub fn sale(&self) -> Sale {
        match (self.policy, self.on_hand > self.reserved) {
            (StockPolicy::Untracked, _) | (_, true) => Sale::InStock,
            (StockPolicy::Backorder, false) => Sale::OnBackorder,
            (StockPolicy::Deny, false) => Sale::SoldOut,
        }
    }

    /// The event when it is sold otherwise after a change.
    pub fn told(&self, sku: &str, after: &Balance) -> Option<AvailabilityChanged> {
        (after.sale() != self.sale()).then(|| AvailabilityChanged {
            stock_id: self.stock_id,
            product_id: after.product_id,
            sku: sku.to_owned(),
            available: after.sale() != Sale::SoldOut,
            version: self.version + 1,
        })
    }
}

/// A reservation row under lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its state.
    pub status: ReservationStatus,
    /// What it holds.
    pub lines: Lines,
    /// Held, and past its time by the database's clock.
    pub expired: bool,
}

/// A reservation to insert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHold {
    /// Its name.
    pub key: Uuid,
    /// Its state at the end of the batch.
    pub status: ReservationStatus,
    /// What it holds; empty for a barred key.
    pub lines: Lines,
    /// Seconds until it expires.
    pub ttl_seconds: u32,
}

/// What to write back, all of it in the commit that decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// SKU, change of `on_hand`, change of `reserved`; sorted by SKU.
    pub balances: Vec<(String, i64, i64)>,
    /// Reservations that are new.
    pub new_holds: Vec<NewHold>,
    /// Reservations with another state than before.
    pub statuses: Vec<(Uuid, ReservationStatus)>,
    /// Shipped units (SKU, units, reservation), for the ledger.
    pub shipped: Vec<(String, i64, Uuid)>,
    /// SKUs that are sold otherwise than before.
    pub availability_changes: Vec<AvailabilityChanged>,
}

impl Changes {
    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.balances.is_empty() && self.new_holds.is_empty() && self.statuses.is_empty()
    }
}

struct Account {
    before: Balance,
    on_hand: i64,
    reserved: i64,
}

struct TrackedHold {
    hold: Hold,
    /// State in the database; none for a new one.
    stored: Option<ReservationStatus>,
    ttl_seconds: u32,
}

/// Balances and holds of one transaction.
pub struct StockTransaction {
    accounts: BTreeMap<String, Account>,
    entries: HashMap<Uuid, TrackedHold>,
    /// Keys in the order they were first written, so that equal input gives equal output.
    touched: Vec<Uuid>,
    shipped: Vec<(String, i64, Uuid)>,
}

impl StockTransaction {
    /// On locked rows. Holds that have expired are given back at once.
    pub fn open(
        balances: impl IntoIterator<Item = (String, Balance)>,
        holds: impl IntoIterator<Item = (Uuid, Hold)>,
    ) -> Result<Self, ReservationError> {
        let account = |before: Balance| Account { on_hand: before.on_hand, reserved: before.reserved, before };
        let accounts = balances.into_iter().map(|(sku, balance)| (sku, account(balance))).collect();
        let mut transaction =
            StockTransaction { accounts, entries: HashMap::new(), touched: Vec::new(), shipped: Vec::new() };
        let mut expired = Vec::new();
        for (key, hold) in holds {
            if hold.expired {
                expired.push(key);
            }
            transaction.entries.insert(key, TrackedHold { stored: Some(hold.status), hold, ttl_seconds: 0 });
        }
        for key in expired {
            transaction.give_back(key)?;
        }
        Ok(transaction)
    }

    /// Applies one command; a refused one changes nothing.
    pub fn apply(&mut self, command: &Command) -> Result<ReservationStatus, ReservationError> {
        match command {
            Command::Reserve { key, lines, ttl_seconds } => self.reserve(*key, lines, *ttl_seconds),
            Command::Allocate(key) => self.allocate(*key),
            Command::Release(key) => self.release(*key),
            Command::Ship(key) => self.ship(*key),
        }
    }

    fn reserve(&mut self, key: Uuid, lines: &Lines, ttl_seconds: u32) -> Result<ReservationStatus, ReservationError> {
        if let Some(entry) = self.entries.get(&key) {
            return match entry.hold.status {
                ReservationStatus::Released => Err(ReservationError::Gone),
                status if entry.hold.lines == *lines => Ok(status),
                _ => Err(ReservationError::Differs),
            };
        }
        let free = |sku: &str| match self.accounts.get(sku) {
            Some(account) if !account.before.policy.is_limited() => i64::MAX,
            Some(account) => account.on_hand - account.reserved,
            None => 0,
        };
        let shortages: Vec<Shortage> = lines
            .iter()
            .map(|(sku, wanted)| (sku, *wanted, free(sku)))
            .filter(|(_, wanted, available)| wanted > available)
            .map(|(sku, wanted, available)| Shortage {
                sku: sku.clone(),
                wanted: u32::try_from(wanted).unwrap_or(u32::MAX),
                available: available.max(0),
            })
            .collect();
        if !shortages.is_empty() {
            return Err(ReservationError::OutOfStock(shortages));
        }
        for (sku, wanted) in lines {
            if let Some(account) = self.accounts.get_mut(sku) {
                account.reserved += wanted;
            }
        }
        self.add(key, ReservationStatus::Held, lines.clone(), ttl_seconds);
        Ok(ReservationStatus::Held)
    }

    fn allocate(&mut self, key: Uuid) -> Result<ReservationStatus, ReservationError> {
        let Some(entry) = self.entries.get(&key) else { return Err(ReservationError::Gone) };
        match entry.hold.status {
            ReservationStatus::Held => Ok(self.set(key, ReservationStatus::Allocated)),
            ReservationStatus::Released => Err(ReservationError::Gone),
            done @ (ReservationStatus::Allocated | ReservationStatus::Shipped) => Ok(done),
        }
    }

    fn release(&mut self, key: Uuid) -> Result<ReservationStatus, ReservationError> {
        let Some(entry) = self.entries.get(&key) else {
            self.add(key, ReservationStatus::Released, Lines::new(), 0);
            return Ok(ReservationStatus::Released);
        };
        match entry.hold.status {
            ReservationStatus::Held | ReservationStatus::Allocated => self.give_back(key),
            ReservationStatus::Released => Ok(ReservationStatus::Released),
            ReservationStatus::Shipped => Err(ReservationError::AlreadyShipped),
        }
    }

    fn ship(&mut self, key: Uuid) -> Result<ReservationStatus, ReservationError> {
        let Some(entry) = self.entries.get(&key) else { return Err(ReservationError::Unknown) };
        match entry.hold.status {
            ReservationStatus::Allocated => {}
            ReservationStatus::Shipped => return Ok(ReservationStatus::Shipped),
            ReservationStatus::Held => return Err(ReservationError::NotAllocated),
            ReservationStatus::Released => return Err(ReservationError::Gone),
        }
        let lines = entry.hold.lines.clone();
        self.all_known(&lines)?;
        for (sku, units) in lines {
            if let Some(account) = self.accounts.get_mut(&sku) {
                account.on_hand -= units;
                account.reserved -= units;
            }
            self.shipped.push((sku, units, key));
        }
        Ok(self.set(key, ReservationStatus::Shipped))
    }

    fn give_back(&mut self, key: Uuid) -> Result<ReservationStatus, ReservationError> {
        let Some(entry) = self.entries.get(&key) else { return Err(ReservationError::Unknown) };
        let lines = entry.hold.lines.clone();
        self.all_known(&lines)?;
        for (sku, units) in lines {
            if let Some(account) = self.accounts.get_mut(&sku) {
                account.reserved -= units;
            }
        }
        Ok(self.set(key, ReservationStatus::Released))
    }

    fn all_known(&self, lines: &Lines) -> Result<(), ReservationError> {
        match lines.keys().find(|sku| !self.accounts.contains_key(*sku)) {
            Some(sku) => Err(ReservationError::BalanceMissing(sku.clone())),
            None => Ok(()),
        }
    }

    fn add(&mut self, key: Uuid, status: ReservationStatus, lines: Lines, ttl_seconds: u32) {
        let hold = Hold { status, lines, expired: false };
        self.entries.insert(key, TrackedHold { hold, stored: None, ttl_seconds });
        self.touched.push(key);
    }

    fn set(&mut self, key: Uuid, status: ReservationStatus) -> ReservationStatus {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.hold.status = status;
            self.touched.push(key);
        }
        status
    }

    /// What has to be written.
    pub fn close(mut self) -> Changes {
        let mut changes = Changes { shipped: self.shipped, ..Changes::default() };
        for (sku, account) in self.accounts {
            let Account { before, on_hand, reserved } = account;
            let after = Balance { on_hand, reserved, ..before.clone() };
            let (on_hand, reserved) = (on_hand - before.on_hand, reserved - before.reserved);
            if on_hand == 0 && reserved == 0 {
                continue;
            }
            changes.availability_changes.extend(before.told(&sku, &after));
            changes.balances.push((sku, on_hand, reserved));
        }
        for key in self.touched {
            // Touched twice, written once: as it is at the end.
            let Some(entry) = self.entries.remove(&key) else { continue };
            match entry.stored {
                None => changes.new_holds.push(NewHold {
                    key,
                    status: entry.hold.status,
                    lines: entry.hold.lines,
                    ttl_seconds: entry.ttl_seconds,
                }),
                Some(stored) if stored != entry.hold.status => changes.statuses.push((key, entry.hold.status)),
                Some(_) => {}
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests;
