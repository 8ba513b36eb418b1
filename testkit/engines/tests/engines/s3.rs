//! The S3 endpoint; that objects go in and come out is tested with the client that Souk uses (souk-objects).

use souk_engines::S3;

use crate::{HUNG, http};

#[tokio::test]
async fn it_refuses_strangers_hangs_dies_and_comes_back() {
    let s3 = S3::start("media").await.unwrap();
    let url = s3.url();
    let (status, body) = http(&url, "GET", "/media", "").await.unwrap();
    assert!(status == 403 && body.contains("AccessDenied"), "{status} {body}");

    s3.pause().unwrap();
    assert!(tokio::time::timeout(HUNG, http(&url, "GET", "/media", "")).await.is_err(), "hung, not gone");
    s3.resume().unwrap();
    assert_eq!(http(&url, "GET", "/media", "").await.unwrap().0, 403);

    s3.kill();
    assert!(http(&url, "GET", "/media", "").await.is_err());
    s3.restart().await.unwrap();
    assert_eq!(http(&url, "GET", "/media", "").await.unwrap().0, 403);
}
