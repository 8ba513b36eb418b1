//! Index writer. The writer's memory is held only while there is something to write.

use std::time::{Duration, Instant};

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{Index, IndexWriter, TantivyDocument, Term};
use uuid::Uuid;

use super::schema::fields;
use super::storage::Payload;

/// Bytes of terms gathered before a segment is written: every search looks at all segments, and a text has some more terms than
/// words.
const HEAP: usize = 48 * 1024 * 1024;
/// After this long without a write its memory and threads are given back.
const IDLE: Duration = Duration::from_secs(20);
/// Segments that are merged into one: every search looks at all of them.
const MERGE_SEGMENTS: usize = 4;
/// Documents below which segments count as equally small.
const SMALL_SEGMENT: u32 = 1_000;
/// Factor between sizes of segments that are merged with each other, as a power of two.
const LAYER: f64 = 2.0;
/// Share of deleted documents from which on a segment is rewritten.
const DELETED: f32 = 0.3;
/// More segments than this are merged into one when nothing else is to do.
const IDLE_SEGMENTS: usize = 2;
/// Documents up to which that is done: a larger index would be rewritten for minutes.
const IDLE_MERGE_DOCUMENTS: u32 = 300_000;

/// The one writer of an index.
pub struct Writer {
    index: Index,
    open: Option<IndexWriter>,
    used: Instant,
}

impl Writer {
    /// A writer that holds nothing yet.
    pub fn new(index: Index) -> Self {
        Self { index, open: None, used: Instant::now() }
    }

    /// Replaces the document of a product, or removes it.
    ///
    /// # Errors
    /// When the index cannot be written; nothing since the last commit is then certain.
    pub fn put(&mut self, product: Uuid, document: Option<TantivyDocument>) -> tantivy::Result<()> {
        let writer = self.open()?;
        writer.delete_term(Term::from_field_bytes(fields().1.id, product.as_bytes()));
        if let Some(document) = document {
            writer.add_document(document)?;
        }
        Ok(())
    }

    /// Removes everything.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn clear(&mut self) -> tantivy::Result<()> {
        self.open()?.delete_all_documents().map(drop)
    }

    /// Makes what was put durable and searchable, together with what it reflects.
    ///
    /// # Errors
    /// When the index cannot be written; the commit before this one stands.
    pub fn commit(&mut self, payload: &Payload) -> tantivy::Result<()> {
        let payload = serde_json::to_string(payload)
            .map_err(|error| tantivy::TantivyError::InvalidArgument(format!("payload: {error}")))?;
        let mut prepared = self.open()?.prepare_commit()?;
        prepared.set_payload(&payload);
        prepared.commit().map(drop)
    }

    /// Forgets what was put since the last commit, after an error. The next use begins with a new writer.
    pub fn abandon(&mut self) {
        self.open = None;
    }

    /// True while memory is held.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Called when there is nothing to write: after a while merges what is scattered and gives memory back.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn rest(&mut self) -> tantivy::Result<()> {
        if self.open.is_none() || self.used.elapsed() < IDLE {
            return Ok(());
        }
        let Some(mut writer) = self.open.take() else { return Ok(()) };
        let segments = self.index.searchable_segment_metas()?;
        let documents: u32 = segments.iter().map(|segment| segment.max_doc()).sum();
        if segments.len() > IDLE_SEGMENTS && documents <= IDLE_MERGE_DOCUMENTS {
            let ids: Vec<_> = segments.iter().map(|segment| segment.id()).collect();
            writer.merge(&ids).wait()?;
        }
        writer.wait_merging_threads()
    }

    fn open(&mut self) -> tantivy::Result<&mut IndexWriter> {
        self.used = Instant::now();
        let writer = match self.open.take() {
            Some(writer) => writer,
            None => {
                let options = IndexWriterOptions::builder()
                    .num_worker_threads(1)
                    .num_merge_threads(1)
                    .memory_budget_per_thread(HEAP)
                    .build();
                let writer: IndexWriter = self.index.writer_with_options(options)?;
                let mut policy = LogMergePolicy::default();
                policy.set_min_num_segments(MERGE_SEGMENTS);
                policy.set_min_layer_size(SMALL_SEGMENT);
                policy.set_level_log_size(LAYER);
                policy.set_del_docs_ratio_before_merge(DELETED);
                writer.set_merge_policy(Box::new(policy));
                writer
            }
        };
        Ok(self.open.insert(writer))
    }
}
