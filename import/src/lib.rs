//! Import and export of product files. Everything between a merchant's file and the shop: [`Feed`] reads a file as drafts,
//! warnings and refused lines, [`Importer`] carries drafts into catalogue, pricing and inventory through their contracts, [`Shop`]
//! reads a shop back as drafts, and [`export`] writes drafts. Called by `souk import`, `souk export` and the demo shop;
//! emits and consumes nothing. `docs/import.md` is the manual for merchants.

pub mod decimal;
mod draft;
pub mod export;
mod facets;
mod feed;
mod import;
pub mod limits;
mod mend;
pub mod naming;
mod outcome;
mod pictures;
mod shop;
mod suggest;
pub mod text;

pub use decimal::Decimal;
pub use draft::{Defect, NO_CATEGORY, Offer, ProductDraft, picture};
pub use facets::{CategoryFacets, Facet, FacetPlan};
pub use feed::{
    Encoding, Feed, FeedError, Finding, Format, Input, Lines, Mapping, MappingError, Options, Read, RowCounts,
};
pub use import::{ImportOptions, Importer, PictureTally, Tally};
pub use outcome::{Changed, Effect, OfferChange, ProductOutcome, RefusedProduct};
pub use pictures::{Found, PictureFile, PictureFiles, PictureFilesError};
pub use shop::{Export, Shop};
pub use suggest::{Suggestion, suggest};
