//! Owns: product feeds. Everything `souk import products` needs before it calls a service, and what
//! `souk export products` writes. Pure: no async, no SQL, no clock; calls nothing, emits nothing, consumes nothing.
//!
//! [`Feed::open`] reads a file as drafts and refusals, [`FacetPlan`] chooses facets from the drafts that pass, and
//! [`export`] writes drafts. `docs/import.md` is the manual for merchants.

mod assemble;
mod book;
mod csv;
pub mod decimal;
pub mod draft;
pub mod export;
mod facets;
mod feed;
mod fields;
mod input;
mod json;
pub mod limits;
mod mapping;
pub mod naming;
mod own;
mod record;
mod refusal;
mod rows;
pub mod text;

pub use decimal::Decimal;
pub use draft::{
    AttributeDraft, AttributeValue, DEFAULT_STOCK, Defect, DraftStatus, MediaDraft, OptionDraft, ProductDraft,
    VariantDraft,
};
pub use facets::{CategoryFacets, Facet, FacetPlan};
pub use feed::{Feed, Options};
pub use input::Input;
pub use mapping::Mapping;
pub use refusal::{FeedError, MappingError, Refusal};
pub use rows::Format;
