//! Integration tests of reader and writer: small files of the shape of real catalogues (always), the real ones (when they
//! lie beside the checkout), damaged files, and the way out and in again.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say where

mod catalogues;
mod damage;
mod details;
mod facets;
mod messy_bytes;
mod messy_files;
mod messy_products;
mod pictures;
mod platforms;
mod round_trip;
mod samples;
mod suggest;
mod workbooks;

use std::sync::Arc;

use souk_catalog_api::ProductInput;
use souk_import::{Feed, FeedError, Finding, Input, Mapping, Options, PictureFiles, ProductDraft, Read, RowCounts};

/// What became of a file.
struct Content {
    drafts: Vec<ProductDraft>,
    refusals: Vec<Finding>,
    warnings: Vec<Finding>,
    counts: RowCounts,
}

impl Content {
    /// Line and code of each refusal.
    fn refused(&self) -> Vec<(u64, &'static str)> {
        self.refusals.iter().map(|refusal| (refusal.line, refusal.code)).collect()
    }

    /// Line and code of each warning.
    fn warned(&self) -> Vec<(u64, &'static str)> {
        self.warnings.iter().map(|warning| (warning.line, warning.code)).collect()
    }

    /// The draft with this external id.
    fn draft(&self, id: &str) -> &ProductDraft {
        self.drafts.iter().find(|draft| draft.product.external_id == id).unwrap_or_else(|| panic!("no draft {id}"))
    }

    /// What the catalogue gets of it.
    fn product(&self, id: &str) -> &ProductInput {
        &self.draft(id).product
    }

    /// The ids, in their order.
    fn ids(&self) -> Vec<&str> {
        self.drafts.iter().map(|draft| draft.product.external_id.as_str()).collect()
    }
}

/// Drafts as an export knows them: what new variants start with is the mapping's, and no part of it.
fn as_exported(drafts: &[ProductDraft]) -> Vec<ProductDraft> {
    let mut drafts = drafts.to_vec();
    drafts.iter_mut().flat_map(|draft| &mut draft.offers).for_each(|offer| offer.default_stock = 0);
    drafts
}

fn open(input: &Input, mapping: Option<&str>, currency: Option<&str>) -> Result<Feed, FeedError> {
    open_with(input, mapping, currency, None)
}

fn open_with(
    input: &Input,
    mapping: Option<&str>,
    currency: Option<&str>,
    pictures: Option<Arc<PictureFiles>>,
) -> Result<Feed, FeedError> {
    let mapping = mapping.map(|m| Mapping::built_in(m).unwrap_or_else(|| m.parse().unwrap()));
    let currency = currency.map(|code| code.parse().unwrap());
    Feed::open(input, Options { mapping, currency, pictures, ..Options::default() })
}

/// Reads a file by a built-in mapping or the text of one.
fn read(input: &Input, mapping: Option<&str>, currency: Option<&str>) -> Content {
    read_with(input, mapping, currency, None)
}

/// The same, with pictures beside it.
fn read_with(
    input: &Input,
    mapping: Option<&str>,
    currency: Option<&str>,
    pictures: Option<Arc<PictureFiles>>,
) -> Content {
    let mut feed = open_with(input, mapping, currency, pictures).unwrap();
    let (mut drafts, mut refusals, mut warnings, mut left_out) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for item in feed.by_ref() {
        match item {
            Read::Product(draft, _) => drafts.push(*draft),
            Read::Refused(refusal) => refusals.push(refusal),
            Read::Warning(warning) => warnings.push(warning),
            Read::LeftOut(_) => left_out += 1,
        }
    }
    for draft in &drafts {
        draft.check().expect("the reader lets only valid drafts pass");
    }
    assert_eq!(feed.bytes(), input.size().unwrap(), "the progress bar reaches its end");
    let counts = feed.counts();
    assert_eq!(counts.read, counts.taken + counts.refused + counts.left_out, "each row is counted once: {counts:?}");
    assert_eq!(counts.left_out, left_out);
    Content { drafts, refusals, warnings, counts }
}
