//! One render per page at a time: the first who misses makes it, the others wait for the same answer.
//!
//! The render runs in a task of its own, so that a visitor who leaves does not spoil it for the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::cache::Entry;

/// How a render ended, for those who waited.
#[derive(Clone)]
pub(crate) enum Landed {
    /// Everybody may have this.
    Entry(Arc<Entry>),
    /// Not for everybody, or failed: each asks for themselves.
    Alone,
}

type Waiting = watch::Receiver<Option<Landed>>;

/// Renders under way.
#[derive(Clone, Default)]
pub(crate) struct Flights(Arc<Mutex<HashMap<Box<str>, Waiting>>>);

/// The duty to land; dropped without landing (a panic), those who wait are told to go alone.
pub(crate) struct Pilot {
    flights: Flights,
    key: Box<str>,
    sender: watch::Sender<Option<Landed>>,
}

/// One's place on a flight.
pub(crate) enum Boarded {
    Pilot(Pilot),
    Passenger(Waiting),
}

impl Flights {
    pub(crate) fn board(&self, key: &str) -> Boarded {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiting) = flights.get(key) {
            return Boarded::Passenger(waiting.clone());
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(key.into(), receiver);
        Boarded::Pilot(Pilot { flights: self.clone(), key: key.into(), sender })
    }
}

impl Pilot {
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn land(self, landed: Landed) {
        // Off the board first: who comes now must not wait for what is already known.
        self.leave();
        self.sender.send_replace(Some(landed));
    }

    fn leave(&self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl Drop for Pilot {
    fn drop(&mut self) {
        let landed = self.sender.borrow().is_some();
        if !landed {
            self.leave();
        }
    }
}

/// Waits for the landing.
pub(crate) async fn landing(mut waiting: Waiting) -> Landed {
    match waiting.wait_for(Option::is_some).await {
        Ok(landed) => landed.clone().unwrap_or(Landed::Alone),
        Err(_) => Landed::Alone,
    }
}
