//! Bulk indexing: many documents written at once. Each carries the number of its reading as its version: whatever is late,
//! repeated or out of order changes nothing that is newer.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use souk_kernel::Problem;
use uuid::Uuid;

use super::client::unavailable;
use super::indices::Indices;
use super::mapping::Sent;
use crate::index::Document;
use crate::text::Analyzer;

/// Documents of one request: more make it no quicker and its repetition dearer.
const MAX_DOCUMENTS: usize = 500;
/// Bytes of one request; far below the 100 MB that OpenSearch takes.
const MAX_BYTES: usize = 5 * 1024 * 1024;
/// Longest wait for one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A product with what was read of it; none: buyers do not find it.
pub(crate) struct Put {
    pub(crate) id: Uuid,
    pub(crate) document: Option<Document>,
}

/// What became of a bulk.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Products that OpenSearch cannot take.
    pub(crate) refused: Vec<Uuid>,
    /// The alias led nowhere: it was moved or is not there yet.
    pub(crate) no_alias: bool,
}

#[derive(Deserialize)]
struct Answer {
    errors: bool,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "_id")]
    id: Uuid,
    status: u16,
    #[serde(default)]
    error: Value,
}

/// Bodies of requests that together write `puts`, within the limits.
fn bodies(puts: &[Put], analyzer: &Analyzer, reading: i64) -> Result<Vec<Vec<u8>>, Problem> {
    let mut bodies = Vec::new();
    let (mut body, mut documents) = (Vec::new(), 0);
    for put in puts {
        let sent = Sent::new(put.document.as_ref(), analyzer, reading).map_err(Problem::internal)?;
        let mut lines = format!(
            "{{\"index\":{{\"_id\":\"{}\",\"version\":{reading},\"version_type\":\"external_gte\"}}}}\n",
            put.id
        )
        .into_bytes();
        serde_json::to_writer(&mut lines, &sent).map_err(Problem::internal)?;
        lines.push(b'\n');
        if documents == MAX_DOCUMENTS || (documents > 0 && body.len() + lines.len() > MAX_BYTES) {
            bodies.push(std::mem::take(&mut body));
            documents = 0;
        }
        body.append(&mut lines);
        documents += 1;
    }
    if documents > 0 {
        bodies.push(body);
    }
    Ok(bodies)
}

impl Indices {
    /// Writes what was read at `reading` to the index behind `alias`.
    ///
    /// # Errors
    /// Unavailable: some of it may be written; the same may be written again.
    pub(crate) async fn write(
        &self,
        alias: &str,
        puts: &[Put],
        analyzer: &Analyzer,
        reading: i64,
    ) -> Result<Written, Problem> {
        let mut written = Written::default();
        // Without an alias of that name it is refused, else a typing error would make an index.
        let path =
            format!("/{alias}/_bulk?require_alias=true&filter_path=errors,items.*._id,items.*.status,items.*.error");
        for body in bodies(puts, analyzer, reading)? {
            let reply = self.nodes.send(Method::POST, &path, Bytes::from(body), TIMEOUT).await?;
            let answer: Answer = reply.json()?;
            if !answer.errors {
                continue;
            }
            for Item { index: outcome } in answer.items {
                match outcome.status {
                    // 409: what is there is newer.
                    200..=299 | 409 => {}
                    404 => written.no_alias = true,
                    429 | 500.. => return Err(unavailable(format!("OpenSearch cannot write now: {}", outcome.error))),
                    status => {
                        tracing::warn!(product = %outcome.id, status, error = %outcome.error, "OpenSearch refuses a document");
                        written.refused.push(outcome.id);
                    }
                }
            }
        }
        Ok(written)
    }
}
