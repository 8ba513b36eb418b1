//! Load generation: open loops feel stalls, warm-ups do not count, everything ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use souk_bench::client::Accept;
use souk_bench::load::{Crowd, Pace, Scenario, Until, User};
use souk_bench::record::Outcome;

use crate::fake::{Server, serve};

struct Get(&'static str);

impl Scenario for Get {
    fn name(&self) -> &'static str {
        "get"
    }

    async fn once(&self, user: &mut User, _: u64) -> Outcome {
        let answer = user.client.get(self.0, Accept::Page).await;
        match user.sort(answer, &[200]).await {
            Ok(answer) => Outcome::Good(answer.bytes),
            Err(error) => Outcome::Bad(error),
        }
    }
}

const STALL: Duration = Duration::from_millis(400);

/// The first request takes long, all others nothing.
async fn stalling() -> Server {
    let served = Arc::new(AtomicU64::new(0));
    let handler = move || async move {
        if served.fetch_add(1, Ordering::SeqCst) == 0 {
            tokio::time::sleep(STALL).await;
        }
        "ok"
    };
    serve(Router::new().route("/", get(handler))).await
}

#[tokio::test]
async fn a_stall_is_felt_by_all_who_would_have_come_in_an_open_loop_and_by_one_in_a_closed_one() {
    let turns = Until::Turns(200);
    let server = stalling().await;
    let (open, elapsed) =
        Crowd::new(&server.target, 1, None).run(&Arc::new(Get("/")), Pace::Open(500.0), turns).await.unwrap();
    let open = &open.summaries(elapsed)["get"];
    assert_eq!((open.good, open.bad), (200, 0));
    // Due over 400 ms, begun after 400 ms: half of them waited for at least 200.
    assert!(open.latency.p50 >= 190.0, "{open:?}");
    assert!(open.latency.p99 >= 390.0, "{open:?}");

    let server = stalling().await;
    let (closed, elapsed) =
        Crowd::new(&server.target, 1, None).run(&Arc::new(Get("/")), Pace::Closed, turns).await.unwrap();
    let closed = &closed.summaries(elapsed)["get"];
    // The control: the same stall, seen by one.
    assert!(closed.latency.max >= 390.0 && closed.latency.p50 < open.latency.p50, "{closed:?}");
}

#[tokio::test]
async fn what_happens_in_the_warm_up_is_not_counted() {
    let served = Arc::new(AtomicU64::new(0));
    let seen = served.clone();
    let handler = move || async move {
        // The warm-up's ten are errors.
        match seen.fetch_add(1, Ordering::SeqCst) {
            0..10 => (axum::http::StatusCode::SERVICE_UNAVAILABLE, r#"{"code":"unavailable"}"#),
            _ => (axum::http::StatusCode::OK, "fine"),
        }
    };
    let server = serve(Router::new().route("/", get(handler))).await;
    let mut crowd = Crowd::new(&server.target, 3, None);
    let scenario = Arc::new(Get("/"));
    let (warm, elapsed) = crowd.run(&scenario, Pace::Closed, Until::Turns(10)).await.unwrap();
    assert_eq!(warm.summaries(elapsed)["get"].errors["503 unavailable"], 10);
    assert_eq!(crowd.next_turn(), 13, "each of three users was refused one more turn");
    let (measured, elapsed) = crowd.run(&scenario, Pace::Closed, Until::Turns(25)).await.unwrap();
    let measured = &measured.summaries(elapsed)["get"];
    assert_eq!((measured.good, measured.bad, measured.bytes_each), (25, 0, 4));
    assert_eq!(served.load(Ordering::SeqCst), 35);
}

#[tokio::test]
async fn a_load_ends_by_itself_even_when_nobody_answers() {
    let server = serve(Router::new()).await;
    let target = server.target.clone();
    drop(server);
    let mut crowd = Crowd::new(&target, 4, None);
    let time = Until::Time(Duration::from_millis(50));
    for pace in [Pace::Closed, Pace::Open(100.0)] {
        let (recorder, elapsed) = crowd.run(&Arc::new(Get("/")), pace, time).await.unwrap();
        let summary = &recorder.summaries(elapsed)["get"];
        assert!(summary.good == 0 && summary.bad > 0, "{summary:?}");
    }
}
