//! The prepared statements of one connection, by their text.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use parking_lot::Mutex;
use tokio_postgres::Statement;

/// Statement text by how long it lives, which decides how it is found again.
#[derive(Clone, Copy)]
pub(crate) enum Sql<'a> {
    /// Found by address: a static never moves, so comparing its characters would be wasted.
    Static(&'static str),
    /// Found by content, in a bounded cache.
    Dynamic(&'a str),
}

impl<'a> Sql<'a> {
    pub(crate) fn text(self) -> &'a str {
        match self {
            Sql::Static(text) => text,
            Sql::Dynamic(text) => text,
        }
    }
}

/// Built statements kept per connection. They come from few shapes (lists of columns, sort orders); when there are
/// more, something builds values into its text, and forgetting all is the safe answer.
const MAX_DYNAMIC_STATEMENTS: usize = 128;

#[derive(Default)]
pub(crate) struct StatementCache {
    statics: Mutex<HashMap<(usize, usize), Statement, BuildHasherDefault<AddressHasher>>>,
    dynamic: Mutex<HashMap<Box<str>, Statement>>,
}

impl StatementCache {
    pub(crate) fn get(&self, sql: Sql<'_>) -> Option<Statement> {
        match sql {
            Sql::Static(text) => self.statics.lock().get(&address(text)).cloned(),
            Sql::Dynamic(text) => self.dynamic.lock().get(text).cloned(),
        }
    }

    pub(crate) fn insert(&self, sql: Sql<'_>, statement: &Statement) {
        match sql {
            Sql::Static(text) => {
                self.statics.lock().insert(address(text), statement.clone());
            }
            Sql::Dynamic(text) => {
                let mut cache = self.dynamic.lock();
                if cache.len() >= MAX_DYNAMIC_STATEMENTS {
                    cache.clear();
                }
                cache.insert(text.into(), statement.clone());
            }
        }
    }

    pub(crate) fn remove(&self, sql: Sql<'_>) {
        match sql {
            Sql::Static(text) => drop(self.statics.lock().remove(&address(text))),
            Sql::Dynamic(text) => drop(self.dynamic.lock().remove(text)),
        }
    }
}

fn address(text: &'static str) -> (usize, usize) {
    (text.as_ptr() as usize, text.len())
}

/// Spreads addresses: one multiplication instead of SipHash, as no outsider chooses these keys.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte));
        }
    }

    fn write_usize(&mut self, value: usize) {
        // 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4).
        self.0 = (self.0.rotate_left(5) ^ value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
