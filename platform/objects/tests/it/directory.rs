//! A directory.

use bytes::Bytes;
use souk_objects::{ObjectName, Objects};

use crate::suite::{self, PNG, is_unavailable};

#[tokio::test]
async fn a_directory_keeps_objects() {
    let directory = tempfile::tempdir().unwrap();
    let open = || Objects::local(&directory.path().join("media")).unwrap();
    suite::all(&open(), &open()).await;
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let objects = Objects::local(directory.path()).unwrap();
    objects.put(Bytes::from_static(b"plain")).await.unwrap_err();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_directory_is_said_and_a_broken_one_is_unavailable() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(Objects::local(&file).is_err());

    let objects = Objects::local(directory.path()).unwrap();
    let name = objects.put(Bytes::from_static(PNG)).await.unwrap();
    // A file lies where a directory should.
    let other = suite::picture("other");
    let shard = ObjectName::new(&other, name.kind()).to_string()[..2].to_owned();
    std::fs::write(directory.path().join(shard), "x").unwrap();
    assert!(is_unavailable(objects.put(other).await.unwrap_err()));
    assert!(objects.get(&name).await.unwrap().is_some());
}
