//! Calls under a key, through a router as a service declares it, on real PostgreSQL.
#![allow(clippy::unwrap_used)] // helpers of tests may, as tests do

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use souk_db::{Migrations, assert_all_prepare};
use souk_eventually::eventually;
use souk_kernel::Problem;
use souk_postgres::TestDb;
use souk_rpc::{Actor, Cx};
use souk_runtime::Tasks;
use souk_web::{ApiError, ApiJson, ApiPath, Reply, Routes, WebCx, no_store, op};
use tokio::sync::Notify;
use tower::ServiceExt;
use uuid::Uuid;

const MIGRATIONS: Migrations = Migrations { schema: "keyed", files: &[souk_idempotency::TABLE] };

/// What the handlers did.
#[derive(Clone, Default)]
struct Done {
    calls: Arc<AtomicUsize>,
    go_on: Arc<Notify>,
    begun: Arc<Notify>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    units: u32,
}

async fn add(
    State(done): State<Done>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<String>,
    ApiJson(body): ApiJson<Add>,
) -> Result<Reply<Value>, ApiError> {
    let calls = done.calls.fetch_add(1, Ordering::SeqCst) + 1;
    match id.as_str() {
        "slow" => {
            done.begun.notify_one();
            done.go_on.notified().await;
        }
        "refused" => return Err(Problem::conflict("cart_full", "full").into()),
        "broken" => return Err(Problem::unavailable("try_again", "down").into()),
        _ => {}
    }
    let reply = json!({ "calls": calls, "units": body.units, "token": "secret-token", "for": &*cx.request_id });
    let location = HeaderValue::from_static("/things/1");
    Ok(no_store(&reply).with_status(StatusCode::CREATED).with_header(header::LOCATION, location))
}

struct Here {
    db: TestDb,
    done: Done,
    router: Router,
    tasks: Tasks,
}

async fn here() -> Here {
    let db = TestDb::new(&[&MIGRATIONS]).await;
    let done = Done::default();
    let tasks = Tasks::new();
    let routes = Routes::new().post("/things/{id}", add, op("addThing").reply(201)).post(
        "/own/{id}",
        add,
        op("addOwn").reply(201).key_required(),
    );
    let operations = routes.openapi().clone();
    let router = routes.into_router(done.clone());
    let router = souk_idempotency::around(router, &operations, db.db("keyed").await, tasks.clone());
    Here { db, done, router, tasks }
}

impl Here {
    fn calls(&self) -> usize {
        self.done.calls.load(Ordering::SeqCst)
    }

