//! In-memory copy of the category tree, kept by events: every process needs it, to name facets and to write documents, and follows its changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use souk_catalog_api::{CategoryChanged, CategoryId};
use souk_flow::{Envelope, EventLog, Source, follow};
use souk_kernel::{Event, Problem};
use souk_runtime::Tasks;
use tokio::sync::mpsc;

use super::OpenSearch;

const CATEGORIES: &[Source] = &[Source { schema: "catalog", types: &[CategoryChanged::TYPE] }];
/// Pause after the catalogue could not be read.
const RETRY: Duration = Duration::from_millis(500);

type Changed = HashMap<CategoryId, i64>;

/// Reads the tree, and again whenever it changes. The owner's table is read, whatever carries events elsewhere: nothing is
/// recorded and every process follows.
pub(super) fn start(index: Arc<OpenSearch>, tasks: &Tasks) {
    let stopping = tasks.clone();
    tasks.spawn("search.tree", async move {
        let (sender, changes) = mpsc::unbounded_channel();
        let see = move |events: &[Envelope]| drop(sender.send(changed(events)));
        while let Err(problem) =
            follow(&stopping, &index.db, &EventLog::Postgres, "search.tree", CATEGORIES, see.clone()).await
        {
            complain(&problem);
            if !stopping.pause(RETRY).await {
                return;
            }
        }
        drop(see);
        tokio::select! {
            () = read_tree(&index, &stopping, changes) => {}
            () = stopping.token().cancelled() => {}
        }
    });
}

async fn read_tree(index: &OpenSearch, tasks: &Tasks, mut changes: mpsc::UnboundedReceiver<Changed>) {
    let mut wanted = Changed::new();
    loop {
        match index.fetch.fresh_tree(&wanted).await {
            Ok(tree) => index.take_tree(tree),
            Err(problem) => {
                complain(&problem);
                if tasks.pause(RETRY).await {
                    continue;
                }
                return;
            }
        }
        match changes.recv().await {
            Some(changed) => wanted = changed,
            None => return,
        }
    }
}

fn changed(events: &[Envelope]) -> Changed {
    let mut changed = Changed::new();
    // What cannot be read says nothing of a version; the tree is read all the same.
    for event in events.iter().filter_map(|event| event.parse::<CategoryChanged>().ok().flatten()) {
        let wanted = changed.entry(event.category_id).or_default();
        *wanted = (*wanted).max(event.version);
    }
    changed
}

fn complain(problem: &Problem) {
    let internal = problem.internal_detail().unwrap_or_default();
    tracing::warn!(%problem, internal, "the category tree could not be read for searches, trying again");
}
