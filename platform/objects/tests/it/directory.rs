//! Object storage in a directory.

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

/// A full file system, of its own: mounting takes root, whom CI runs as.
#[tokio::test]
async fn a_full_disk_has_a_word_and_keeps_nobody_from_reading() {
    let directory = tempfile::tempdir().unwrap();
    let mount = |words: &[&str]| std::process::Command::new(words[0]).args(&words[1..]).arg(directory.path()).status();
    let mounted = mount(&["mount", "-t", "tmpfs", "-o", "size=256k", "souk-test"]);
    assert!(mounted.is_ok_and(|status| status.success()), "this test mounts a tmpfs, which takes root");
    let objects = Objects::local(directory.path()).unwrap();
    let name = objects.put(Bytes::from_static(PNG)).await.unwrap();
    let large = |number: u8| Bytes::from([PNG, &[number; 300 * 1024]].concat());
    // More failures than a storage may have before it is left alone.
    for number in 0..50 {
        let refused = souk_kernel::Problem::from(objects.put(large(number)).await.unwrap_err());
        assert_eq!((refused.kind, refused.code.as_ref()), (souk_kernel::Kind::Unavailable, "storage_full"), "{number}");
    }
    assert!(objects.get(&name).await.unwrap().is_some());
    drop(objects);
    assert!(mount(&["umount"]).is_ok_and(|status| status.success()));
}