    async fn post(&self, path: &str, key: Option<&str>, actor: Actor, body: &str) -> (StatusCode, HeaderMap, String) {
        let mut cx = Cx::new(Uuid::new_v4().to_string(), actor);
        if let Some(key) = key {
            cx = cx.with_key(key);
        }
        let mut request = Request::post(path).header("content-type", "application/json");
        request = request.header("accept-encoding", "gzip");
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(cx);
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn guest(&self, path: &str, key: &str, body: &str) -> (StatusCode, HeaderMap, String) {
        self.post(path, Some(key), Actor::Anonymous, body).await
    }
}

fn code(reply: &(StatusCode, HeaderMap, String)) -> (u16, String) {
    let body: Value = serde_json::from_str(&reply.2).unwrap();
    (reply.0.as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn the_same_call_again_gets_the_same_bytes_and_does_nothing() {
    let here = here().await;
    let first = here.guest("/things/a", "k1", r#"{"units":1}"#).await;
    assert_eq!(first.0, StatusCode::CREATED);
    let again = here.guest("/things/a", "k1", r#"{"units":1}"#).await;
    assert_eq!(first, again, "status, headers and body, with the first one's request id in it");
    assert_eq!(here.calls(), 1);
    // Control: without a key, and on a route that looks after keys by itself, each call is one of its own.
    here.post("/things/a", None, Actor::Anonymous, r#"{"units":1}"#).await;
    here.post("/things/a", None, Actor::Anonymous, r#"{"units":1}"#).await;
    here.guest("/own/a", "k1", r#"{"units":1}"#).await;
    here.guest("/own/a", "k1", r#"{"units":1}"#).await;
    assert_eq!(here.calls(), 5);
}

#[tokio::test]
async fn another_request_under_a_key_is_refused_and_owners_do_not_share_keys() {
    let here = here().await;
    here.guest("/things/a", "k1", r#"{"units":1}"#).await;
    assert_eq!(code(&here.guest("/things/a", "k1", r#"{"units":2}"#).await), (422, "idempotency_key_reused".into()));
    assert_eq!(here.guest("/things/b", "k1", r#"{"units":2}"#).await.0, StatusCode::CREATED, "another guest's cart");
    let customers = [Uuid::from_u128(1), Uuid::from_u128(2)].map(Actor::Customer);
    for (n, customer) in customers.into_iter().enumerate() {
        let reply = here.post("/things/a", Some("k1"), customer, &format!("{{\"units\":{n}}}")).await;
        assert_eq!(reply.0, StatusCode::CREATED);
    }
    assert_eq!(here.calls(), 4);
}

#[tokio::test]
async fn a_refusal_is_kept_and_a_failure_is_not() {
    let here = here().await;
    let refused = here.guest("/things/refused", "k1", r#"{"units":1}"#).await;
    assert_eq!(code(&refused), (409, "cart_full".into()));
    assert_eq!(here.guest("/things/refused", "k1", r#"{"units":1}"#).await, refused, "with its request_id");
    let wrong = here.guest("/things/refused", "k2", r#"{"units":-1}"#).await;
    assert_eq!(code(&wrong), (422, "invalid_request".into()));
    assert_eq!(here.guest("/things/refused", "k2", r#"{"units":-1}"#).await, wrong);
    assert_eq!(here.calls(), 1);
    for _ in 0..2 {
        assert_eq!(code(&here.guest("/things/broken", "k3", r#"{"units":1}"#).await), (503, "try_again".into()));
    }
    assert_eq!(here.calls(), 3, "it is tried again");
}

#[tokio::test]
async fn a_call_under_way_holds_its_key_and_outlives_its_client() {
    let here = here().await;
    let mut first = Box::pin(here.guest("/things/slow", "k1", r#"{"units":1}"#));
    tokio::select! {
        biased;
        _ = &mut first => panic!("it waits to be told to go on"),
        () = here.done.begun.notified() => {}
    }
    let second = here.guest("/things/slow", "k1", r#"{"units":1}"#).await;
    assert_eq!(code(&second), (409, "idempotency_key_in_use".into()));
    assert_eq!(second.1[header::RETRY_AFTER], "1");
    // Control: a call without a key ends with its client; this one goes on.
    drop(first);
    here.done.go_on.notify_one();
    here.tasks.stop();
    here.tasks.drain(std::time::Duration::from_secs(30)).await.unwrap();
    let replayed = here.guest("/things/slow", "k1", r#"{"units":1}"#).await;
    assert_eq!((replayed.0, here.calls()), (StatusCode::CREATED, 1));
}

/// A client that leaves at any await point finds the reply when it comes again, soon. Before, a key that was taken just when
/// its client left was in use until its lease ended, and nothing ran.
#[tokio::test]
async fn wherever_its_client_leaves_the_call_runs_once() {
    let here = here().await;
    // So that a connection is there, and the first poll sends a statement.
    here.guest("/things/a", "k0", r#"{"units":1}"#).await;
    let call = |polls: usize| {
        let (here, key) = (&here, format!("k{polls}"));
        async move { here.guest("/things/a", &key, r#"{"units":1}"#).await }
    };
    let polls = souk_runtime::abandon_everywhere(call, async |polls, _| {
        let what = format!("the end of the first call, after {polls} polls");
        let reply = eventually(&what, std::time::Duration::from_secs(2), async || {
            let reply = call(polls).await;
            if reply.0 == StatusCode::CONFLICT { Err(reply) } else { Ok(reply) }
        })
        .await;
        assert_eq!((reply.0, here.calls()), (StatusCode::CREATED, 1 + polls), "after {polls} polls");
    })
    .await;
    println!("a call under a key: {polls} polls");
}

#[tokio::test]
async fn a_key_whose_process_died_is_free_after_its_lease_and_a_kept_reply_after_a_day() {
    let here = here().await;
    let db = here.db.db("keyed").await;
    let first = here.guest("/things/a", "k1", r#"{"units":1}"#).await;
    let forget = "update idempotent_reply set reply = null, locked_until = now() + interval '1 minute'";
    db.write_one(forget, &[]).await.unwrap();
    assert_eq!(here.guest("/things/a", "k1", r#"{"units":1}"#).await.0, StatusCode::CONFLICT);
    db.write_one("update idempotent_reply set locked_until = now() - interval '1 second'", &[]).await.unwrap();
    assert_eq!(here.guest("/things/a", "k1", r#"{"units":2}"#).await.0.as_u16(), 422, "it is that request's still");
    let second = here.guest("/things/a", "k1", r#"{"units":1}"#).await;
    assert_eq!((second.0, here.calls()), (StatusCode::CREATED, 2));
    assert_ne!(first.2, second.2);
    db.write_one("update idempotent_reply set created_at = now() - interval '25 hours'", &[]).await.unwrap();
    assert_eq!(here.guest("/things/a", "k1", r#"{"units":2}"#).await.0, StatusCode::CREATED, "the key is new again");
}

#[tokio::test]
async fn the_table_alone_tells_nothing() {
    let here = here().await;
    let reply = here.guest("/things/a", "k1", r#"{"units":7}"#).await;
    assert!(reply.2.contains("secret-token"));
    let db = here.db.db("keyed").await;
    let rows = db.primary().query("select encode(reply, 'escape') as kept from idempotent_reply", &[]).await.unwrap();
    let kept: String = rows[0].get("kept");
    assert!(!kept.contains("secret") && !kept.contains("units"), "{kept}");
}

#[tokio::test]
async fn every_statement_is_right_for_the_table() {
    let db = TestDb::new(&[&MIGRATIONS]).await;
    assert_all_prepare(&db.db("keyed").await, souk_idempotency::STATEMENTS).await;
}
