//! Tail sampling within a process: the spans below a local root gather until it ends; then all of them are kept, or none. Kept
//! is what the head of the trace chose (a ratio), and everything in which something failed.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::Kind;
use parking_lot::Mutex;

/// Spans that gather under one local root; more are dropped, and counted there.
const MAX_GATHERED: usize = 1_000;

static ON: AtomicBool = AtomicBool::new(false);
static TRACER: OnceLock<Tracer> = OnceLock::new();

/// Whether this process traces.
#[inline]
pub fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// What this process traces, and where it goes.
pub struct Tracer {
    /// Share of new traces that are kept whatever comes of them, 0 to 1.
    pub ratio: f64,
    /// Takes what is kept; must not wait.
    pub keep: Box<dyn Fn(Vec<Finished>) + Send + Sync>,
}

impl Tracer {
    pub(crate) fn dice(&self) -> bool {
        rand::random::<f64>() < self.ratio
    }
}

/// Begins to trace; false when this process does already.
pub fn install(tracer: Tracer) -> bool {
    let first = TRACER.set(tracer).is_ok();
    ON.store(true, Ordering::Relaxed);
    first
}

pub(crate) fn tracer() -> Option<&'static Tracer> {
    if on() { TRACER.get() } else { None }
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Its trace.
    pub trace_id: u128,
    /// Itself.
    pub span_id: u64,
    /// The span it is part of, here or elsewhere; 0 for none.
    pub parent: u64,
    /// That span is of another piece of work, mostly of another process.
    pub parent_is_remote: bool,
    /// Kept whatever came of it.
    pub sampled: bool,
    /// `tracestate`.
    pub state: Option<Arc<str>>,
    /// Of low cardinality.
    pub name: Cow<'static, str>,
    /// What it is to the other side.
    pub kind: Kind,
    /// Nanoseconds since 1970.
    pub began: u64,
    /// The same.
    pub ended: u64,
    /// By names of OpenTelemetry's semantic conventions.
    pub attributes: Vec<(&'static str, Value)>,
    /// Trace and span of what it has to do with.
    pub links: Vec<(u128, u64)>,
    /// Why it failed.
    pub error: Option<Cow<'static, str>>,
}

/// What an attribute says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(Cow<'static, str>),
    /// A number.
    Int(i64),
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Cow<'static, str>> for Value {
    fn from(text: Cow<'static, str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}

/// What gathers under a local root.
pub(crate) struct Local {
    sampled: bool,
    gathered: Mutex<Gathered>,
}

#[derive(Default)]
struct Gathered {
    spans: Vec<Finished>,
    failed: bool,
    dropped: i64,
    /// The root has ended: what ends after it follows its decision.
    decided: bool,
}

impl Local {
    pub(crate) fn new(sampled: bool) -> Self {
        Self { sampled, gathered: Mutex::default() }
    }

    pub(crate) fn end(&self, mut span: Finished, is_root: bool) {
        let mut gathered = self.gathered.lock();
        gathered.failed |= span.error.is_some();
        if is_root {
            if gathered.dropped > 0 {
                span.attributes.push(("souk.spans.dropped", Value::Int(gathered.dropped)));
            }
            gathered.decided = true;
        } else if !gathered.decided && gathered.spans.len() >= MAX_GATHERED {
            gathered.dropped += 1;
            return;
        }
        gathered.spans.push(span);
        if !gathered.decided {
            return;
        }
        let spans = std::mem::take(&mut gathered.spans);
        let kept = self.sampled || gathered.failed;
        drop(gathered);
        if kept && let Some(tracer) = tracer() {
            (tracer.keep)(spans);
        }
    }
}
