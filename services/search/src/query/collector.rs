//! Collector of a search, in one pass over its matches: each is held against the filters, ranked, and counted for the facets.
//! Everything it counts into is kept by the thread and used again.

use std::cell::RefCell;

use souk_search_api::{SearchRequest, Sort};
use tantivy::query::Weight;
use tantivy::{DocAddress, SegmentReader};

use super::SearchError;
use super::facets::Counts;
use super::filter::{Fails, Filter, Filters};
use super::query_parser::Text;
use super::top_k::{Ranked, TopK};
use crate::index::{Columns, Snapshot};

/// What a thread keeps between searches.
#[derive(Default)]
pub(super) struct Scratch {
    counts: Counts,
    ranked: Vec<Ranked>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs a search with the thread's own arrays, cleared.
pub(super) fn with_scratch<T>(snapshot: &Snapshot, search: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.counts.clear(snapshot);
        search(scratch)
    })
}

/// How matches are ranked.
enum Order<'a> {
    Score,
    Newest,
    PriceAsc,
    PriceDesc,
    Title(&'a [Vec<u32>]),
}

/// A search under way.
pub(super) struct Collector<'a> {
    snapshot: &'a Snapshot,
    filters: &'a Filters,
    order: Order<'a>,
    counting: bool,
    counts: &'a mut Counts,
    buffer: &'a mut Vec<Ranked>,
    top: TopK,
    total: u64,
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        request: &SearchRequest,
        filters: &'a Filters,
        scratch: &'a mut Scratch,
    ) -> Result<Self, SearchError> {
        let order = match request.sort {
            Sort::Relevance => Order::Score,
            Sort::Newest => Order::Newest,
            Sort::PriceAsc => Order::PriceAsc,
            Sort::PriceDesc => Order::PriceDesc,
            Sort::Title => Order::Title(snapshot.title_ranks()?),
        };
        let Scratch { counts, ranked } = scratch;
        let top = TopK::new((request.offset + request.limit) as usize, std::mem::take(ranked));
        Ok(Self { snapshot, filters, order, counting: request.facets, counts, buffer: ranked, top, total: 0 })
    }

    /// Goes over all matches. True when nothing had every word and what has most of them was taken.
    pub(super) fn run(&mut self, text: &Text) -> Result<bool, SearchError> {
        match text {
            Text::Nothing => Ok(false),
            Text::All => {
                self.everything();
                Ok(false)
            }
            Text::Words { all, each, .. } => {
                let matched = self.matching(all.as_ref())?;
                if matched || each.is_empty() {
                    return Ok(false);
                }
                self.best_partial(each)?;
                Ok(true)
            }
        }
    }

    fn everything(&mut self) {
        for (at, segment) in self.segments() {
            let columns = self.snapshot.columns[at as usize].clone();
            for doc in 0..columns.len() {
                if !segment.is_deleted(doc) {
                    self.take(&columns, at, doc, 0.0);
                }
            }
        }
    }

    /// True when anything matched, before filters.
    fn matching(&mut self, weight: &dyn Weight) -> Result<bool, SearchError> {
        let mut matched = false;
        for (at, segment) in self.segments() {
            let columns = self.snapshot.columns[at as usize].clone();
            let alive = segment.alive_bitset();
            weight.for_each(segment, &mut |doc, score| {
                if alive.is_none_or(|alive| alive.is_alive(doc)) {
                    matched = true;
                    self.take(&columns, at, doc, score);
                }
            })?;
        }
        Ok(matched)
    }

    /// Takes what has the most words, ranked among each other as always.
    fn best_partial(&mut self, each: &[Box<dyn Weight>]) -> Result<(), SearchError> {
        let mut found: Vec<(u32, u32, u8, f32)> = Vec::new();
        let mut best = 0;
        for (at, segment) in self.segments() {
            let mut words = vec![(0u8, 0f32); segment.max_doc() as usize];
            for weight in each {
                weight.for_each(segment, &mut |doc, score| {
                    if let Some((count, sum)) = words.get_mut(doc as usize) {
                        *count += 1;
                        *sum += score;
                    }
                })?;
            }
            for (doc, (count, score)) in (0u32..).zip(words) {
                if count > 0 && count >= best && !segment.is_deleted(doc) {
                    best = count;
                    found.push((at, doc, count, score));
                }
            }
        }
        for (at, doc, count, score) in found {
            if count == best {
                let columns = self.snapshot.columns[at as usize].clone();
                self.take(&columns, at, doc, score);
            }
        }
        Ok(())
    }

    fn segments(&self) -> impl Iterator<Item = (u32, &'a SegmentReader)> + use<'a> {
        (0u32..).zip(self.snapshot.searcher.segment_readers())
    }

    fn take(&mut self, columns: &Columns, segment: u32, doc: u32, score: f32) {
        match self.filters.fails(columns, doc) {
            Fails::Nothing => {
                self.total += 1;
                self.top.push(self.rank(columns, segment, doc, score));
                if self.counting {
                    self.counts.count(columns, doc);
                }
            }
            Fails::Only(filter) if self.counting => self.counts.count_only(columns, doc, filter),
            Fails::Only(_) | Fails::Several => {}
        }
    }

    fn rank(&self, columns: &Columns, segment: u32, doc: u32, score: f32) -> Ranked {
        let at = doc as usize;
        let newest = columns.newest[at];
        let key = match self.order {
            // Bits of floats that are not negative are ordered as they are.
            Order::Score => u64::from(score.max(0.0).to_bits()),
            Order::Newest => newest,
            Order::PriceAsc => !columns.price[at],
            Order::PriceDesc => columns.price[at],
            Order::Title(ranks) => !u64::from(ranks[segment as usize][at]),
        };
        Ranked::new(key, newest, segment, doc)
    }

    /// Matches.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Counts of the facets.
    pub(super) fn counts(&self) -> &Counts {
        self.counts
    }

    /// Places of the hits of a page, best first.
    pub(super) fn page(&mut self, offset: usize, limit: usize) -> Vec<DocAddress> {
        let best = self.top.sorted();
        let page = best.iter().skip(offset).take(limit);
        page.map(|ranked| DocAddress::new(ranked.segment(), ranked.doc())).collect()
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        // The next search of this thread uses the buffer again.
        *self.buffer = std::mem::replace(&mut self.top, TopK::new(0, Vec::new())).into_buffer();
    }
}

impl Counts {
    fn count(&mut self, columns: &Columns, doc: u32) {
        let at = doc as usize;
        self.category(columns.category[at]);
        self.brand(columns.brand[at]);
        self.price(columns.price[at]);
        self.available(columns.available[at]);
        for value in columns.values(doc) {
            self.value(*value);
        }
    }

    /// Counts a product for the facet of the one filter it fails.
    fn count_only(&mut self, columns: &Columns, doc: u32, filter: Filter) {
        let at = doc as usize;
        match filter {
            Filter::Category => self.category(columns.category[at]),
            Filter::Brand => self.brand(columns.brand[at]),
            Filter::Price => self.price(columns.price[at]),
            Filter::Available => self.available(columns.available[at]),
            Filter::Attribute(key) => self.values_of(columns.values(doc), key),
        }
    }
}
