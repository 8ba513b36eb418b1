//! Owns: product feeds. Everything `souk import products` needs before it calls a service, and what
//! `souk export products` writes. Pure: no async, no SQL, no clock; calls nothing, emits nothing, consumes nothing.

pub mod decimal;
pub mod draft;
pub mod limits;
pub mod text;

pub use decimal::Decimal;
pub use draft::{
    AttributeDraft, AttributeValue, DEFAULT_STOCK, Defect, DraftStatus, MediaDraft, OptionDraft, ProductDraft,
    VariantDraft,
};
