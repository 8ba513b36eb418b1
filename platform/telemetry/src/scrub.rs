//! Log scrubber: checks every line before it is written. Card numbers are refused at the edge; one that slips through, in a
//! message of another system, a panic, a path, is replaced here. A line written within a trace gets the ids of that place.

use std::borrow::Cow;
use std::io::{self, Write};

use souk_kernel::pan;
use souk_trace::Trace;
use tracing_subscriber::fmt::MakeWriter;

/// Makes writers whose lines hold no card number.
pub(crate) struct Scrubbed<M> {
    to: M,
    json: bool,
}

impl<M> Scrubbed<M> {
    /// Around `to`; `json`: a line stays one JSON object.
    pub(crate) fn new(to: M, json: bool) -> Self {
        Self { to, json }
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Scrubbed<M> {
    type Writer = Lines<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines { to: self.to.make_writer(), json: self.json }
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        Lines { to: self.to.make_writer_for(meta), json: self.json }
    }
}

/// Gets whole events: the formatter makes a line in memory and writes it at once.
pub(crate) struct Lines<W> {
    to: W,
    json: bool,
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let clean = scrubbed(event, self.json);
        let line = clean.as_ref().map_or(event, |clean| clean.as_bytes());
        // Only now: an id is random, and could look like anything.
        match souk_trace::current() {
            Some(trace) => self.to.write_all(&with_trace(line, self.json, &trace))?,
            None => self.to.write_all(line)?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The event without card numbers; none when it has none, which costs one pass over its bytes.
fn scrubbed(event: &[u8], json: bool) -> Option<String> {
    if !pan::may_hold(event) {
        return None;
    }
    let text = String::from_utf8_lossy(event);
    let Cow::Owned(clean) = pan::scrub(&text) else { return None };
    if json && let Ok(mut line) = serde_json::from_str::<serde_json::Value>(&text) {
        pan::scrub_json(&mut line);
        return Some(format!("{line}\n"));
    }
    Some(clean)
}

/// The line with the ids of `trace`, under the names that OpenTelemetry gives them.
fn with_trace(line: &[u8], json: bool, trace: &Trace) -> Vec<u8> {
    let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
    if json && let Some(fields) = line.strip_prefix(b"{") {
        let ids = format!("{{\"trace_id\":\"{trace_id:032x}\",\"span_id\":\"{span_id:016x}\",");
        return [ids.as_bytes(), fields].concat();
    }
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    [text, format!(" trace_id={trace_id:032x} span_id={span_id:016x}\n").as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: crate::LogFormat, scrub: bool) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let make = move || to.clone();
        let json = format == crate::LogFormat::Json;
        let registry = tracing_subscriber::registry();
        let write = || {
            let number = "4111 1111 1111 1111";
            tracing::info!(path = format!("/p/{number}"), paid = 4111111111111111u64, other = ?Some(number), "with {number}");
            tracing::info!(cart = "41111111-1111-4111-8111-111111111111", barcode = "4006381333931", "without");
        };
        match scrub {
            true => {
                let layer = crate::lines(format, false, Scrubbed::new(make, json));
                tracing::subscriber::with_default(registry.with(layer), write);
            }
            false => tracing::subscriber::with_default(registry.with(crate::lines(format, false, make)), write),
        }
        String::from_utf8(kept.0.lock().clone()).unwrap()
    }

    #[test]
    fn a_line_names_the_trace_that_it_was_written_in() {
        souk_trace::install(souk_trace::Tracer { ratio: 1.0, keep: Box::new(drop) });
        let span = souk_trace::Span::root(None, souk_trace::Kind::Server, "test");
        let place = span.trace().unwrap();
        let (trace_id, span_id) = (format!("{:032x}", place.trace_id()), format!("{:016x}", place.span_id()));
        let _here = souk_trace::enter(span.trace());
        let text = logged(crate::LogFormat::Text, true);
        let ids = format!(" trace_id={trace_id} span_id={span_id}\n");
        assert_eq!((text.matches(&ids).count(), text.lines().count()), (2, 2), "{text}");
        for line in logged(crate::LogFormat::Json, true).lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!((line["trace_id"].as_str(), line["span_id"].as_str()), (Some(&*trace_id), Some(&*span_id)));
        }
    }

    #[test]
    fn no_line_holds_a_card_number_and_json_stays_json() {
        for format in [crate::LogFormat::Text, crate::LogFormat::Json] {
            let control = logged(format, false);
            assert!(control.contains("4111 1111 1111 1111") && control.contains("4111111111111111"), "{control}");
            let clean = logged(format, true);
            assert!(!pan::holds(&clean) && clean.matches(pan::REMOVED).count() == 4, "{clean}");
            assert!(
                clean.contains("41111111-1111-4111-8111-111111111111") && clean.contains("4006381333931"),
                "{clean}"
            );
            assert_eq!(clean.lines().count(), 2);
            if format == crate::LogFormat::Json {
                let line: serde_json::Value = serde_json::from_str(clean.lines().next().unwrap()).unwrap();
                assert_eq!(line["paid"], pan::REMOVED);
            }
        }
    }
}
