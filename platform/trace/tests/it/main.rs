//! Spans from their beginning to the decision about their trace. One binary for tests that begin to trace, as that is for good.
#![allow(clippy::unwrap_used)] // a test may panic

use std::sync::Mutex;

use souk_trace::{Finished, Kind, Span, Trace, Tracer, current, install, scope};

static KEPT: Mutex<Vec<Finished>> = Mutex::new(Vec::new());
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Traces with a ratio of none: what is kept, is kept for another reason.
async fn tracing() -> tokio::sync::MutexGuard<'static, ()> {
    let turn = ONE_AT_A_TIME.lock().await;
    install(Tracer { ratio: 0.0, keep: Box::new(|spans| KEPT.lock().unwrap().extend(spans)) });
    KEPT.lock().unwrap().clear();
    turn
}

fn kept() -> Vec<Finished> {
    std::mem::take(&mut KEPT.lock().unwrap())
}

#[tokio::test]
async fn a_trace_is_kept_whole_when_one_of_its_spans_fails() {
    let _turn = tracing().await;
    for failing in [false, true] {
        let root = Span::root(None, Kind::Server, "root");
        scope(root.trace(), async {
            let child = Span::child(Kind::Internal, "child");
            scope(child.trace(), async {
                tokio::task::yield_now().await;
                let mut leaf = Span::child(Kind::Client, "leaf");
                if failing {
                    leaf.fail("no");
                }
            })
            .await;
        })
        .await;
        assert!(kept().is_empty(), "nothing is decided before the root ends");
        drop(root);
        let spans = kept();
        let names: Vec<&str> = spans.iter().map(|span| &*span.name).collect();
        assert_eq!(names, if failing { &["leaf", "child", "root"][..] } else { &[] });
        if let [leaf, child, root] = &spans[..] {
            assert_eq!([leaf.parent, child.parent, root.parent], [child.span_id, root.span_id, 0]);
            assert!(spans.iter().all(|span| span.trace_id == root.trace_id && span.ended >= span.began));
        }
    }
}

#[tokio::test]
async fn what_ends_after_its_root_follows_the_decision() {
    let _turn = tracing().await;
    let parent = Trace::parse(&PARENT.replace("-00", "-01").replacen("01-", "00-", 1), None);
    let root = Span::root(parent.as_ref(), Kind::Server, "root");
    let late = Span::under(root.trace().as_ref(), Kind::Internal, "late");
    drop(root);
    assert_eq!(kept().len(), 1);
    drop(late);
    assert_eq!(kept().len(), 1, "the caller chose this trace");
}

#[tokio::test]
async fn a_trace_goes_on_where_it_was_written_down_with_what_others_said() {
    let _turn = tracing().await;
    let parent = Trace::parse(PARENT, Some("vendor=1")).unwrap();
    let mut root = Span::root(Some(&parent), Kind::Consumer, "root");
    let here = root.trace().unwrap();
    assert_eq!((here.trace_id(), here.sampled()), (parent.trace_id(), false));
    assert_eq!(here.tracestate(), Some("vendor=1"));
    let written = here.traceparent();
    assert_eq!(Trace::parse(&written, None).unwrap().traceparent(), written);
    root.fail("no");
    drop(root);
    assert_eq!(kept()[0].parent, parent.span_id());
}

#[tokio::test]
async fn a_client_names_its_trace_and_does_not_choose_what_is_kept() {
    let _turn = tracing().await;
    let chosen = Trace::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None).unwrap();
    let edge = Span::edge(Some(&chosen), "GET");
    assert!(!edge.trace().unwrap().sampled());
    assert_eq!(edge.trace().unwrap().trace_id(), chosen.trace_id());
    drop(edge);
    assert!(kept().is_empty());
}

#[tokio::test]
async fn the_place_is_bound_to_the_future_and_not_to_the_thread() {
    let _turn = tracing().await;
    assert!(current().is_none() && Span::child(Kind::Client, "alone").is_none());
    let (one, two) = (Span::root(None, Kind::Server, "one"), Span::root(None, Kind::Server, "two"));
    let run = |span: &Span| {
        let id = span.trace().map(|trace| trace.span_id());
        scope(span.trace(), async move {
            for _ in 0..3 {
                assert_eq!(current().map(|trace| trace.span_id()), id);
                tokio::task::yield_now().await;
            }
        })
    };
    tokio::join!(run(&one), run(&two));
    assert!(current().is_none());
}
