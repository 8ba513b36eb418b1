//! Typed ids. Each aggregate has its own newtype, so that an order id never passes for a cart id.

use std::sync::{Arc, Mutex};

use rand::{Rng, SeedableRng};
use uuid::Uuid;

/// A text that is no UUID was given where an id is expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

/// Source of new ids: random in production, a seeded sequence in simulations.
#[derive(Clone, Default)]
pub struct Ids(Option<Arc<Mutex<rand::rngs::StdRng>>>);

impl Ids {
    /// Ids from the operating system's randomness.
    pub fn random() -> Self {
        Self(None)
    }

    /// The same ids in the same order for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(rand::rngs::StdRng::seed_from_u64(seed)))))
    }

    /// A UUIDv7 (RFC 9562) of the time `at`: sorts by time, so it is kind to B-trees and names a partition by month.
    pub fn v7(&self, at: jiff::Timestamp) -> Uuid {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        let mut bytes = [0u8; 10];
        self.fill(&mut bytes);
        uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    /// 128 random bits as UUIDv4: for ids that are capabilities, where the time must not narrow the guess.
    pub fn v4(&self) -> Uuid {
        let mut bytes = [0u8; 16];
        self.fill(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        match &self.0 {
            Some(seeded) => seeded.lock().expect("no panic while held").fill_bytes(bytes),
            None => rand::rng().fill_bytes(bytes),
        }
    }
}

/// Declares id newtypes over UUID: `souk_kernel::ids! { /// An order. OrderId }`.
#[macro_export]
macro_rules! ids {
    ($( $(#[$doc:meta])* $Name:ident ),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            $crate::hidden::serde::Serialize, $crate::hidden::serde::Deserialize)]
        #[serde(transparent, crate = "souk_kernel::hidden::serde")]
        pub struct $Name(pub $crate::hidden::uuid::Uuid);
        impl $Name {
            /// The bare UUID, for SQL.
            pub const fn uuid(self) -> $crate::hidden::uuid::Uuid { self.0 }
        }
        impl From<$crate::hidden::uuid::Uuid> for $Name { fn from(id: $crate::hidden::uuid::Uuid) -> Self { Self(id) } }
        impl std::fmt::Display for $Name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
        }
        impl std::str::FromStr for $Name {
            type Err = $crate::InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hidden::uuid::Uuid::try_parse(text).map(Self).map_err(|_| $crate::InvalidId)
            }
        }
        impl $crate::hidden::schemars::JsonSchema for $Name {
            fn inline_schema() -> bool { true }
            fn schema_name() -> std::borrow::Cow<'static, str> { stringify!($Name).into() }
            fn json_schema(_: &mut $crate::hidden::schemars::SchemaGenerator) -> $crate::hidden::schemars::Schema {
                $crate::hidden::schemars::json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    )+ };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_ids_and_time_orders_them() {
        let (a, b) = (Ids::seeded(7), Ids::seeded(7));
        let at = jiff::Timestamp::from_second(1_700_000_000).unwrap();
        assert_eq!(a.v7(at), b.v7(at));
        let later = a.v7(at + jiff::SignedDuration::from_millis(1));
        assert!(later > a.v7(at), "a later id sorts later whatever its random part");
        assert_ne!(Ids::random().v4(), Ids::random().v4());
        assert_eq!(later.get_version_num(), 7);
    }
}
