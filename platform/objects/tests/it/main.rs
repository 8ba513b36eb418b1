//! Integration tests of object storage on a directory and, with the feature `engines`, on a real server of the S3 protocol.

#![allow(clippy::unwrap_used)] // a test may panic

mod conditions;
mod directory;
#[cfg(feature = "engines")]
mod s3;
mod suite;
