//! Encoding of a value with a position: eight bytes of position (big endian), a byte that says what follows, the value as
//! JSON, compressed when that pays.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_cache::Loaded;

/// Bytes before the value.
const HEAD: usize = 9;
/// No value: only that older ones are not true any more.
const FLOOR: u8 = 0;
const PLAIN: u8 = 1;
const DEFLATED: u8 = 2;
/// Bytes of JSON from which on it is compressed: below, it costs more than the way it saves.
const COMPRESSED_FROM: usize = 1024;
/// Bytes a value may have in Redis: a larger one would hold up all other answers on the connection.
const MAX_STORED: usize = 512 * 1024;
/// Bytes a value may have when it is unpacked again.
const MAX_PLAIN: u64 = 8 * 1024 * 1024;

/// The value's bytes; none when it is too large to be kept.
pub(crate) fn encode<V: Serialize>(position: u64, value: &V) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(value).ok()?;
    let mut bytes = position.to_be_bytes().to_vec();
    if json.len() < COMPRESSED_FROM {
        bytes.push(PLAIN);
        bytes.extend(json);
        return Some(bytes);
    }
    bytes.push(DEFLATED);
    let mut encoder = DeflateEncoder::new(bytes, Compression::fast());
    encoder.write_all(&json).ok()?;
    encoder.finish().ok().filter(|bytes| bytes.len() <= MAX_STORED)
}

/// What stands for "nothing older than `position` is true".
pub(crate) fn floor(position: u64) -> Vec<u8> {
    let mut bytes = position.to_be_bytes().to_vec();
    bytes.push(FLOOR);
    bytes
}

/// The value; none for a floor and for what cannot be read.
pub(crate) fn decode<V: DeserializeOwned>(bytes: &[u8]) -> Option<Loaded<V>> {
    let (head, body) = bytes.split_at_checked(HEAD)?;
    let position = u64::from_be_bytes(head[..8].try_into().ok()?);
    let value = match head[8] {
        PLAIN => serde_json::from_slice(body).ok()?,
        DEFLATED => {
            let mut json = Vec::new();
            DeflateDecoder::new(body).take(MAX_PLAIN).read_to_end(&mut json).ok()?;
            serde_json::from_slice(&json).ok()?
        }
        _ => return None,
    };
    Some(Loaded::at(position, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_long_ones_are_smaller() {
        for value in ["short".to_owned(), "all work and no play ".repeat(200)] {
            let bytes = encode(u64::MAX - 1, &value).unwrap();
            assert!(bytes.len() <= value.len().min(1_000) + 11, "{} for {}", bytes.len(), value.len());
            assert_eq!(decode(&bytes), Some(Loaded::at(u64::MAX - 1, value)));
        }
    }

    #[test]
    fn a_floor_and_what_is_damaged_are_no_values() {
        assert_eq!(decode::<String>(&floor(7)), None);
        let bytes = encode(7, &"all work and no play ".repeat(200)).unwrap();
        for end in 0..bytes.len() {
            assert_eq!(decode::<String>(&bytes[..end]), None, "{end}");
        }
    }
}
