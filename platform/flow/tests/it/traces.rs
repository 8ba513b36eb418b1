//! What the tests of this binary take traces with: once begun, all of them are traced, and each finds its own by its id.

use std::sync::Mutex;

use souk_eventually::eventually;
use souk_trace::{Finished, Kind, Span, Trace, Tracer, install, scope};

use crate::SOON;

static KEPT: Mutex<Vec<Finished>> = Mutex::new(Vec::new());

/// A request that leaves something behind for later, and has ended.
pub struct Request {
    place: Trace,
}

impl Request {
    /// Does `work` within it. Its trace came from elsewhere, with what others say about it.
    pub async fn does<T>(work: impl Future<Output = T>) -> (Self, T) {
        // A second test finds it installed, which is fine.
        install(Tracer { ratio: 0.0, keep: Box::new(|spans| KEPT.lock().unwrap().extend(spans)) });
        let parent = format!("00-{:032x}-b7ad6b7169203331-01", uuid::Uuid::new_v4().as_u128());
        let span = Span::root(Trace::parse(&parent, Some("vendor=1")).as_ref(), Kind::Server, "request");
        let done = scope(span.trace(), work).await;
        (Self { place: span.trace().unwrap() }, done)
    }

    /// Waits for a span `name` that is the request's own child, though another task made it.
    pub async fn goes_on_as(&self, name: &str) {
        eventually(&format!("{name} in the trace"), SOON, async || {
            let kept = KEPT.lock().unwrap();
            let mine = kept.iter().filter(|span| span.trace_id == self.place.trace_id());
            let names: Vec<String> = mine.clone().map(|span| span.name.to_string()).collect();
            let found = mine.clone().find(|span| span.name == name).ok_or(names)?;
            assert_eq!((found.parent, found.state.as_deref()), (self.place.span_id(), Some("vendor=1")));
            Ok::<(), Vec<String>>(())
        })
        .await;
    }
}
