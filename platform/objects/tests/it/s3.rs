//! Object storage on a real server of the S3 protocol: the same suite, and what happens while it is hung, dead, or a
//! stranger's.

use std::time::{Duration, Instant};

use bytes::Bytes;
use souk_engines::S3;
use souk_kernel::Secret;
use souk_objects::{Objects, Storage};
use souk_tls::{Authority, Validity};
use tokio::task::JoinSet;

use crate::suite::{self, PNG, content, is_unavailable, picture};

/// Above what one call may take, repeats included.
const ONE_CALL: Duration = Duration::from_secs(6);
/// Failures after which a storage is left alone (`souk_runtime::CircuitBreaker`).
const FAILURES: usize = 20;

fn storage(s3: &S3, prefix: &str) -> Storage {
    Storage {
        url: format!("s3://{}/{prefix}", s3.bucket()).parse().unwrap(),
        endpoint: Some(s3.url()),
        region: Some(S3::REGION.into()),
        account: Some(S3::ACCESS_KEY.into()),
        secret: Some(Secret::new(S3::SECRET_KEY.into())),
        ca_file: None,
    }
}

#[tokio::test]
async fn a_server_keeps_objects() {
    let s3 = S3::start("souk").await.unwrap();
    for prefix in ["", "shops/one"] {
        let open = || Objects::open(&storage(&s3, prefix)).unwrap();
        suite::all(&open(), &open()).await;
    }
    let elsewhere = Objects::open(&storage(&s3, "shops/two")).unwrap();
    let one = Objects::open(&storage(&s3, "shops/one")).unwrap();
    let name = one.put(picture("only here")).await.unwrap();
    assert!(elsewhere.get(&name).await.unwrap().is_none(), "prefixes are apart");
}

#[tokio::test]
async fn a_dead_or_hung_server_is_unavailable_soon_left_alone_and_found_again() {
    let s3 = S3::start("souk").await.unwrap();
    let objects = Objects::open(&storage(&s3, "")).unwrap();
    let name = objects.put(Bytes::from_static(PNG)).await.unwrap();

    s3.pause().unwrap();
    let started = Instant::now();
    assert!(is_unavailable(objects.get(&name).await.map(drop).unwrap_err()));
    assert!(started.elapsed() < ONE_CALL, "{:?}", started.elapsed());
    let calls = futures_util::future::join_all((0..FAILURES).map(|_| objects.get(&name))).await;
    assert!(calls.into_iter().all(|call| call.map(drop).is_err_and(is_unavailable)));
    let started = Instant::now();
    assert!(is_unavailable(objects.get(&name).await.map(drop).unwrap_err()));
    assert!(started.elapsed() < Duration::from_millis(100), "it is not asked: {:?}", started.elapsed());
    s3.resume().unwrap();
    answers(&objects, &name).await;

    s3.kill();
    let started = Instant::now();
    assert!(is_unavailable(objects.put(picture("more")).await.map(drop).unwrap_err()));
    assert!(started.elapsed() < ONE_CALL, "{:?}", started.elapsed());
    s3.restart().await.unwrap();
    answers(&objects, &name).await;
    objects.put(picture("more")).await.unwrap();
}

/// Waits until the pause of an open circuit is over.
async fn answers(objects: &Objects, name: &souk_objects::ObjectName) {
    let started = Instant::now();
    loop {
        match objects.get(name).await {
            Ok(object) => return assert_eq!(content(object.unwrap()).await, PNG),
            Err(error) => assert!(started.elapsed() < Duration::from_secs(30), "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_server_that_dies_within_an_object_cuts_it_off() {
    let s3 = S3::start("souk").await.unwrap();
    let objects = Objects::open(&storage(&s3, "")).unwrap();
    let mut large = PNG.to_vec();
    large.resize(souk_objects::MAX_OBJECT, 7);
    let name = objects.put(large.into()).await.unwrap();
    let object = objects.get(&name).await.unwrap().unwrap();
    // Ten megabytes do not fit what lies between us.
    s3.kill();
    let read: Result<Vec<Bytes>, _> = futures_util::TryStreamExt::try_collect(object.stream).await;
    assert!(is_unavailable(read.unwrap_err()));
}

#[tokio::test]
async fn a_stranger_is_refused_and_its_secret_not_told() {
    let s3 = S3::start("souk").await.unwrap();
    let mut stranger = storage(&s3, "");
    stranger.secret = Some(Secret::new("wrong".into()));
    let error = Objects::open(&stranger).unwrap().put(Bytes::from_static(PNG)).await.unwrap_err();
    assert!(!error.to_string().contains("wrong"), "{error}");
    assert!(is_unavailable(error));
}

#[tokio::test]
async fn over_tls_only_whom_an_authority_vouches_for_is_believed() {
    let s3 = S3::start("souk").await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (ours, validity) = (dir.path().join("ca.pem"), Validity::around_now(1));
    let authority = Authority::new(validity).unwrap();
    std::fs::write(&ours, authority.pem()).unwrap();
    let (endpoint, _serving) = behind_tls(&s3, &authority, dir.path()).await;

    let mut storage = storage(&s3, "");
    storage.endpoint = Some(endpoint);
    let stranger = Objects::open(&storage).unwrap();
    assert!(is_unavailable(stranger.put(Bytes::from_static(PNG)).await.unwrap_err()), "nobody vouches for it");
    storage.ca_file = Some(ours.clone());
    let objects = Objects::open(&storage).unwrap();
    let name = objects.put(Bytes::from_static(PNG)).await.unwrap();
    assert_eq!(content(objects.get(&name).await.unwrap().unwrap()).await, PNG);

    std::fs::write(&ours, "").unwrap();
    assert!(Objects::open(&storage).is_err(), "no certificates in it");
}

/// Something that speaks TLS before the server: its address, and what serves until it is dropped.
async fn behind_tls(s3: &S3, authority: &Authority, dir: &std::path::Path) -> (String, JoinSet<()>) {
    authority.issue_host("localhost", Validity::around_now(1)).unwrap().save(dir, "s3", true).unwrap();
    let files = souk_tls::Files { certificate: dir.join("s3.pem"), key: dir.join("s3.key"), authority: None };
    let tls = souk_tls::PublicTls::load(files).unwrap();
    let accept = move |socket| {
        let tls = tls.clone();
        async move { tls.accept(socket).await }
    };
    let (address, serving) = souk_engines::relay(s3.url().trim_start_matches("http://"), accept).await.unwrap();
    (format!("https://localhost:{}", address.port()), serving)
}
