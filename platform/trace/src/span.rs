//! Spans: what took how long, for what, and how it ended.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::context::{Place, Trace};
use crate::scope::current;
use crate::tail::{self, Finished, Local, Value};

/// What a span is to the other side of it, in OpenTelemetry's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Within this process.
    Internal,
    /// Answers a caller.
    Server,
    /// Waits for an answer.
    Client,
    /// Does work that was left behind.
    Consumer,
}

/// A span under way, ended by its drop. Where nothing is traced it is empty, and all its methods do nothing.
pub struct Span(Option<Box<Open>>);

struct Open {
    trace: Trace,
    parent: u64,
    /// What the spans below it in this process gather under ends with it.
    is_local_root: bool,
    name: Cow<'static, str>,
    kind: Kind,
    began: Instant,
    began_at: u64,
    attributes: Vec<(&'static str, Value)>,
    links: Vec<(u128, u64)>,
    error: Option<Cow<'static, str>>,
}

impl Span {
    /// No span.
    pub const fn none() -> Self {
        Self(None)
    }

    /// A step of what runs now; none outside of every trace.
    pub fn child(kind: Kind, name: impl Into<Cow<'static, str>>) -> Self {
        Self::under(current().as_ref(), kind, name)
    }

    /// A step of what `parent` stands for; none without one.
    pub fn under(parent: Option<&Trace>, kind: Kind, name: impl Into<Cow<'static, str>>) -> Self {
        let Some(parent) = parent else { return Self::none() };
        Self::open(Some(parent), parent.sampled(), parent.place().local.clone(), kind, name.into())
    }

    /// The first span of a piece of work in this process: goes on with `parent`'s trace as that decided, else begins one. Its
    /// end decides whether what was gathered below it is kept.
    pub fn root(parent: Option<&Trace>, kind: Kind, name: impl Into<Cow<'static, str>>) -> Self {
        let Some(tracer) = tail::tracer() else { return Self::none() };
        let sampled = parent.map_or_else(|| tracer.dice(), Trace::sampled);
        Self::open(parent, sampled, None, kind, name.into())
    }

    /// The same for a request from outside, which names its trace and does not decide what we keep.
    pub fn edge(parent: Option<&Trace>, name: impl Into<Cow<'static, str>>) -> Self {
        let Some(tracer) = tail::tracer() else { return Self::none() };
        Self::open(parent, tracer.dice(), None, Kind::Server, name.into())
    }

    fn open(
        parent: Option<&Trace>,
        sampled: bool,
        local: Option<Arc<Local>>,
        kind: Kind,
        name: Cow<'static, str>,
    ) -> Self {
        let is_local_root = local.is_none();
        let place = Place {
            trace_id: parent.map_or_else(|| rand::random::<u128>().max(1), Trace::trace_id),
            span_id: rand::random::<u64>().max(1),
            sampled,
            state: parent.and_then(|parent| parent.place().state.clone()),
            local: Some(local.unwrap_or_else(|| Arc::new(Local::new(sampled)))),
        };
        #[allow(clippy::disallowed_methods)] // spans of many processes are put side by side: nothing may move this time
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Some(Box::new(Open {
            trace: Trace::new(place),
            parent: parent.map_or(0, Trace::span_id),
            is_local_root,
            name,
            kind,
            began: Instant::now(),
            began_at: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX),
            attributes: Vec::new(),
            links: Vec::new(),
            error: None,
        })))
    }

    /// Where what it stands for runs: give it to [`crate::scope`].
    pub fn trace(&self) -> Option<Trace> {
        self.0.as_ref().map(|open| open.trace.clone())
    }

    /// True when it is none: attributes that cost something to make are not needed.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Says something about it, under a name of OpenTelemetry's semantic conventions.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.0 {
            open.attributes.push((name, value.into()));
        }
    }

    /// Names it anew, once more is known.
    pub fn rename(&mut self, name: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            open.name = name.into();
        }
    }

    /// Notes that it has to do with what another trace did.
    pub fn link(&mut self, other: &Trace) {
        if let Some(open) = &mut self.0 {
            open.links.push((other.trace_id(), other.span_id()));
        }
    }

    /// Notes that it failed, and of what kind that is (`error.type`): its trace is kept.
    pub fn fail(&mut self, kind: impl Into<Cow<'static, str>>) {
        if let Some(open) = &mut self.0 {
            let kind = kind.into();
            open.attributes.push(("error.type", Value::Text(kind.clone())));
            open.error = Some(kind);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(open) = self.0.take() else { return };
        let place = open.trace.place();
        let Some(local) = &place.local else { return };
        let took = u64::try_from(open.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let finished = Finished {
            trace_id: place.trace_id,
            span_id: place.span_id,
            parent: open.parent,
            parent_is_remote: open.is_local_root && open.parent != 0,
            sampled: place.sampled,
            state: place.state.clone(),
            name: open.name,
            kind: open.kind,
            began: open.began_at,
            ended: open.began_at.saturating_add(took),
            attributes: open.attributes,
            links: open.links,
            error: open.error,
        };
        local.end(finished, open.is_local_root);
    }
}
