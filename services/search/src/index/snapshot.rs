//! Index snapshot: one state of the index that a search works on from beginning to end, and how the next one is made.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use tantivy::index::SegmentId;
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher};

use super::columns::Columns;
use super::names::{AttributeNames, Names};
use crate::tree::Tree;

/// The index as it was at one commit, with the tree of that time.
pub struct Snapshot {
    /// Tantivy's view.
    pub searcher: Searcher,
    /// Columns, in the order of the searcher's segments.
    pub columns: Vec<Arc<Columns>>,
    /// Numbers of brands.
    pub brands: Arc<Names>,
    /// Numbers of categories, by their ids in text.
    pub categories: Arc<Names>,
    /// Numbers of facet values.
    pub attributes: Arc<AttributeNames>,
    /// The category tree.
    pub tree: Arc<Tree>,
    titles: OnceLock<Vec<Vec<u32>>>,
}

impl Snapshot {
    /// For each segment the rank of each document's title among all titles. Made when first asked for: sorting by title
    /// is rare, and only the segments together know the order.
    pub fn title_ranks(&self) -> tantivy::Result<&[Vec<u32>]> {
        if let Some(ranks) = self.titles.get() {
            return Ok(ranks);
        }
        let ranks = title_ranks(&self.searcher)?;
        Ok(self.titles.get_or_init(|| ranks))
    }

    /// Documents that can be found.
    pub fn products(&self) -> u64 {
        self.searcher.num_docs()
    }
}

fn title_ranks(searcher: &Searcher) -> tantivy::Result<Vec<Vec<u32>>> {
    let mut titles: Vec<(Vec<u8>, usize, usize)> = Vec::new();
    let mut columns = Vec::new();
    for (at, segment) in searcher.segment_readers().iter().enumerate() {
        let column = segment.fast_fields().str("title_key")?;
        if let Some(column) = &column {
            let mut texts = column.dictionary().stream()?;
            let mut ord = 0;
            while texts.advance() {
                titles.push((texts.key().to_vec(), at, ord));
                ord += 1;
            }
        }
        columns.push((column, segment.max_doc()));
    }
    titles.sort_unstable();
    let mut of_ords: Vec<Vec<u32>> =
        columns.iter().map(|(column, _)| vec![0; column.as_ref().map_or(0, |column| column.num_terms())]).collect();
    let mut rank = 0;
    for (n, (title, at, ord)) in titles.iter().enumerate() {
        if n > 0 && titles[n - 1].0 != *title {
            rank += 1;
        }
        of_ords[*at][*ord] = rank;
    }
    let ranks = columns.iter().zip(&of_ords).map(|((column, documents), of_ord)| {
        let rank = |doc| {
            let ord = column.as_ref()?.ords().first(doc)?;
            of_ord.get(usize::try_from(ord).ok()?).copied()
        };
        (0..*documents).map(|doc| rank(doc).unwrap_or(u32::MAX)).collect()
    });
    Ok(ranks.collect())
}

/// Makes snapshots. Searches take the newest without waiting for the next.
pub struct Reader {
    reader: IndexReader,
    making: Mutex<Making>,
    newest: RwLock<Arc<Snapshot>>,
}

/// What is carried from snapshot to snapshot.
#[derive(Default)]
struct Making {
    columns: HashMap<SegmentId, Arc<Columns>>,
    brands: Arc<Names>,
    categories: Arc<Names>,
    attributes: Arc<AttributeNames>,
    tree: Arc<Tree>,
}

impl Reader {
    /// The first snapshot of an index, with an empty tree.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn new(index: &Index) -> tantivy::Result<Self> {
        // No cache of stored blocks: they are not compressed, so reading one again costs the same.
        let reader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).doc_store_cache_num_blocks(0).try_into()?;
        let mut making = Making::default();
        let first = making.snapshot(&reader)?;
        Ok(Self { reader, making: Mutex::new(making), newest: RwLock::new(first) })
    }

    /// The newest state.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.newest.read().clone()
    }

    /// Takes over what was committed or merged since, and `tree` if there is a new one.
    ///
    /// # Errors
    /// When the index cannot be read; searches go on with the state they have.
    pub fn refresh(&self, tree: Option<Arc<Tree>>) -> tantivy::Result<()> {
        let mut making = self.making.lock();
        self.reader.reload()?;
        let known = self.snapshot();
        let same = known.searcher.generation().segments() == self.reader.searcher().generation().segments();
        if same && tree.is_none() {
            return Ok(());
        }
        if let Some(tree) = tree {
            let keys = tree.facet_keys();
            if !making.attributes.has_keys(&keys) {
                making.attributes = Arc::new(AttributeNames::new(keys));
                making.columns.clear();
            }
            making.tree = tree;
        }
        let next = making.snapshot(&self.reader)?;
        *self.newest.write() = next;
        Ok(())
    }
}

impl Making {
    fn snapshot(&mut self, reader: &IndexReader) -> tantivy::Result<Arc<Snapshot>> {
        let searcher = reader.searcher();
        let mut columns = HashMap::new();
        let mut in_order = Vec::new();
        for segment in searcher.segment_readers() {
            let id = segment.segment_id();
            let read = match self.columns.get(&id) {
                Some(known) => known.clone(),
                None => Arc::new(Columns::read(
                    segment,
                    Arc::make_mut(&mut self.brands),
                    Arc::make_mut(&mut self.categories),
                    Arc::make_mut(&mut self.attributes),
                )?),
            };
            columns.insert(id, read.clone());
            in_order.push(read);
        }
        self.columns = columns;
        Ok(Arc::new(Snapshot {
            searcher,
            columns: in_order,
            brands: self.brands.clone(),
            categories: self.categories.clone(),
            attributes: self.attributes.clone(),
            tree: self.tree.clone(),
            titles: OnceLock::new(),
        }))
    }
}
