//! Trait of domain events: a fact with a type, a version in its name, and the aggregate it is about.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A fact that a service publishes. Declared in the owner's api crate; fields are only ever added.
pub trait Event: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Type and version, `order.placed.v1`.
    const TYPE: &'static str;

    /// The aggregate it is about: events of one aggregate are seen in order.
    fn aggregate(&self) -> Uuid;

    /// The aggregate's version after the fact; with the aggregate and the type it is unique.
    fn version(&self) -> i64;
}
