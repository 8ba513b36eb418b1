//! Integration tests of reader and writer: small files of the shape of real catalogues (always), the real ones (when they
//! lie beside the checkout), damaged files, and the way out and in again.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say where

mod catalogues;
mod damage;
mod facets;
mod round_trip;
mod samples;

use souk_catalog_api::ProductInput;
use souk_import::{Feed, FeedError, Input, Mapping, Options, ProductDraft, RefusedLines};

/// What became of a file.
struct Read {
    drafts: Vec<ProductDraft>,
    refusals: Vec<RefusedLines>,
    skipped: u64,
}

impl Read {
    /// Line and code of each refusal.
    fn refused(&self) -> Vec<(u64, &'static str)> {
        self.refusals.iter().map(|refusal| (refusal.line, refusal.code)).collect()
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

fn open(input: &Input, mapping: Option<&str>, currency: Option<&str>) -> Result<Feed, FeedError> {
    let mapping = mapping.map(|m| Mapping::built_in(m).unwrap_or_else(|| m.parse().unwrap()));
    Feed::open(input, Options { mapping, currency: currency.map(|code| code.parse().unwrap()) })
}

/// Reads a file by a built-in mapping or the text of one.
fn read(input: &Input, mapping: Option<&str>, currency: Option<&str>) -> Read {
    let mut feed = open(input, mapping, currency).unwrap();
    let (mut drafts, mut refusals) = (Vec::new(), Vec::new());
    for item in feed.by_ref() {
        match item {
            Ok(draft) => drafts.push(draft),
            Err(refusal) => refusals.push(refusal),
        }
    }
    for draft in &drafts {
        draft.check().expect("the reader lets only valid drafts pass");
    }
    assert_eq!(feed.bytes(), input.size().unwrap(), "the progress bar reaches its end");
    Read { drafts, refusals, skipped: feed.skipped() }
}
