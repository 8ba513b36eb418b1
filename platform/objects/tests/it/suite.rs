//! Test suite of object storage: what every storage does.

use bytes::Bytes;
use futures_util::TryStreamExt;
use souk_kernel::Problem;
use souk_objects::{AssetKind, AssetName, MAX_OBJECT, MediaKind, Object, ObjectError, ObjectName, Objects};

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

/// A picture with bytes of its own.
pub fn picture(seed: &str) -> Bytes {
    [PNG, seed.as_bytes()].concat().into()
}

pub async fn content(object: Object) -> Vec<u8> {
    let size = object.size;
    let pieces: Vec<Bytes> = object.stream.try_collect().await.unwrap();
    let content = pieces.concat();
    assert_eq!(content.len() as u64, size);
    content
}

/// Puts, gets, refuses. `again` is the same storage as another process opens it.
pub async fn all(objects: &Objects, again: &Objects) {
    // The same content has one name and comes back whole, to every reader.
    let name = objects.put(Bytes::from_static(PNG)).await.unwrap();
    assert_eq!(objects.put(Bytes::from_static(PNG)).await.unwrap(), name);
    assert_eq!(again.put(Bytes::from_static(PNG)).await.unwrap(), name);
    for one in [objects, again] {
        assert_eq!(content(one.get(&name).await.unwrap().unwrap()).await, PNG);
    }
    assert!(objects.get(&ObjectName::new(b"absent", MediaKind::Png)).await.unwrap().is_none());
    assert!(!objects.has(&ObjectName::new(b"absent", MediaKind::Png)).await.unwrap());

    // The largest there may be, and what may not.
    let mut large = PNG.to_vec();
    large.resize(MAX_OBJECT, 7);
    let name = objects.put(large.clone().into()).await.unwrap();
    assert_eq!(content(again.get(&name).await.unwrap().unwrap()).await, large);
    large.push(7);
    assert!(matches!(objects.put(large.into()).await, Err(ObjectError::TooLarge)));
    let script = Bytes::from_static(b"<html><script>alert(1)</script>");
    assert!(matches!(objects.put(script.clone()).await, Err(ObjectError::UnknownKind)));
    assert!(objects.get(&ObjectName::new(&script, MediaKind::Svg)).await.unwrap().is_none(), "nothing was kept");

    // Many at once, the same among them.
    let put = |seed: usize| objects.put(picture(&(seed % 8).to_string()));
    let names = futures_util::future::try_join_all((0..32).map(put)).await.unwrap();
    for (seed, name) in names.iter().enumerate() {
        assert_eq!(content(again.get(name).await.unwrap().unwrap()).await, picture(&(seed % 8).to_string()));
    }

    // Assets are beside the pictures and not among them.
    let css = Bytes::from_static(b"body{}");
    let name = AssetName::new("souk", &css, AssetKind::Css).unwrap();
    assert!(objects.get_asset(&name).await.unwrap().is_none());
    objects.put_asset(&name, css.clone()).await.unwrap();
    objects.put_asset(&name, css.clone()).await.unwrap();
    assert_eq!(content(again.get_asset(&name).await.unwrap().unwrap()).await, css);
}

/// What callers see of a storage that does not answer.
pub fn is_unavailable(error: ObjectError) -> bool {
    Problem::from(error).is("media_unavailable")
}
