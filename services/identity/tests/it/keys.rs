//! Signing keys: shared by all processes, sealed in the database, replaced without a restart.

use std::time::Duration;

use jiff::Timestamp;
use souk_db::RowExt;
use souk_flow::run_schedules;
use souk_identity::schedules;
use souk_identity_api::{Jwks, JwksRequest, token};

use crate::shop::{PASSWORD, Process, Shop, guest};

async fn jwks(process: &Process) -> Jwks {
    process.client.jwks(&guest(), JwksRequest {}).await.unwrap()
}

async fn now(shop: &Shop) -> Timestamp {
    Timestamp::from_second(shop.number("select extract(epoch from now())::bigint").await).unwrap()
}

fn kid_of(token: &str) -> String {
    use base64::Engine;
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["kid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn processes_that_start_together_share_one_key() {
    let shop = Shop::open().await;
    let processes = futures_util::future::join_all((0..4).map(|_| shop.process())).await;
    let prepared = futures_util::future::join_all(processes.iter().map(|process| process.service.prepare())).await;
    assert!(prepared.iter().all(Result::is_ok));
    assert_eq!(shop.number("select count(*) from signing_key").await, 1);
    let ada = processes[0].register("ada@example.com").await;
    for process in &processes {
        assert!(token::verify(ada.access_token.reveal(), &jwks(process).await, now(&shop).await).is_ok());
    }
}

#[tokio::test]
async fn tokens_are_issued_by_the_databases_clock() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    let now = now(&shop).await;
    let claims = token::verify(ada.access_token.reveal(), &jwks(&here).await, now).unwrap();
    assert!((now.as_second() - claims.iat).abs() < 30, "not 2027, where this test's own clock stands");
}

#[tokio::test]
async fn a_private_key_is_sealed_and_opened_by_the_right_key_only() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.service.prepare().await.unwrap();
    let stranger = shop.process_with_key([8; 32]).await;
    let problem = stranger.service.prepare().await.unwrap_err();
    assert_eq!(problem.status(), 500);
    assert!(problem.internal_detail().unwrap().contains("key-encryption key"));
    assert!(stranger.login("ada@example.com", PASSWORD).await.is_err());
    assert_eq!(shop.number("select count(*) from login_attempt").await, 0, "without a key nothing is begun");
    // 12 bytes of nonce, 32 of key, 16 of authentication; and the key that belongs to the public half is not in it.
    assert_eq!(shop.number("select octet_length(sealed)::bigint from signing_key").await, 60);
    let db = shop.test_db.superuser("identity").await;
    let row = db.primary().query_one("select sealed, public_key from signing_key", &[]).await.unwrap();
    let (sealed, public): (Vec<u8>, Vec<u8>) = (row.get_col(0).unwrap(), row.get_col(1).unwrap());
    for seed in sealed.windows(32) {
        let key = ed25519_dalek::SigningKey::from_bytes(seed.try_into().unwrap());
        assert_ne!(key.verifying_key().as_bytes().as_slice(), public);
    }
}

/// The life of a key: published, signing, superseded, retired; while one process runs on without a restart.
#[tokio::test]
async fn keys_rotate_without_a_restart_and_old_tokens_stay_good_until_they_are_over() {
    let shop = Shop::open().await;
    let (here, worker) = (shop.process().await, shop.process().await);
    let old = here.register("ada@example.com").await;
    let first = kid_of(old.access_token.reveal());
    run_due(&shop, &worker).await;
    assert_eq!(shop.number("select count(*) from signing_key").await, 1, "a young key gets no successor");

    shop.sql("update signing_key set created_at = created_at - interval '30 days', active_at = active_at - interval '30 days'").await;
    run_due(&shop, &worker).await;
    assert_eq!(jwks(&worker).await.keys.len(), 2);
    here.service.prepare().await.unwrap();
    let between = here.login("ada@example.com", PASSWORD).await.unwrap();
    assert_eq!(
        kid_of(between.access_token.reveal()),
        first,
        "published first, so that everybody knows it when it signs"
    );

    shop.sql("update signing_key set active_at = now() where generation = 2").await;
    assert_eq!(
        kid_of(here.login("ada@example.com", PASSWORD).await.unwrap().access_token.reveal()),
        first,
        "not looked yet"
    );
    a_minute_passes().await;
    let new = here.login("ada@example.com", PASSWORD).await.unwrap();
    let second = kid_of(new.access_token.reveal());
    assert_ne!(second, first, "no restart was needed");
    let (keys, at) = (jwks(&here).await, now(&shop).await);
    for signed_in in [&old, &between, &new] {
        assert!(token::verify(signed_in.access_token.reveal(), &keys, at).is_ok());
    }

    run_due(&shop, &worker).await;
    assert_eq!(jwks(&worker).await.keys.len(), 2, "tokens of the first key may still be about");
    shop.sql("update signing_key set active_at = now() - interval '2 hours' where generation = 2").await;
    run_due(&shop, &worker).await;
    let kids: Vec<_> = jwks(&worker).await.keys.into_iter().map(|key| key.kid).collect();
    assert_eq!(kids, [second]);
    let gone = token::verify(old.access_token.reveal(), &jwks(&worker).await, at).unwrap_err();
    assert_eq!(gone, token::TokenError::UnknownKey(first));
}

#[tokio::test]
async fn known_keys_serve_while_the_database_is_away() {
    let shop = Shop::open().await;
    let (here, late) = (shop.process().await, shop.process().await);
    let known = jwks(&here).await;
    shop.sql("do $$ begin execute format('alter database %I connection limit 0', current_database()); end $$").await;
    shop.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()").await;
    a_minute_passes().await;
    assert!(late.client.jwks(&guest(), JwksRequest {}).await.is_err(), "control: the database is away");
    assert_eq!(jwks(&here).await.keys[0].kid, known.keys[0].kid);
}

#[tokio::test]
async fn a_mistake_with_the_keys_is_not_hidden_behind_known_ones() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    jwks(&here).await;
    shop.sql("update signing_key set public_key = sha256('another')").await;
    a_minute_passes().await;
    assert_eq!(here.client.jwks(&guest(), JwksRequest {}).await.unwrap_err().status(), 500);
}

/// More than the minute for which keys are believed. Nothing is awaited meanwhile but the clock.
async fn a_minute_passes() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
}

/// Runs the schedules of a worker once, through the real runner: all are due.
async fn run_due(shop: &Shop, worker: &Process) {
    shop.sql(
        "insert into schedule (name, next_at)
         select name, now() from unnest('{signing keys, ended sessions}'::text[]) as name
         on conflict (name) do update set next_at = now()",
    )
    .await;
    let tasks = souk_runtime::Tasks::new();
    run_schedules(&tasks, &worker.db, schedules(&worker.service));
    let all_done = async {
        while shop.number("select count(*) from schedule where next_at <= now()").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_done).await.expect("all schedules run");
    tasks.drain(Duration::from_secs(5)).await.unwrap();
}
