//! Embedded search index, on disk and in memory: its fields, its documents, its directory, the columns searches count over.

mod columns;
mod document;
mod names;
mod schema;
mod snapshot;
mod storage;
mod writer;

pub use columns::Columns;
pub use document::{Document, SearchableProduct, attribute_term, split_term};
pub use names::AttributeNames;
pub use schema::{fields, format};
pub use snapshot::{Reader, Snapshot};
pub use storage::{Payload, Storage};
pub use writer::Writer;
