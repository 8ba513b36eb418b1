//! W3C trace context: reading and writing `traceparent` and `tracestate`.

use std::fmt;
use std::sync::Arc;

use crate::tail::{self, Local};

/// Longest `tracestate` that goes on (the least that the recommendation asks for).
const MAX_STATE: usize = 512;
/// Most members of its list.
const MAX_MEMBERS: usize = 32;
/// Longest key of a member, and longest value.
const MAX_PART: usize = 256;
/// Characters of `traceparent` in the version that exists.
const PARENT_LEN: usize = 55;

/// The place of a piece of work in its trace: what its spans and all it calls are children of. Cheap to clone.
#[derive(Clone)]
pub struct Trace(Arc<Place>);

pub(crate) struct Place {
    pub(crate) trace_id: u128,
    pub(crate) span_id: u64,
    pub(crate) sampled: bool,
    pub(crate) state: Option<Arc<str>>,
    /// Where spans of this process gather; none for a place in another process.
    pub(crate) local: Option<Arc<Local>>,
}

impl Trace {
    pub(crate) fn new(place: Place) -> Self {
        Self(Arc::new(place))
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0
    }

    /// The place that another process wrote down. None when tracing is off, or when `traceparent` is malformed: then a trace
    /// begins anew. A malformed `tracestate` is left out.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        if !tail::on() {
            return None;
        }
        let (trace_id, span_id, sampled) = parse_parent(traceparent)?;
        let state = tracestate.and_then(parse_state).map(Into::into);
        Some(Self::new(Place { trace_id, span_id, sampled, state, local: None }))
    }

    /// As the header `traceparent`.
    pub fn traceparent(&self) -> String {
        let Place { trace_id, span_id, sampled, .. } = *self.0;
        format!("00-{trace_id:032x}-{span_id:016x}-{:02x}", u8::from(sampled))
    }

    /// What other vendors have said about this trace, as the header `tracestate`.
    pub fn tracestate(&self) -> Option<&str> {
        self.0.state.as_deref()
    }

    /// 128 bits, the same for all that one request causes.
    pub fn trace_id(&self) -> u128 {
        self.0.trace_id
    }

    /// 64 bits, one span.
    pub fn span_id(&self) -> u64 {
        self.0.span_id
    }

    /// True when the trace is kept, whatever comes of it.
    pub fn sampled(&self) -> bool {
        self.0.sampled
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

fn parse_parent(text: &str) -> Option<(u128, u64, bool)> {
    let bytes = text.as_bytes();
    let hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if bytes.len() < PARENT_LEN || !bytes.is_ascii() {
        return None;
    }
    let [version, trace, span, flags] = [&bytes[..2], &bytes[3..35], &bytes[36..52], &bytes[53..55]];
    let dashes = bytes[2] == b'-' && bytes[35] == b'-' && bytes[52] == b'-';
    // Later versions may append something.
    let ends = bytes.len() == PARENT_LEN || (version != b"00" && bytes[PARENT_LEN] == b'-');
    if !dashes || !ends || version == b"ff" || ![version, trace, span, flags].into_iter().all(hex) {
        return None;
    }
    let trace_id = u128::from_str_radix(&text[3..35], 16).ok().filter(|id| *id != 0)?;
    let span_id = u64::from_str_radix(&text[36..52], 16).ok().filter(|id| *id != 0)?;
    let flags = u8::from_str_radix(&text[53..55], 16).ok()?;
    Some((trace_id, span_id, flags & 1 == 1))
}

/// The list as it goes on: unchanged but for the space around its members and empty ones. None when something in it is malformed.
fn parse_state(text: &str) -> Option<String> {
    let mut keys: Vec<&str> = Vec::new();
    let mut state = String::with_capacity(text.len().min(MAX_STATE));
    let members = text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty());
    for member in members {
        let (key, value) = member.split_once('=')?;
        if keys.len() == MAX_MEMBERS || keys.contains(&key) || !is_key(key) || !is_value(value) {
            return None;
        }
        if !keys.is_empty() {
            state.push(',');
        }
        state.push_str(member);
        keys.push(key);
    }
    (!state.is_empty() && state.len() <= MAX_STATE).then_some(state)
}

fn is_key(key: &str) -> bool {
    let fits = |part: &str| {
        part.bytes().next().is_some_and(|first| first.is_ascii_lowercase() || first.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-*/".contains(&b))
    };
    let known = match key.split_once('@') {
        Some((tenant, system)) => fits(tenant) && fits(system),
        None => fits(key),
    };
    known && key.len() <= MAX_PART
}

fn is_value(value: &str) -> bool {
    let printable = value.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'=');
    !value.is_empty() && printable && value.len() <= MAX_PART
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_recommendation_allows() {
        let id = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
        assert!(parse_parent(&format!("00-{id}-01")).unwrap().2);
        assert!(!parse_parent(&format!("00-{id}-02")).unwrap().2, "another flag");
        assert!(parse_parent(&format!("cc-{id}-01-later")).is_some());
        let zeros = "0".repeat(32);
        for wrong in [
            String::new(),
            format!("ff-{id}-01"),
            format!("00-{id}-01-more"),
            format!("00-{}-01", id.to_uppercase()),
            format!("00-{zeros}-b7ad6b7169203331-01"),
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01".into(),
            format!("00-{id}-0g"),
            format!("00_{id}-01"),
            format!("00-{}-01", "ü".repeat(24)),
        ] {
            assert!(parse_parent(&wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_state_goes_on_as_it_came_and_a_malformed_one_does_not() {
        let members = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        for (whole, onward) in [
            ("vendor=t61rcWkgMzE,other=1", "vendor=t61rcWkgMzE,other=1"),
            ("tenant@system=a b ,\t9lives=x:y,,", "tenant@system=a b,9lives=x:y"),
            (&*members(MAX_MEMBERS), &*members(MAX_MEMBERS)),
            (&*format!("a={}", "x".repeat(MAX_PART)), &*format!("a={}", "x".repeat(MAX_PART))),
        ] {
            assert_eq!(parse_state(whole).as_deref(), Some(onward));
        }
        let long = format!("a={0},b={0}", "x".repeat(MAX_PART - 1));
        assert_eq!((long.len(), parse_state(&long)), (MAX_STATE + 3, None));
        for wrong in [
            "",
            " , ",
            "novalue",
            "a=",
            "=b",
            "a=b=c",
            "a=1,a=2",
            "Vendor=1",
            "@system=1",
            "a@b@c=1",
            "a=b\r\nx: y",
            "a=ü",
            "ok=1,novalue",
            &*members(MAX_MEMBERS + 1),
            &*format!("a={}", "x".repeat(MAX_PART + 1)),
        ] {
            assert_eq!(parse_state(wrong), None, "{wrong:?}");
        }
    }
}
